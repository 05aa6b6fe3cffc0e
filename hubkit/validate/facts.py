"""The facts that rules look at, read once, in the cheapest order: tree, configurations, headers, thresholds, card, whole weights."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from hubkit.engine.events import Event, Report, silent
from hubkit.errors import IncompleteError
from hubkit.formats import saelens
from hubkit.formats.detect import WEIGHT_NAMES
from hubkit.formats.family import Cfg, Family
from hubkit.formats.strict_json import Document, JsonFault
from hubkit.readme.claims import Claims, import_grammar, read_claims
from hubkit.readme.document import Readme, parse_readme
from hubkit.readme.page import Page
from hubkit.release.card_digest import recorded_digests
from hubkit.validate import reading
from hubkit.validate.ahead import first_wants, what_follows
from hubkit.validate.json_file import JsonFile
from hubkit.validate.pickle_search import find_pickles
from hubkit.validate.reading import PROVENANCE, WEIGHTS
from hubkit.validate.rule import Need

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from hubkit.repo.view import Entry, RepoView
    from hubkit.tensors.header import Header, HeaderError
    from hubkit.validate.base_model import BaseModel
    from hubkit.validate.deep import WholeWeights
    from hubkit.validate.load import Loaded
    from hubkit.validate.pickles import Pickle

__all__ = ["WEIGHTS", "JsonFile", "RepoFacts", "SaeFacts", "gather"]


@dataclass
class SaeFacts:
    """One SAE folder. What was not needed, or could not be read, is None."""

    sae_id: str
    """Path of the folder in the repository, `.` at the root."""
    files: Mapping[str, Entry]
    """Every file directly in the folder, by name."""
    cfg_path: str | None = None
    cfg_text: str = ""
    document: Document | None = None
    cfg_fault: JsonFault | None = None
    family: Family | None = None
    weights: Entry | None = None
    header: Header | None = None
    header_fault: HeaderError | None = None
    pickle: Pickle | None = None
    threshold: npt.NDArray[np.float64] | None = None
    scaling: npt.NDArray[np.float64] | None = None
    """`scaling_factor`, where the file has one."""
    whole: WholeWeights | None = None
    """Statistics of every tensor: only with `--deep`."""
    weights_sha256: str | None = None
    """From the listing; with `--deep` of local files too."""
    loaded: Loaded | None = None
    """What SAELens made of it: only with `--load`."""
    base: BaseModel | None = None
    """The base model it names: only with `--base-model`."""
    unread: dict[Need, str] = field(default_factory=dict)
    """Why a fact could not be read."""

    @property
    def is_saelens(self) -> bool:
        """Whether the SAELens rules apply: its own family, or a folder that can be nothing else."""
        return self.family is saelens.FAMILY

    @property
    def raw(self) -> Mapping[str, Any]:
        """The configuration as written; empty where there is none."""
        return self.document.value if self.document else {}

    @cached_property
    def cfg(self) -> Cfg | None:
        """The configuration as SAELens loads it, for SAELens folders with a readable one."""
        return saelens.read_cfg(self.raw) if self.is_saelens and self.document else None

    @property
    def architecture(self) -> str | None:
        """What SAELens builds, where that is known to it."""
        cfg = self.cfg
        return cfg.architecture if cfg and cfg.architecture in saelens.INFERENCE else None

    def at(self, pointer: str) -> dict[str, Any]:
        """The place of a finding in the configuration: path, pointer, and the line where there is one."""
        return {
            "path": self.cfg_path,
            "pointer": pointer,
            "line": self.document.lines.get(pointer) if self.document else None,
        }

    def in_weights(self, tensor: str) -> dict[str, Any]:
        """The place of a finding in the weights."""
        return {"path": self.weights.path if self.weights else None, "pointer": f"/{tensor}"}


@dataclass
class RepoFacts:
    """The repository as a whole."""

    view: RepoView
    entries: list[Entry]
    saes: list[SaeFacts]
    configs: list[JsonFile] = field(default_factory=list)
    """Every configuration that was read, an SAE's or not."""
    readme: Readme | None = None
    cards: dict[str, Readme] = field(default_factory=dict)
    """The cards of the folders inside, by path: where several releases lie in one folder."""
    evaluation: JsonFile | None = None
    metrics: list[JsonFile] = field(default_factory=list)
    """The SAEs' own metrics.json: only with `--deep`."""
    provenance: JsonFile | None = None
    pickles: list[Pickle] = field(default_factory=list)
    """Every file with pickles in it, and every one that may have some and could not be looked into."""
    unlooked: list[str] = field(default_factory=list)
    """Files in which nobody looked for pickles, each with the reason."""
    unread: dict[Need, str] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    """What a rule has to say beside its findings: that it did what was asked for, and how far it went."""

    @cached_property
    def claims(self) -> Claims:
        """What the card claims; nothing where there is no card."""
        return read_claims(self.page) if self.page else Claims(())

    @cached_property
    def page(self) -> Page | None:
        """The card line by line."""
        return Page(self.readme) if self.readme else None

    @property
    def evaluation_text(self) -> str | None:
        """evaluation.json as it stands."""
        return self.evaluation.text if self.evaluation else None


