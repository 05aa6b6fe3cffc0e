"""Everything a card may state, read from the release's files and nowhere else."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from hubkit.cards import stated
from hubkit.cards.base import BaseFacts, base_facts
from hubkit.cards.checksums import Checksums
from hubkit.cards.libraries import LIBRARIES, Library, configuration_of, described, library_of
from hubkit.cards.released import artefact, is_computed
from hubkit.cards.settings import CardSettings
from hubkit.cards.stated import Stated
from hubkit.cards.text import word
from hubkit.errors import IncompleteError, NothingFound
from hubkit.formats.sae import BATCH_TOPK, THRESHOLDED, Sae
from hubkit.release.card_digest import texts_digest, weights_digest
from hubkit.release.digests import sha256_of_json
from hubkit.release.layout import (
    EVALUATION,
    EVIDENCE,
    METRICS,
    POOL_REPORT,
    PROVENANCE,
    WEIGHTS,
    is_left_out,
)
from hubkit.release.metrics import Evaluation, MetricValue, SaeMetrics, Split
from hubkit.release.pool_report import PoolReport
from hubkit.release.provenance import Provenance
from hubkit.release.sae_record import Rewritten, SaeRecord
from hubkit.repo.local import open_folder
from hubkit.validate.finding import Finding, Severity
from hubkit.validate.reading import read_settings
from hubkit.validate.report import Report
from hubkit.validate.rule import REGISTRY
from hubkit.validate.run import Selection, validate

if TYPE_CHECKING:
    from hubkit.cards.in_study import InStudy
    from hubkit.repo.view import RepoView

STORED = {
    "F64": "float64",
    "F32": "float32",
    "F16": "float16",
    "BF16": "bfloat16",
    "I8": "int8",
    "U8": "uint8",
}
"""safetensors' names of formats to torch's."""
NEVER_LEARNED = {"THR001", "THR002"}
"""Findings that say that a threshold never left its initial value."""
BARELY_MOVED = {"THR010"}
Thresholds = Literal["differ", "one value", "never learned", "barely moved", "not read"]
"""What the thresholds of an SAE show: that they differ between latents is all that a file can say of learning."""


@dataclass(frozen=True)
class Source:
    """Where a fact is written."""

    file: str
    """Path in the release; `hubkit/...` for the table of base models."""
    pointer: str
    """JSON pointer in it; empty where the fact is the file itself (its presence, its size, its header)."""


@dataclass(frozen=True)
class SaeFact:
    """One SAE as a card speaks of it: what its files hold, what was measured, what was found."""

    sae: Sae
    raw: Mapping[str, Any]
    """cfg.json as written: for the pointers."""
    metrics: SaeMetrics | None
    """What hubkit computed of it."""
    metrics_file: str | None
    """The file that `metrics` was read from."""
    findings: tuple[Finding, ...]
    warnings: tuple[str, ...] = ()
    """What training and evaluation said of it, from the same file."""
    unlike: bool | None = None
    """Whether its thresholds differ between latents; None where it has none, or they could not be read."""
    not_checked: tuple[str, ...] = ()
    """Rules that could not be asked about it."""

    @property
    def sae_id(self) -> str:
        """Its folder in the repository."""
        return self.sae.sae_id

    @property
    def architecture(self) -> str:
        """As it is published, as it may stand in Markdown."""
        return word(self.sae.architecture or "")

    @property
    def trained_as(self) -> str:
        """As it was trained, likewise."""
        return word(self.sae.trained_as or "")

    @property
    def d_in(self) -> int:
        """Width of the activations."""
        return self.sae.d_in or 0

    @property
    def d_sae(self) -> int:
        """Number of latents."""
        return self.sae.d_sae or 0

    @property
    def k(self) -> int | None:
        """TopK's k, or a BatchTopK's before it was exported."""
        return self.sae.k or self._trained_k

    @property
    def target_l0(self) -> int | None:
        """The L0 that another architecture than TopK was trained towards."""
        return self.sae.target_l0 if self.k is None else None

    @property
    def _trained_k(self) -> int | None:
        k = self.sae.cfg.training_details.get("k") if self.sae.cfg and self.trained_as in BATCH_TOPK else None
        return k if isinstance(k, int) and not isinstance(k, bool) else None

    @property
    def layer(self) -> int | None:
        """By the hook's name."""
        return self.sae.layer

    @property
    def hook_name(self) -> str | None:
        """Where the activations come from."""
        return self.sae.hook_name

    @property
    def hf_hook_name(self) -> str | None:
        """The same as a module's path."""
        return self.sae.hf_hook_name

    @property
    def model_name(self) -> str | None:
        """The base model, as the configuration calls it."""
        return self.sae.model_name

    @property
    def model_class_name(self) -> str | None:
        """The class that the base model was loaded with."""
        return self.sae.cfg.text("model_class_name") if self.sae.cfg else None

    @property
    def condition(self) -> str | None:
        """Which completions it saw."""
        return self.sae.training.condition

    @property
    def dtype(self) -> str | None:
        """Of its weights as they are stored; as the configuration states it where their header was not read."""
        stored = next(
            (self.sae.tensors[name].info.dtype for name in ("W_dec", "W_enc") if name in self.sae.tensors),
            None,
        )
        return STORED.get(stored, stored) if stored else self.sae.dtype

    @property
    def record(self) -> SaeRecord:
        """What hubkit itself left on record (`metadata.hubkit`)."""
        return self.sae.training.record

    @property
    def rescaled(self) -> bool:
        """Whether the configuration asks for rescaling by decoder norms."""
        return self.sae.cfg is not None and self.sae.cfg.effective.get("rescale_acts_by_decoder_norm") is True

    @property
    def rewritten(self) -> Rewritten | None:
        """The fix that made another architecture of it, as `metadata.hubkit.rewritten` keeps it on record."""
        return self.record.rewritten

    @property
    def never_learned(self) -> bool:
        """Whether its thresholds never left their initial value: they are there, or a fix that took them away says so."""
        return bool(NEVER_LEARNED & self._codes)

    @property
    def _codes(self) -> set[str]:
        return {finding.code for finding in self.findings} | (
            {self.rewritten.rule} if self.rewritten else set()
        )

    @property
    def thresholds(self) -> Thresholds | None:
        """What its thresholds show; None for an SAE that has none, and had none before a fix."""
        if self.never_learned:
            return "never learned"
        if self.sae.threshold is None or self.architecture not in THRESHOLDED:
            return None
        if self._codes & BARELY_MOVED:
            return "barely moved"
        return "not read" if self.unlike is None else "differ" if self.unlike else "one value"

    def metric(self, measure: str, split: Split) -> MetricValue | None:
        """A measured value, or None where it was not measured."""
        return self.metrics.get(measure, split) if self.metrics else None

    def first_metric(self, *wanted: tuple[str, Split]) -> MetricValue | None:
        """The first of several that was measured: the better definition stands first."""
        found = (self.metric(measure, split) for measure, split in wanted)
        return next((value for value in found if value is not None and value.value is not None), None)

    def of_measure(self, measure: str) -> list[MetricValue]:
        """Every value of a measure, of every split and contrast."""
        return [value for value in self.metrics.values if value.measure == measure] if self.metrics else []


