"""The facts that rules look at: an SAE and what went wrong in reading it, and the repository as a whole. `gather` reads them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from hubkit.formats import architectures
from hubkit.formats.json_file import JsonFile
from hubkit.formats.strict_json import escape
from hubkit.readme.claims import Claims
from hubkit.readme.page import Page, page_of
from hubkit.release.layout import WEIGHTS

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from hubkit.formats.cfg import Cfg
    from hubkit.formats.family import Family
    from hubkit.formats.folder import Folder, Head
    from hubkit.formats.sae import Origin, Sae
    from hubkit.formats.strict_json import Document, JsonFault
    from hubkit.models.base_model import BaseModel
    from hubkit.readme.base_mentions import Mention
    from hubkit.readme.document import Readme
    from hubkit.release.evidence_text import EvidenceText
    from hubkit.repo.view import Entry, RepoView
    from hubkit.tensors.header import Header, HeaderError
    from hubkit.validate.bound import Bound
    from hubkit.validate.code_by_name import CodeFile
    from hubkit.validate.deep import WholeWeights
    from hubkit.validate.load import Loaded
    from hubkit.validate.measured_values import Value
    from hubkit.validate.need import Need
    from hubkit.validate.pickles import Pickle
    from hubkit.validate.secret_texts import Secret
    from hubkit.validate.stated_values import Judged

__all__ = ["WEIGHTS", "JsonFile", "RepoFacts", "SaeFacts"]

SAELENS = "saelens"
OF_CODE = {
    "pyproject.toml",
    "setup.py",
    "setup.cfg",
    "Cargo.toml",
    "package.json",
    "CMakeLists.txt",
    "go.mod",
}
"""Files at the root of a code repository."""


@dataclass
class SaeFacts:
    """One SAE and what went wrong in reading it. What was not needed, or could not be read, is None."""

    sae: Sae
    folder: Folder
    weights: Entry | None = None
    head: Head | None = None
    """The header of the weights, or why there is none."""
    pickle: Pickle | None = None
    stored_thresholds: npt.NDArray[np.float64] | None = None
    """As the file has them; what is 0 or infinite once it is loaded is so in `thresholds` alone."""
    thresholds: npt.NDArray[np.float64] | None = None
    """(d_sae,), or (1,) where one stands for all latents."""
    scaling: npt.NDArray[np.float64] | None = None
    """`scaling_factor`, where the file has one."""
    stored_k: int | None = None
    """The k that the weights keep as a tensor, where they do."""
    stored_groups: tuple[int, ...] | None = None
    """Latents of each level of a Matryoshka, where the weights keep them."""
    stored_norms: Mapping[str, float] = field(default_factory=dict)
    """Mean norms of activations that OpenMOSS keeps as tensors, by their names."""
    whole: WholeWeights | None = None
    """Statistics of every tensor: only with `--deep`."""
    weights_sha256: str | None = None
    """From the listing; of local files where they look like another's, and with `--deep` where something records what it should be."""
    loaded: Loaded | None = None
    """What SAELens made of it: only with `--load`."""
    base: BaseModel | None = None
    """The base model it names, where the shipped table has it; with `--base-model` any."""
    unread: dict[Need, str] = field(default_factory=dict)
    """Why a fact could not be read."""

    @property
    def sae_id(self) -> str:
        """Path of the folder, or of the file without its ending, in the repository; `.` at the root."""
        return self.sae.sae_id

    @property
    def family(self) -> Family | None:
        """Who wrote it; None for a cfg.json that cannot be parsed, with nothing beside it that is known."""
        return self.sae.family

    @property
    def in_one_file(self) -> bool:
        """Whether all of its weights lie in one file: what is true of the file is true of them."""
        return self.weights is not None and len(self.sae.files) <= 1

    @property
    def is_saelens(self) -> bool:
        """Whether SAELens wrote it, so that the rules of its loader apply."""
        return self.sae.family.name == SAELENS

    @property
    def files(self) -> Mapping[str, Entry]:
        """Every file directly in its folder, by name."""
        return self.folder.files

    @property
    def config(self) -> JsonFile | None:
        """The configuration as it lies in the folder."""
        return self.folder.config

    @property
    def cfg_path(self) -> str | None:
        """Path of the configuration; None where the folder has none."""
        entry = self.folder.config_entry
        return entry.path if entry else None

    @property
    def cfg_text(self) -> str:
        """The configuration as text."""
        return self.config.text if self.config else ""

    @property
    def document(self) -> Document | None:
        """The configuration where it is a JSON object."""
        return self.config.document if self.config and not self.config.fault else None

    @property
    def cfg_fault(self) -> JsonFault | None:
        """What is wrong with the configuration as JSON."""
        return self.config.fault if self.config else None

    @property
    def raw(self) -> Mapping[str, Any]:
        """The configuration as written; empty where there is none."""
        return self.config.value if self.config else {}

    @property
    def cfg(self) -> Cfg | None:
        """The configuration as SAELens loads it, for SAELens folders with a readable one."""
        return self.sae.cfg

    @property
    def header(self) -> Header | None:
        """Of the weights."""
        return self.head.header if self.head else None

    @property
    def header_fault(self) -> HeaderError | None:
        """What is wrong with the weights file."""
        return self.head.fault if self.head else None

    @property
    def architecture(self) -> str | None:
        """What the family's own code builds, where that is known; of SAELens what its registry has."""
        name = self.sae.architecture
        return name if not self.is_saelens or name in architectures.INFERENCE else None

    def at(self, pointer: str) -> dict[str, Any]:
        """The place of a finding in the configuration: path, pointer, and the line where there is one."""
        line = self.document.lines.get(pointer) if self.document else None
        return {"path": self.cfg_path, "pointer": pointer, "line": line}

    def where(self, name: str) -> dict[str, Any]:
        """The place of a field of the SAE: in whichever file it is written."""
        return self._place(self.sae.origins.get(name))

    def in_weights(self, tensor: str) -> dict[str, Any]:
        """The place of a tensor, by SAELens's name for it."""
        found = self.sae.tensors.get(tensor)
        if found is not None:
            return self._place(found.origin)
        return {"path": self.sae.weights, "pointer": f"/{escape(tensor)}"}

    def at_threshold(self) -> dict[str, Any]:
        """The place of what decides whether a latent fires: a tensor, or a number of the configuration."""
        return self._place(self.sae.threshold.origin if self.sae.threshold else None)

    def _place(self, origin: Origin | None) -> dict[str, Any]:
        if origin is None:
            return {"path": self.cfg_path or self.sae.weights}
        if origin.path == self.cfg_path:
            return self.at(origin.pointer)
        return {"path": origin.path, "pointer": origin.pointer or None}


