"""Everything a card may state, read from the release's files and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from hubkit.cards.base import BaseFacts, base_facts
from hubkit.cards.checksums import Checksums
from hubkit.cards.settings import CardSettings
from hubkit.errors import NothingFound
from hubkit.formats.sae import Sae
from hubkit.release.card_digest import texts_digest, weights_digest
from hubkit.release.digests import sha256_of_json
from hubkit.release.layout import CFG, EVALUATION, METRICS, PROVENANCE, WEIGHTS, is_left_out
from hubkit.release.metrics import Evaluation, MetricValue, SaeMetrics, Split
from hubkit.release.provenance import Provenance
from hubkit.repo.local import open_folder
from hubkit.validate.finding import Finding, Severity
from hubkit.validate.report import Report
from hubkit.validate.rule import REGISTRY
from hubkit.validate.run import Selection, validate

NEVER_LEARNED = {"THR001", "THR002", "THR010"}
"""Findings that say that a threshold was not learned."""


@dataclass(frozen=True)
class Source:
    """Where a fact is written."""

    file: str
    """Path in the release; `hubkit/...` for the table of base models."""
    pointer: str
    """JSON pointer in it; empty where the fact is the file itself (its presence, its size, its header)."""


@dataclass(frozen=True, order=True)
class Rewritten:
    """Why an SAE is published as another architecture than it was trained as."""

    rule: str
    before: str
    after: str


@dataclass(frozen=True)
class SaeFact:
    """One SAE as a card speaks of it: what its files hold, what was measured, what was found."""

    sae: Sae
    raw: Mapping[str, Any]
    """cfg.json as written: for the pointers."""
    metrics: SaeMetrics | None
    metrics_file: str | None
    """The file that `metrics` was read from."""
    findings: tuple[Finding, ...]

    @property
    def sae_id(self) -> str:
        """Its folder in the repository."""
        return self.sae.sae_id

    @property
    def architecture(self) -> str:
        """As it is published."""
        return self.sae.architecture or ""

    @property
    def trained_as(self) -> str:
        """As it was trained."""
        return self.sae.trained_as or ""

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
        """TopK's k, or the L0 that a JumpReLU was asked for."""
        return self.sae.target_l0

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
    def dtype(self) -> str:
        """Of its weights."""
        return self.sae.dtype or "float32"

    @property
    def training(self) -> Mapping[str, Any]:
        """What hubkit's own training wrote (`metadata.hubkit`)."""
        return self.sae.training.record

    @property
    def rescaled(self) -> bool:
        """Whether the configuration asks for rescaling by decoder norms."""
        return self.sae.cfg is not None and self.sae.cfg.effective.get("rescale_acts_by_decoder_norm") is True

    @property
    def rewritten(self) -> Rewritten | None:
        """The fix that made another architecture of it, as `metadata.hubkit.rewritten` keeps it on record."""
        record = self.training.get("rewritten")
        if not isinstance(record, dict) or not {"rule", "from", "to"} <= record.keys():
            return None
        return Rewritten(*(str(record[key]) for key in ("rule", "from", "to")))

    @property
    def never_learned(self) -> bool:
        """Whether its thresholds never left their initial value: they are there, or a fix that took them away says so."""
        codes = {finding.code for finding in self.findings}
        return bool(NEVER_LEARNED & (codes | ({self.rewritten.rule} if self.rewritten else set())))

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
    provenance: Provenance | None
    base: BaseFacts
    report: Report
    """The validation of the release without its card."""
    digest: str
    """sha256 over every file but the card."""
    texts_digest: str
    """sha256 over the configurations and evaluation.json: what a validation reads anyway."""
    weights_digest: str
    """sha256 over the checksums of the weights alone: what a listing of the Hub gives without a download."""

    def distinct(self, name: str) -> list[Any]:
        """The values that the SAEs have for `name`, each once, in order; None left out."""
        return sorted({value for sae in self.saes if (value := getattr(sae, name)) is not None})

    @property
    def labels(self) -> list[str]:
        """The study's label names, as far as completions are counted by them."""
        counted = self.provenance.completions if self.provenance else {}
        return [key.removeprefix("labelled ") for key in counted if key.startswith("labelled ")]


def read_facts(release: Path, settings: CardSettings, checksums: Checksums | None = None) -> Facts:
    """Read a release folder; `checksums` of it may be under way already.

    Raises NothingFound when it holds no SAE that SAELens could load, HubkitError when a file is damaged.
    """
    hashing = checksums or Checksums.of(release)
    report = validate(open_folder(release), _all_but_the_card())
    report = replace(report, findings=[f for f in report.findings if not is_left_out(f.path or "")])
    evaluation = Evaluation.load_ours(release / EVALUATION)
    saes = tuple(
        _sae(release, sae, report.findings, evaluation)
        for sae in report.saes
        if sae.cfg is not None and sae.architecture and sae.d_in and sae.d_sae
    )
    if not saes:
        raise NothingFound(
            f"{release}: no SAE in SAELens's format that a card could describe",
            hint=f"hubkit validate {release}",
        )
    digests = hashing.get()
    provenance = Provenance.load_ours(release / PROVENANCE)
    return Facts(
        settings=settings,
        saes=saes,
        evaluation=evaluation,
        provenance=provenance,
        base=base_facts(settings.base_model, provenance),
        report=report,
        digest=sha256_of_json(digests),
        texts_digest=texts_digest(_texts(release, saes)),
        weights_digest=weights_digest(_weights(digests, saes)),
    )


def _all_but_the_card() -> Selection:
    """Every family of rules but CARD: the card is what is about to be written."""
    families = {code.rstrip("0123456789") for code in REGISTRY}
    return Selection(select=tuple(sorted(families - {"CARD"})))


def _sae(release: Path, sae: Sae, findings: list[Finding], evaluation: Evaluation | None) -> SaeFact:
    metrics, file = _metrics(release / sae.sae_id, sae.sae_id, evaluation)
    return SaeFact(
        sae=sae,
        raw=sae.cfg.raw if sae.cfg else {},
        metrics=metrics,
        metrics_file=file,
        findings=tuple(f for f in findings if f.sae_id == sae.sae_id and f.severity > Severity.NOTE),
    )


def _metrics(
    folder: Path, sae_id: str, evaluation: Evaluation | None
) -> tuple[SaeMetrics | None, str | None]:
    """The SAE's own metrics.json, else its line of evaluation.json; and which of the two it was."""
    own = SaeMetrics.load_ours(folder / METRICS)
    if own is not None:
        return own, METRICS if sae_id == "." else f"{sae_id}/{METRICS}"
    line = evaluation.sae(sae_id) if evaluation else None
    return line, EVALUATION if line else None


def _texts(release: Path, saes: tuple[SaeFact, ...]) -> dict[str, bytes]:
    """The bytes of every cfg.json and of evaluation.json, by path."""
    paths = [_path(sae, CFG) for sae in saes] + [EVALUATION]
    return {path: (release / path).read_bytes() for path in paths if (release / path).is_file()}


def _weights(checksums: dict[str, str], saes: tuple[SaeFact, ...]) -> dict[str, str]:
    """The checksum of each SAE's weights, by path."""
    paths = {_path(sae, WEIGHTS) for sae in saes}
    return {path: sha for path, sha in checksums.items() if path in paths}


def _path(sae: SaeFact, name: str) -> str:
    return name if sae.sae_id == "." else f"{sae.sae_id}/{name}"


def release_digest(release: Path) -> str:
    """The digest that a card carries: of every published file but itself, its figures and provenance.json."""
    return sha256_of_json(Checksums.of(release).get())