@dataclass(frozen=True)
class Facts:
    """One release."""

    settings: CardSettings
    saes: tuple[SaeFact, ...]
    evaluation: Evaluation | None
    """What hubkit computed; None also where its record is not there, or no longer true."""
    provenance: Provenance | None
    base: BaseFacts
    pool: PoolReport | None
    """What its pool came to, where that was recorded."""
    report: Report
    """The validation of the release without its card."""
    digest: str
    """sha256 over every file but the card."""
    texts_digest: str
    """sha256 over the configurations, evaluation.json and evidence.yaml: what a validation reads anyway."""
    weights_digest: str
    settings_there: Mapping[str, Any]
    """What card.yaml says, as it is written; empty where there is none."""
    """sha256 over the checksums of the weights alone: what a listing of the Hub gives without a download."""
    stated: tuple[Stated, ...] = ()
    """What nobody here computed, by who states it."""
    study: InStudy | None = None
    """The other models of its study, where its card is built with them."""
    others: int = 0
    """SAEs of other formats in the same folder, of which this card says nothing."""

    @property
    def library(self) -> Library | None:
        """What loads these SAEs where that is not SAELens."""
        return library_of(self.saes[0].sae)

    def distinct(self, name: str) -> list[Any]:
        """The values that the SAEs have for `name`, each once, in order; None left out."""
        return sorted({value for sae in self.saes if (value := getattr(sae, name)) is not None})

    @property
    def labels(self) -> list[str]:
        """The study's label names, as far as completions are counted by them."""
        return list(self.provenance.labels) if self.provenance else []


def read_facts(release: Path, settings: CardSettings, checksums: Checksums | None = None) -> Facts:
    """Read a release folder; `checksums` of it may be under way already.

    Raises NothingFound when it holds no SAE that SAELens could load, HubkitError when a file is damaged.
    """
    hashing = checksums or Checksums.of(release)
    return facts_of(open_folder(release), settings, hashing.get)


