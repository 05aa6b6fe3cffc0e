"""Everything a card may state, read from the release's files and nowhere else."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hubkit.cards.settings import NAME as SETTINGS
from hubkit.cards.settings import CardSettings
from hubkit.errors import NothingFound
from hubkit.formats.family import Cfg
from hubkit.formats.saelens import read_cfg
from hubkit.formats.strict_json import parse
from hubkit.models.hooks import hook_layer
from hubkit.release.digests import sha256_of_file, sha256_of_json
from hubkit.release.layout import CFG, EVALUATION, METRICS, PROVENANCE, README
from hubkit.release.metrics import Evaluation, MetricValue, SaeMetrics, Split
from hubkit.release.provenance import Provenance
from hubkit.repo.local import open_folder
from hubkit.validate.finding import Finding, Severity
from hubkit.validate.report import Report
from hubkit.validate.run import Selection, validate

NOT_DIGESTED = {README, PROVENANCE, SETTINGS}
"""The card itself, and what states the card's digest or feeds it."""


@dataclass(frozen=True)
class SaeFact:
    """One SAE: its configuration after loading, its measures, its findings."""

    sae_id: str
    architecture: str
    trained_as: str
    d_in: int
    d_sae: int
    k: int | None
    """TopK's k, or the L0 a JumpReLU was asked for."""
    layer: int | None
    hook_name: str | None
    hf_hook_name: str | None
    model_class_name: str | None
    condition: str | None
    dtype: str
    training: dict[str, Any]
    """`metadata.hubkit` of the configuration."""
    metrics: SaeMetrics | None
    findings: tuple[Finding, ...]

    def metric(self, measure: str, split: Split) -> MetricValue | None:
        """A measured value, or None where it was not measured."""
        return self.metrics.get(measure, split) if self.metrics else None


@dataclass(frozen=True)
class Facts:
    """One release."""

    settings: CardSettings
    saes: tuple[SaeFact, ...]
    evaluation: Evaluation | None
    provenance: Provenance | None
    report: Report
    """The validation of the release without its card."""
    digest: str
    """sha256 over every file but the card."""

    def distinct(self, name: str) -> list[Any]:
        """The values that the SAEs have for `name`, each once, in order; None left out."""
        return sorted({value for sae in self.saes if (value := getattr(sae, name)) is not None})


def read_facts(release: Path, settings: CardSettings) -> Facts:
    """Read a release folder. Raises NothingFound when it holds no SAE that SAELens could load, HubkitError when a file is damaged."""
    report = validate(open_folder(release), Selection(ignore=("CARD",)))
    saes = tuple(
        _sae(release, s.sae_id, report.findings)
        for s in report.saes
        if s.format == "saelens" and s.architecture and s.d_in and s.d_sae
    )
    if not saes:
        raise NothingFound(
            f"{release}: no SAE in SAELens's format that a card could describe",
            hint=f"hubkit validate {release}",
        )
    return Facts(
        settings=settings,
        saes=saes,
        evaluation=Evaluation.load_ours(release / EVALUATION),
        provenance=Provenance.load_ours(release / PROVENANCE),
        report=report,
        digest=release_digest(release),
    )


def _sae(release: Path, sae_id: str, findings: list[Finding]) -> SaeFact:
    folder = release / sae_id
    cfg = read_cfg(parse((folder / CFG).read_bytes()).value)
    hubkit = cfg.metadata.get("hubkit")
    training = dict(hubkit) if isinstance(hubkit, dict) else {}
    hook_name = cfg.text("hook_name")
    return SaeFact(
        sae_id=sae_id,
        architecture=cfg.architecture,
        trained_as=cfg.text("training_architecture") or cfg.architecture,
        d_in=cfg.integer("d_in") or 0,
        d_sae=cfg.integer("d_sae") or 0,
        k=cfg.integer("k") or _target_l0(cfg),
        layer=hook_layer(hook_name) if hook_name else None,
        hook_name=hook_name,
        hf_hook_name=cfg.text("hf_hook_name"),
        model_class_name=cfg.text("model_class_name"),
        condition=cfg.text("training_condition"),
        dtype=str(cfg.effective.get("dtype", "float32")).removeprefix("torch."),
        training=training,
        metrics=SaeMetrics.load_ours(folder / METRICS),
        findings=tuple(f for f in findings if f.sae_id == sae_id and f.severity > Severity.NOTE),
    )


def _target_l0(cfg: Cfg) -> int | None:
    """The L0 that a JumpReLU was trained towards, where its configuration says so."""
    details = cfg.metadata.get("training_architecture_details")
    target = details.get("target_l0") if isinstance(details, dict) else None
    return int(target) if isinstance(target, int | float) and not isinstance(target, bool) else None


def release_digest(release: Path) -> str:
    """The digest that a card carries: of every published file but itself and provenance.json."""
    view = open_folder(release)
    return sha256_of_json(
        {
            entry.path: sha256_of_file(release / entry.path)
            for entry in view.list()
            if entry.path not in NOT_DIGESTED
        }
    )