@dataclass
class RepoFacts:
    """The repository as a whole."""

    view: RepoView
    entries: list[Entry]
    saes: list[SaeFacts]
    folders: Mapping[str, Folder] = field(default_factory=dict)
    """Every folder that holds files, by path, with what was read of it."""
    configs: list[JsonFile] = field(default_factory=list)
    """Every configuration that was read, an SAE's or not."""
    readme: Readme | None = None
    cards: dict[str, Readme] = field(default_factory=dict)
    """The cards of the folders inside, by path: where several releases lie in one folder."""
    releases: tuple[str, ...] = ()
    """The folders inside that are releases of their own, where this is what lies around them."""
    repository: str | None = None
    """OWNER/NAME: of the Hub, or as a folder declares it in its own files; None where nobody says."""
    card_settings: Mapping[str, Any] = field(default_factory=dict)
    """card.yaml, where the author keeps one; empty where it is not there, or no mapping."""
    evaluation: JsonFile | None = None
    metrics: list[JsonFile] = field(default_factory=list)
    """The SAEs' own metrics.json: only with `--deep`."""
    provenance: JsonFile | None = None
    pool_report: JsonFile | None = None
    evidence: EvidenceText | None = None
    """evidence.yaml: what the author states."""
    pickles: list[Pickle] = field(default_factory=list)
    """Every file with pickles in it, and every one that may have some and could not be looked into."""
    unknown: list[str] = field(default_factory=list)
    """Files, and members of files, of no kind that is known here."""
    unlooked: list[str] = field(default_factory=list)
    """Files in which nobody looked for pickles, each with the reason."""
    code: list[CodeFile] = field(default_factory=list)
    """Files, beside pickles, that run code when somebody uses them."""
    code_unread: list[str] = field(default_factory=list)
    """Such files that could not be read, each with the reason."""
    secrets: tuple[Secret, ...] = ()
    """In the texts that no other rule reads."""
    unread: dict[Need, str] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    """What a rule has to say beside its findings: that it did what was asked for, and how far it went."""

    @property
    def other_ids(self) -> Iterator[str]:
        """Further names by which an SAE may be called: within its release inside, or by its path in the repository around this one."""
        around = f"{self.view.within}/" if self.view.within else ""
        for sae in self.saes:
            yield around + sae.sae_id
            yield from (
                sae.sae_id.removeprefix(f"{one}/")
                for one in self.releases
                if sae.sae_id.startswith(f"{one}/")
            )

    @property
    def card(self) -> Readme | None:
        """README.md where it is a model card: not that of a code repository, which has no front matter and its project's files beside it."""
        if self.readme is None or self.readme.head is not None:
            return self.readme
        return None if any(entry.path in OF_CODE for entry in self.entries) else self.readme

    @cached_property
    def claims(self) -> Claims:
        """What the card claims; nothing where there is no card."""
        return self.page.claims if self.page else Claims(())

    @cached_property
    def page(self) -> Page | None:
        """The card line by line."""
        return page_of(self.card) if self.card else None

    @cached_property
    def bound(self) -> Bound:
        """Of which SAEs each claim of the card speaks."""
        from hubkit.validate.bound import Bound  # it asks these facts

        return Bound(self, [sae for sae in self.saes if sae.sae.is_judged])

    @cached_property
    def values(self) -> tuple[Value, ...]:
        """Every value that the files of hubkit's form state (`measured_values.py`)."""
        from hubkit.validate.measured_values import values_of

        return tuple(values_of(self))

    @cached_property
    def stated(self) -> tuple[Judged, ...]:
        """What evidence.yaml states, each held against the files (`stated_values.py`)."""
        if self.evidence is None or not self.evidence.is_ours:
            return ()
        from hubkit.validate.stated_values import judged  # as for claims

        return judged(self)

    @cached_property
    def base_mentions(self) -> tuple[Mention, ...]:
        """Where the card says which base model its SAEs are of."""
        from hubkit.readme.base_mentions import base_mentions  # its patterns take a while to compile

        return tuple(base_mentions(self.page)) if self.page else ()

    @property
    def evaluation_text(self) -> str | None:
        """evaluation.json as it stands."""
        return self.evaluation.text if self.evaluation else None