def facts_of(view: RepoView, settings: CardSettings, digests: Callable[[], Mapping[str, str]]) -> Facts:
    """The same of what `view` shows, be it a folder or a repository that is read by ranges; `digests` gives path to sha256 of all that a card is built from."""
    report = validate(view, _all_but_the_card())
    report = replace(report, findings=[f for f in report.findings if not is_left_out(f.path or "")])
    there = artefact(view, EVALUATION, Evaluation)
    provenance = artefact(view, PROVENANCE, Provenance)
    evaluation = there if is_computed(there, provenance) else None
    own = _own_metrics(view, report.saes)
    spoken_of = described(report.saes)
    saes = tuple(_sae(view, sae, report, evaluation, own.get(sae.sae_id)) for sae in spoken_of)
    if not saes:
        raise NothingFound(
            f"{view.name}: no SAE that a card could describe, expected the format of SAELens, {' or '.join(LIBRARIES)}",
            hint=f"hubkit validate {view.name}",
        )
    checksums = digests()
    return Facts(
        settings=settings,
        saes=saes,
        evaluation=evaluation,
        provenance=provenance,
        base=base_facts(settings.base_model, provenance),
        pool=artefact(view, POOL_REPORT, PoolReport),
        report=report,
        digest=sha256_of_json(checksums),
        texts_digest=texts_digest(_texts(view, saes)),
        weights_digest=weights_digest(_weights(checksums, saes)),
        settings_there=read_settings(view),
        stated=tuple(
            stated.possible(one, report.findings)
            for one in _stated(view, saes, there, own, computed=evaluation is not None)
        ),
        others=len(report.saes) - len(spoken_of),
    )


def _stated(
    view: RepoView,
    saes: tuple[SaeFact, ...],
    there: Evaluation | None,
    own: Mapping[str, tuple[str, SaeMetrics]],
    *,
    computed: bool,
) -> tuple[Stated, ...]:
    """The author's first; then what the files hold without a record; then what the trainings counted."""
    metrics = [
        (path, one)
        for sae_id, (path, one) in own.items()
        if not computed or there is None or not _same(there.sae(sae_id), one)
    ]
    changed = not computed and there is not None and there.computed is not None
    found = (
        stated.read_author(view),
        stated.of_unrecorded(None if computed else there, metrics, changed),
        stated.by_training(saes),
    )
    return tuple(one for one in found if one is not None)


def _same(line: SaeMetrics | None, own: SaeMetrics) -> bool:
    """Whether a metrics.json repeats its line of evaluation.json."""
    return line is not None and line.values == own.values


def _all_but_the_card() -> Selection:
    """Every family of rules but CARD: the card is what is about to be written."""
    families = {code.rstrip("0123456789") for code in REGISTRY}
    return Selection(select=tuple(sorted(families - {"CARD"})))


def _sae(
    view: RepoView,
    sae: Sae,
    report: Report,
    evaluation: Evaluation | None,
    own: tuple[str, SaeMetrics] | None,
) -> SaeFact:
    line = evaluation.sae(sae.sae_id) if evaluation else None
    metrics, file = line, EVALUATION if line else None
    if own is not None and _same(line, own[1]):
        file, metrics = own
    return SaeFact(
        sae=sae,
        raw=sae.cfg.raw if sae.cfg else {},
        metrics=metrics,
        metrics_file=file,
        findings=tuple(f for f in report.findings if f.sae_id == sae.sae_id and f.severity > Severity.NOTE),
        warnings=tuple(own[1].warnings if own else line.warnings if line else ()),
        unlike=_unlike(view, sae),
        not_checked=tuple(sorted({one.code for one in report.skipped if one.sae_id == sae.sae_id})),
    )


def _unlike(view: RepoView, sae: Sae) -> bool | None:
    """Whether the thresholds differ between latents."""
    if sae.threshold is None:
        return None
    try:
        values = sae.threshold.read(view)
    except IncompleteError:
        return None
    return bool((values != values[0]).any()) if values.size else None


def _own_metrics(view: RepoView, saes: Sequence[Sae]) -> dict[str, tuple[str, SaeMetrics]]:
    """sae_id to the path and content of its metrics.json, where it has one of hubkit's form."""
    found = {}
    for sae in saes:
        path = METRICS if sae.sae_id == "." else f"{sae.sae_id}/{METRICS}"
        content = artefact(view, path, SaeMetrics)
        if content is not None:
            found[sae.sae_id] = (path, content)
    return found


def _texts(view: RepoView, saes: tuple[SaeFact, ...]) -> dict[str, bytes]:
    """The bytes of every configuration, of evaluation.json and of evidence.yaml, by path."""
    paths = [configuration_of(sae.sae) for sae in saes] + [EVALUATION, EVIDENCE]
    return {path: view.read_range(path, 0, entry.size) for path in paths if (entry := view.entry(path))}


def _weights(checksums: Mapping[str, str], saes: tuple[SaeFact, ...]) -> dict[str, str]:
    """The checksum of each SAE's weights, by path."""
    paths = {sae.sae.weights if sae.sae.cfg is None else _path(sae, WEIGHTS) for sae in saes}
    return {path: sha for path, sha in checksums.items() if path in paths}


def _path(sae: SaeFact, name: str) -> str:
    return name if sae.sae_id == "." else f"{sae.sae_id}/{name}"
