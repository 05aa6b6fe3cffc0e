"""One unit of evaluation: everything that is measured of one published SAE."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hubkit.engine.threads import threads_for
from hubkit.engine.work import Unit
from hubkit.evaluate import rows
from hubkit.evaluate.followups import Followups, resampled, top_features
from hubkit.evaluate.layer_unit import LayerUnit, evaluate_layer, layer_units
from hubkit.evaluate.pool_sae import PoolSae
from hubkit.evaluate.pool_texts import pool_texts
from hubkit.evaluate.replication import Alike, alike
from hubkit.evaluate.values import densities_of, values_of
from hubkit.release.activations import read_layer
from hubkit.release.folds import ALL, CONTROL, SEED, folder_of, scenario_folds, without
from hubkit.release.layout import CFG, MANIFEST
from hubkit.release.pool import PoolManifest

if TYPE_CHECKING:
    from pathlib import Path

    from hubkit.engine.events import Progress
    from hubkit.evaluate.layer_unit import EvaluatedLayer
    from hubkit.measures.measure import Split
    from hubkit.measures.probed import Probe
    from hubkit.release.experiments import Stability, TopFeatures
    from hubkit.release.metrics import Density, MetricValue

SPLITS: tuple[Split, ...] = ("train", "crossfit", "control")
"""What a pool with folds has. The order in which an SAE's values are written."""
NOTHING_MORE = Followups()
L0_SLACK = 0.25
"""Distance of the L0 on unseen rows from the one asked for, relative to it, from which it is said."""


@dataclass(frozen=True)
class Folders:
    """Where an evaluation reads, and writes."""

    pool: Path
    release: Path
    work: Path
    """`folds/<fold>/<sae_id>/` and `control/<sae_id>/` lie below it."""

    def unit(
        self, sae_id: str, manifest: PoolManifest, followups: Followups = NOTHING_MORE
    ) -> EvaluationUnit:
        """What a worker needs for one SAE of the release."""
        seeds = self._seeds(sae_id, manifest)
        draws = {*manifest.folds, *scenario_folds(manifest), CONTROL, *seeds}
        beside = {draw: folder_of(self.work, draw) / sae_id for draw in sorted(draws)}
        return EvaluationUnit(sae_id, self.pool, self.release / sae_id, beside, followups)

    def _seeds(self, sae_id: str, manifest: PoolManifest) -> list[str]:
        """Of other seeds those that were trained, from the first on, and without the first fold those of them that are there."""
        draws: list[str] = []
        while self._there(draw := f"{SEED}{len(draws) + 1}", sae_id):
            draws.append(draw)
        unseen = [without(draw, fold) for draw in draws for fold in manifest.folds[:1]]
        return draws + [draw for draw in unseen if self._there(draw, sae_id)]

    def _there(self, draw: str, sae_id: str) -> bool:
        return (folder_of(self.work, draw) / sae_id / CFG).is_file()


@dataclass(frozen=True)
class EvaluationUnit:
    """What a worker needs to evaluate one SAE; picklable."""

    sae_id: str
    pool_folder: Path
    folder: Path
    """The published SAE."""
    beside: dict[str, Path]
    """Draw (fold, whole-scenario fold, control) to the SAE of that draw; a folder need not exist. Other seeds: those that are there."""
    followups: Followups = NOTHING_MORE


@dataclass(frozen=True)
class Evaluated:
    """What came of it."""

    layer: int
    values: list[MetricValue]
    probe: Probe
    """For the comparison with the layer's raw activations; or why there is none."""
    alike: Alike
    """For the comparison with an SAE of another form."""
    kind: str = ""
    """The architecture that it was trained as."""
    densities: list[Density] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    top_features: TopFeatures | None = None
    stability: Stability | None = None


def work_of(units: list[EvaluationUnit], pool_folder: Path, manifest: PoolManifest) -> list[Unit]:
    """Those SAEs, and the raw activations of every layer of the pool: they take longest, and come first. Raises IncompleteError for an SAE that is not there."""
    with_saes = {rows.layer_in(rows.read_sae(one.folder), manifest, one.folder) for one in units}
    layers = layer_units(pool_folder, manifest, with_saes)
    return [Unit(one.key, one) for one in layers] + [Unit(one.sae_id, one) for one in units]


def evaluate_one(unit: EvaluationUnit | LayerUnit, report: Progress) -> Evaluated | EvaluatedLayer:
    """A unit of either kind; runs in any process."""
    return evaluate_layer(unit, report) if isinstance(unit, LayerUnit) else evaluate_unit(unit, report)


def evaluate_unit(unit: EvaluationUnit, report: Progress) -> Evaluated:
    """Everything that is measured of one SAE; runs in any process."""
    del report  # one SAE is done in a moment
    manifest = PoolManifest.load(unit.pool_folder / MANIFEST)
    published = rows.read_sae(unit.folder)
    rows.check_rows(published, ALL, manifest, unit.folder)
    layer = rows.layer_in(published, manifest, unit.folder)
    x = read_layer(unit.pool_folder, manifest, manifest.layer(layer))
    subject = PoolSae(manifest, x, unit.folder, unit.beside, published, layer)
    with threads_for(x.size):
        values = values_of(subject, SPLITS)
        densities = densities_of(subject, SPLITS)
        asked = unit.followups
        texts = pool_texts(unit.pool_folder, manifest) if asked.latents else None
        return Evaluated(
            layer,
            values,
            _comparable(subject),
            alike(published, layer, values, subject.compared),
            published.trained_as or "",
            densities,
            _warnings(subject, values),
            top_features(subject, unit.sae_id, texts, asked.latents) if texts else None,
            resampled(subject, unit.sae_id, asked.seeds),
        )


def _comparable(subject: PoolSae) -> Probe:
    """Small: it goes from one process to another."""
    found = subject.incomparable or subject.compared
    return found if isinstance(found, str) else found.small()


def _warnings(subject: PoolSae, values: list[MetricValue]) -> list[str]:
    asked = subject.published.training.record.k
    unseen = [one.value for one in values if (one.measure, one.split) == ("l0", "crossfit")]
    found = unseen[0] if unseen else None
    told = []
    if asked is not None and found is not None and abs(found - asked) > L0_SLACK * asked:
        told.append(f"L0 is {found:.1f} on rows it has not seen, {asked} was asked for")
    if (heaviest := subject.design.heaviest()) is not None:
        told.append(f"scenario {heaviest[0]} carries {heaviest[1]:.0%} of the weight of every probe number")
    return told