def gather(view: RepoView, needs: Need, report: Report = silent) -> RepoFacts:
    """Read what `needs` asks for; `report` hears of every SAE that is read whole. Raises HubkitError only when the listing itself fails."""
    with ThreadPoolExecutor(1) as meanwhile:
        facts = RepoFacts(view, view.list(), [])
        if Need.README in needs and view.entry("README.md"):
            meanwhile.submit(import_grammar)
        folders = _folders(facts.entries)
        view.prefetch(first_wants(view, folders, needs), lambda path: what_follows(view, path, needs))
    for folder in folders:
        if (sae := _sae(facts, folder, folders)) is not None:
            facts.saes.append(sae)
    view.each(lambda sae: _read_tensors(view, sae, needs), facts.saes)
    _read_texts(facts, needs)
    if Need.HEADER in needs:
        find_pickles(facts)
    if Need.WEIGHTS in needs:
        _read_weights(facts, report)
    if Need.LOAD in needs:
        _load(facts)
    view.settle()
    return facts


def _read_tensors(view: RepoView, sae: SaeFacts, needs: Need) -> None:
    if needs & (Need.HEADER | Need.THRESHOLD | Need.WEIGHTS):
        reading.read_header_of(view, sae)
    if Need.THRESHOLD in needs:
        reading.read_threshold_of(view, sae)


def _read_weights(facts: RepoFacts, report: Report) -> None:
    """Every file of weights whole, some at a time. Hashed is only what has a checksum in provenance.json or the card, or looks like another file."""
    card = recorded_digests(facts.readme.front_matter if facts.readme else None)
    digest = facts.provenance is not None or card.weights is not None
    with ThreadPoolExecutor(facts.view.at_once) as pool:
        jobs = {pool.submit(reading.read_whole, facts.view, sae, digest=digest): sae for sae in facts.saes}
        for done, job in enumerate(as_completed(jobs), 1):
            job.result()
            report(Event("weights", done, len(facts.saes), jobs[job].sae_id))
    reading.hash_lookalikes(facts.view, facts.saes)


def _load(facts: RepoFacts) -> None:
    """Ask SAELens for every SAE of its own format."""
    from hubkit.validate.load import load_all

    ours = [sae for sae in facts.saes if sae.is_saelens]
    try:
        found = load_all(facts.view, [sae.sae_id for sae in ours])
    except IncompleteError as error:
        for sae in ours:
            sae.unread[Need.LOAD] = error.message
        return
    for sae in ours:
        sae.loaded = found.get(sae.sae_id)


def _folders(entries: list[Entry]) -> dict[str, dict[str, Entry]]:
    folders: dict[str, dict[str, Entry]] = {}
    for entry in entries:
        folders.setdefault(entry.folder, {})[entry.name] = entry
    return folders


def _sae(facts: RepoFacts, folder: str, folders: dict[str, dict[str, Entry]]) -> SaeFacts | None:
    """The SAE in a folder, or None when there is nothing that looks like one."""
    files = folders[folder]
    config = reading.configuration(files)
    known_weights = any(name in files for name in WEIGHT_NAMES)
    if config is None and not known_weights:
        return None
    weights = reading.weights_of(folder, folders)
    sae = SaeFacts(folder, files, weights=weights, weights_sha256=weights.sha256 if weights else None)
    if config is not None and (file := reading.read_cfg(facts.view, sae, config)):
        facts.configs.append(file)
    judged = sae.family is not None or known_weights
    # A cfg.json that cannot be parsed is somebody's broken SAE; any other unknown JSON is none of ours.
    broken = config is not None and config.name == "cfg.json" and sae.document is None
    if not judged and not broken:
        return None
    if sae.family is None and (WEIGHTS in files or broken):
        sae.family = saelens.FAMILY
    return sae


def _read_texts(facts: RepoFacts, needs: Need) -> None:
    view = facts.view
    if Need.README in needs:
        file = reading.read_text(view, "README.md", facts.unread, Need.README)
        facts.readme = parse_readme(file.decode("utf-8", errors="replace")) if file is not None else None
        for entry in reading.inner_cards(facts.entries):
            inner = reading.read_text(view, entry.path, facts.unread, Need.README)
            if inner is not None:
                facts.cards[entry.path] = parse_readme(inner.decode("utf-8", errors="replace"))
    if Need.EVALUATION in needs:
        facts.evaluation = reading.read_json(view, "evaluation.json", facts.unread, Need.EVALUATION)
        if Need.WEIGHTS in needs:
            paths = [sae.files["metrics.json"].path for sae in facts.saes if "metrics.json" in sae.files]
            found = (reading.read_json(view, path, facts.unread, Need.EVALUATION) for path in paths)
            facts.metrics = [file for file in found if file]
    if Need.PROVENANCE in needs:
        facts.provenance = reading.read_json(view, PROVENANCE, facts.unread, Need.PROVENANCE)
