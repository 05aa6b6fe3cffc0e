"""The evaluation of a release out of what its units came to: every SAE, every layer of the pool, each SAE beside its layer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hubkit import __version__
from hubkit.evaluate.baselines import EMBEDDED, baselines
from hubkit.evaluate.layer_unit import EvaluatedLayer
from hubkit.evaluate.replication import replication
from hubkit.evaluate.rows import design_of
from hubkit.evaluate.together import selection, tests_of_architectures
from hubkit.evaluate.values import differences
from hubkit.measures.differing import Differing
from hubkit.measures.joint import Joint
from hubkit.measures.probed import Probed
from hubkit.release.activations import read_layer
from hubkit.release.experiments import TestResult
from hubkit.release.metrics import Comparison, Evaluation, SaeMetrics

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from hubkit.evaluate.unit import Evaluated
    from hubkit.measures.design import Design
    from hubkit.measures.measure import Split
    from hubkit.measures.probed import Probe
    from hubkit.release.pool import PoolManifest

DIFFERENCE, OVER_FOLDS = "probe_balanced_accuracy_difference", "probe_over_folds_difference"
LEVEL = 0.05
REFERENCE = "the raw activations of their layers"
TEST = "signs of the rows thrown, for all at once"


def assemble(
    pool_folder: Path,
    manifest: PoolManifest,
    measured: Measured,
    warnings: dict[str, list[str]],
    digest: str,
    texts: list[str] | None = None,
) -> Evaluation:
    """The SAEs' values, the profile of every layer of the pool, and each SAE against its layer."""
    done, layers = measured.saes, [measured.layers[entry.hook_name] for entry in manifest.layers]
    beside = {one.layer: measured.layers[manifest.layer(one.layer).hook_name] for one in manifest.layers}
    raw = {layer: one.probe for layer, one in beside.items()}
    chance = {layer: one.at_chance for layer, one in beside.items()}
    embedding = next((entry for entry in manifest.layers if entry.hook_name in EMBEDDED), None)
    embedded = read_layer(pool_folder, manifest, embedding) if embedding else None
    design = design_of(manifest)
    comparisons = [
        comparison(sae_id, f"raw activations at layer {one.layer}", one.probe, raw[one.layer], design)
        for sae_id, one in sorted(done.items())
    ]
    pairs = [(one.kind, one.probe, raw[one.layer]) for _, one in sorted(done.items())]
    in_order = [one for _, one in sorted(done.items())]
    tallies, tests = replication((one.alike for one in in_order), design)
    return Evaluation.model_validate(
        {
            "saes": [_metrics(sae_id, one, warnings.get(sae_id, [])) for sae_id, one in sorted(done.items())],
            "layers": [one.profile for one in layers],
            "comparisons": comparisons,
            "tests": tests_of(
                {
                    sae_id: Beside(one.probe, raw[one.layer], chance[one.layer])
                    for sae_id, one in sorted(done.items())
                },
                design,
            )
            + tests_of_architectures(pairs, REFERENCE, design)
            + tests,
            "tallies": tallies,
            "representations": baselines(design, texts, embedded),
            "stability": [one.stability for one in in_order if one.stability],
            "top_features": [one.top_features for one in in_order if one.top_features],
            "selections": selection(
                "SAEs", {sae_id: one.probe for sae_id, one in sorted(done.items())}, design
            )
            + selection("layers", {str(layer): one for layer, one in sorted(raw.items())}, design),
            "inputs_sha256": digest,
        }
    ).recorded(__version__)


def comparison(
    sae_id: str, reference: str, probe: Probe, beside: Probe, design: Design, split: Split = "crossfit"
) -> Comparison:
    """One SAE's probe beside its reference's: by rows, and by folds."""
    by_name = {one.measure: one for one in differences(probe, beside, design, split)}
    return Comparison(
        sae_id=sae_id, reference=reference, difference=by_name[DIFFERENCE], over_folds=by_name[OVER_FOLDS]
    )


@dataclass(frozen=True)
class Measured:
    """What the units of an evaluation came to: by sae_id, and by the name of the hook."""

    saes: dict[str, Evaluated]
    layers: dict[str, EvaluatedLayer]

    @classmethod
    def of(cls, done: Mapping[str, Evaluated | EvaluatedLayer]) -> Measured:
        """Of all units' results, by their keys."""
        layers = {one.profile.hook_name: one for one in done.values() if isinstance(one, EvaluatedLayer)}
        return cls({key: one for key, one in done.items() if not isinstance(one, EvaluatedLayer)}, layers)


@dataclass(frozen=True)
class Beside:
    """An SAE's probe, that of the raw activations which it reads, and whether those are at or below chance."""

    probe: Probe
    reference: Probe
    at_chance: bool


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
    joint = Joint([Differing.of(probe, reference, design) for probe, reference, _ in beside.values()], design)
    count, p_value = joint.as_many_above(np.array([not at_chance for *_, at_chance in beside.values()]))
    furthest = int(np.abs(joint.distances).argmax())
    p_values = joint.corrected()
    above, below = (int(((p_values <= LEVEL) & (joint.distances * sign > 0)).sum()) for sign in (1, -1))
    return [
        TestResult(
            subject=f"{count} of {len(beside)} SAE probes above",
            correction=None,
            p_value=p_value,
            reference=REFERENCE,
            test=TEST,
        ),
        TestResult(
            subject=f"`{list(beside)[furthest]}`, the furthest of {len(beside)} ({above} above and {below} below once all are tested together)",
            correction="max-T",
            p_value=float(p_values[furthest]),
            reference=REFERENCE,
            test=TEST,
        ),
    ]


def _metrics(sae_id: str, one: Evaluated, warnings: list[str]) -> SaeMetrics:
    return SaeMetrics.model_validate(
        {
            "sae_id": sae_id,
            "values": one.values,
            "densities": one.densities,
            "warnings": warnings + one.warnings,
        }
    )
