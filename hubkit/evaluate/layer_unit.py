"""One unit of evaluation: the raw activations of one layer, the reference of every SAE there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hubkit.engine.threads import threads_for
from hubkit.evaluate.beside import beside_of
from hubkit.evaluate.subject import RawLayer
from hubkit.evaluate.values import values_beside, values_of
from hubkit.release.layout import MANIFEST
from hubkit.release.metrics import LayerProfile
from hubkit.release.pool import PoolManifest

if TYPE_CHECKING:
    from pathlib import Path

    from hubkit.engine.events import Progress
    from hubkit.measures.probed import Probe
    from hubkit.release.metrics import MetricValue

ACCURACY = "probe_balanced_accuracy"


@dataclass(frozen=True)
class LayerUnit:
    """What a worker needs for one layer and site of a pool; picklable."""

    pool_folder: Path
    hook_name: str
    compared: bool
    """Whether SAEs stand beside it: then its probe is wanted with the permuted labels that theirs have."""

    @property
    def key(self) -> str:
        """In progress, and in failures."""
        return f"raw activations, {self.hook_name}"


@dataclass(frozen=True)
class EvaluatedLayer:
    """What came of it."""

    profile: LayerProfile
    probe: Probe
    """Small: it goes from one process to another."""
    at_chance: bool


def layer_units(pool_folder: Path, manifest: PoolManifest, with_saes: set[int]) -> list[LayerUnit]:
    """One for each layer and site of the pool; an SAE stands beside the site that it was trained on."""
    return [
        LayerUnit(pool_folder, one.hook_name, one.layer in with_saes and one is manifest.layer(one.layer))
        for one in manifest.layers
    ]


def evaluate_layer(unit: LayerUnit, report: Progress) -> EvaluatedLayer:
    """Everything that is measured of one layer; runs in any process."""
    del report
    manifest = PoolManifest.load(unit.pool_folder / MANIFEST)
    entry = next(one for one in manifest.layers if one.hook_name == unit.hook_name)
    beside = beside_of(unit.pool_folder, manifest, entry)
    subject = RawLayer(manifest, beside.x)
    with threads_for(subject.x.size):
        values = values_of(subject, ["crossfit"], layers=True)
        probed = subject.compared if unit.compared else subject.probed
        meaning = values_beside(beside)
    profile = LayerProfile(layer=entry.layer, hook_name=entry.hook_name, values=values + meaning)
    probe = probed if isinstance(probed, str) else probed.small()
    return EvaluatedLayer(profile, probe, any(at_chance(value) for value in values))


def at_chance(value: MetricValue) -> bool:
    """Whether it is the balanced accuracy of a layer, and not above what it would be without an effect."""
    return value.measure == ACCURACY and value.value is not None and value.value <= (value.null_level or 0.5)
