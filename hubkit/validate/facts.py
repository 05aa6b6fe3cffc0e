"""The facts that rules look at, read once, in the cheapest order: tree, configurations, headers, thresholds, card."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from hubkit.errors import IncompleteError
from hubkit.formats import saelens
from hubkit.formats.detect import CONFIG_NAMES, WEIGHT_NAMES, detect
from hubkit.formats.family import Cfg, Family
from hubkit.formats.strict_json import Document, JsonFault, parse
from hubkit.readme.document import Readme, parse_readme
from hubkit.repo.view import TooLargeError
from hubkit.tensors.header import Header, HeaderError
from hubkit.tensors.safetensors import read_header
from hubkit.tensors.slices import read_values
from hubkit.validate.rule import Need

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from hubkit.repo.view import Entry, RepoView

WEIGHTS = "sae_weights.safetensors"
WEIGHT_ENDINGS = (".safetensors", ".pt", ".pth", ".npz", ".bin")
NOT_WEIGHTS = {
    "sparsity.safetensors",
    "activation_whitening.safetensors",
    "activations_store_state.safetensors",
    "trainer_state.pt",
}


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
    threshold: npt.NDArray[np.float64] | None = None
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

    @property
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
    readme: Readme | None = None
    evaluation_text: str | None = None
    unread: dict[Need, str] = field(default_factory=dict)


def gather(view: RepoView, needs: Need) -> RepoFacts:
    """Read what `needs` asks for. Raises HubkitError only when the listing itself fails."""
    entries = view.list()
    facts = RepoFacts(
        view,
        entries,
        [sae for folder, files in _folders(entries).items() if (sae := _sae(view, folder, files, entries))],
    )
    for sae in facts.saes:
        if needs & (Need.HEADER | Need.THRESHOLD):
            _read_header(view, sae)
        if Need.THRESHOLD in needs:
            _read_threshold(view, sae)
    if (
        Need.README in needs
        and (text := _read_text(view, "README.md", facts.unread, Need.README)) is not None
    ):
        facts.readme = parse_readme(text)
    if Need.EVALUATION in needs:
        facts.evaluation_text = _read_text(view, "evaluation.json", facts.unread, Need.EVALUATION)
    return facts


def _folders(entries: list[Entry]) -> dict[str, dict[str, Entry]]:
    folders: dict[str, dict[str, Entry]] = {}
    for entry in entries:
        folders.setdefault(entry.folder, {})[entry.name] = entry
    return folders


def _sae(view: RepoView, folder: str, files: dict[str, Entry], entries: list[Entry]) -> SaeFacts | None:
    """The SAE in a folder, or None when there is nothing that looks like one."""
    config = next((files[name] for name in CONFIG_NAMES if name in files), None)
    known_weights = any(name in files for name in WEIGHT_NAMES)
    if config is None and not known_weights:
        return None
    sae = SaeFacts(folder, files, weights=_weights(folder, files, entries))
    if config is not None:
        _read_cfg(view, sae, config)
    judged = sae.family is not None or known_weights
    # A cfg.json that cannot be parsed is somebody's broken SAE; any other unknown JSON is none of ours.
    broken = config is not None and config.name == "cfg.json" and sae.document is None
    if not judged and not broken:
        return None
    if sae.family is None and (WEIGHTS in files or broken):
        sae.family = saelens.FAMILY
    return sae


def _weights(folder: str, files: dict[str, Entry], entries: list[Entry]) -> Entry | None:
    for name in WEIGHT_NAMES:
        if name in files:
            return files[name]
    here = [
        entry
        for entry in files.values()
        if entry.name.endswith(WEIGHT_ENDINGS) and entry.name not in NOT_WEIGHTS
    ]
    below = str(PurePosixPath(folder) / "checkpoints")
    return next(iter(here), None) or next(
        (e for e in entries if e.folder == below and e.name.endswith(WEIGHT_ENDINGS)), None
    )


def _read_cfg(view: RepoView, sae: SaeFacts, entry: Entry) -> None:
    sae.cfg_path = entry.path
    try:
        data = view.read(entry.path)
        sae.cfg_text = data.decode("utf-8", errors="replace")
        document = parse(data)
    except TooLargeError as error:
        sae.cfg_fault = JsonFault(error.message, 1)
    except JsonFault as fault:
        sae.cfg_fault = fault
    except IncompleteError as error:
        sae.unread[Need.CFG] = error.message
    else:
        if isinstance(document.value, dict):
            sae.document = document
            sae.family = detect(document.value)
        else:
            sae.cfg_fault = JsonFault(
                f"the file holds a JSON {type(document.value).__name__}, expected an object", 1
            )


def _read_header(view: RepoView, sae: SaeFacts) -> None:
    if sae.weights is None or not sae.weights.name.endswith(".safetensors"):
        return
    try:
        sae.header = read_header(view, sae.weights.path)
    except HeaderError as fault:
        sae.header_fault = fault
    except IncompleteError as error:
        sae.unread[Need.HEADER] = sae.unread[Need.THRESHOLD] = error.message


def _read_threshold(view: RepoView, sae: SaeFacts) -> None:
    if sae.header is None or sae.weights is None or not sae.is_saelens:
        return
    info = sae.header.tensors.get("threshold")
    if info is None or not info.shape or 0 in info.shape:
        return
    try:
        sae.threshold = read_values(view, sae.weights.path, info).reshape(-1)
    except IncompleteError as error:
        sae.unread[Need.THRESHOLD] = error.message


def _read_text(view: RepoView, path: str, unread: dict[Need, str], need: Need) -> str | None:
    if view.entry(path) is None:
        return None
    try:
        return view.read(path).decode("utf-8", errors="replace")
    except IncompleteError as error:
        unread[need] = error.message
        return None
