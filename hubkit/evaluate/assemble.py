"""The evaluation of a release out of what its units came to: every SAE, every layer of the pool, each SAE beside its layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hubkit import __version__
from hubkit.engine.threads import threads_for
from hubkit.evaluate.beside import beside_of
from hubkit.evaluate.rows import design_of
from hubkit.evaluate.subject import RawLayer
from hubkit.evaluate.values import differences, values_beside, values_of
from hubkit.measures.joint import Joint
from hubkit.measures.probed import Probed, contributions
from hubkit.release.experiments import TestResult
from hubkit.release.metrics import Comparison, Evaluation, LayerProfile, MetricValue, SaeMetrics

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from hubkit.evaluate.unit import Evaluated
    from hubkit.measures.design import Design
    from hubkit.measures.probed import Probe
    from hubkit.release.pool import PoolManifest

ACCURACY = "probe_balanced_accuracy"
REFERENCE = "the raw activations of their layers"
TEST = "signs of the rows thrown, for all at once"


def assemble(
    pool_folder: Path,
    manifest: PoolManifest,
    done: dict[str, Evaluated],
    warnings: dict[str, list[str]],
    digest: str,
) -> Evaluation:
    """The SAEs' values, the profile of every layer of the pool, and each SAE against its layer."""
    layers, chance = [], {}
    raw: dict[int, Probe] = {}
    for entry in manifest.layers:
        beside = beside_of(pool_folder, manifest, entry)
        subject = RawLayer(manifest, beside.x)
        with threads_for(subject.x.size):
            values = values_of(subject, ["crossfit"], layers=True)
            probed = subject.probed
            meaning = values_beside(beside)
        if entry is manifest.layer(entry.layer):  # an SAE stands beside the site that it was trained on
            # without its null: layers are read one at a time
            raw[entry.layer] = probed if isinstance(probed, str) else probed.alone()
            chance[entry.layer] = any(at_chance(value) for value in values)
        layers.append(LayerProfile(layer=entry.layer, hook_name=entry.hook_name, values=values + meaning))
    design = design_of(manifest)
    comparisons = [
        Comparison(sae_id=sae_id, reference=f"raw activations at layer {one.layer}", difference=difference)
        for sae_id, one in sorted(done.items())
        for difference in differences(one.probe, raw[one.layer], design)
    ]
    return Evaluation.model_validate(
        {
            "saes": [_metrics(sae_id, one, warnings.get(sae_id, [])) for sae_id, one in sorted(done.items())],
            "layers": layers,
            "comparisons": comparisons,
            "tests": tests_of(
                {
                    sae_id: Beside(one.probe, raw[one.layer], chance[one.layer])
                    for sae_id, one in sorted(done.items())
                },
                design,
            ),
            "inputs_sha256": digest,
        }
    ).recorded(__version__)


@dataclass(frozen=True)
class Beside:
    """An SAE's probe, that of the raw activations which it reads, and whether those are at or below chance."""

    probe: Probe
    reference: Probe
    at_chance: bool


def at_chance(value: MetricValue) -> bool:
    """Whether it is the balanced accuracy of a layer, and not above what it would be without an effect."""
    return value.measure == ACCURACY and value.value is not None and value.value <= (value.null_level or 0.5)


def tests_of(saes: Mapping[str, Beside], design: Design) -> list[TestResult]:
    """How many SAEs are above the raw activations of their layer, and the one that is furthest from them, against what several give by chance.

    An SAE beside raw activations that are at or below chance is above nothing. Empty for fewer than two comparisons.
    """
    beside = {
        sae_id: (one.probe, one.reference, one.at_chance)
        for sae_id, one in saes.items()
        if isinstance(one.probe, Probed) and isinstance(one.reference, Probed)
    }
    if len(beside) < 2:
        return []
    by_row = [
        contributions(probe.predicted, design) - contributions(reference.predicted, design)
        for probe, reference, _ in beside.values()
    ]
    joint = Joint(np.stack(by_row, axis=1), design)
    count, p_value = joint.as_many_above(np.array([not at_chance for *_, at_chance in beside.values()]))
    furthest = int(np.abs(joint.distances).argmax())
    corrected = float(joint.corrected()[furthest])
    return [
        TestResult(
            subject=f"{count} of {len(beside)} SAE probes above",
            correction=None,
            p_value=p_value,
            reference=REFERENCE,
            test=TEST,
        ),
        TestResult(
            subject=f"`{list(beside)[furthest]}`, the furthest of {len(beside)}",
            correction="max-T",
            p_value=corrected,
            reference=REFERENCE,
            test=TEST,
        ),
    ]


def _metrics(sae_id: str, one: Evaluated, warnings: list[str]) -> SaeMetrics:
    return SaeMetrics.model_validate(
        {"sae_id": sae_id, "values": one.values, "warnings": warnings + one.warnings}
    )
