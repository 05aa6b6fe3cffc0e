"""The evaluation of a release out of what its units came to: every SAE, every layer of the pool, each SAE beside its layer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubkit import __version__
from hubkit.engine.threads import threads_for
from hubkit.evaluate.rows import design_of
from hubkit.evaluate.subject import RawLayer
from hubkit.evaluate.values import differences, values_of
from hubkit.release.activations import read_layer
from hubkit.release.metrics import Comparison, Evaluation, LayerProfile, SaeMetrics

if TYPE_CHECKING:
    from pathlib import Path

    from hubkit.evaluate.unit import Evaluated
    from hubkit.release.pool import PoolManifest


def assemble(
    pool_folder: Path,
    manifest: PoolManifest,
    done: dict[str, Evaluated],
    warnings: dict[str, list[str]],
    digest: str,
) -> Evaluation:
    """The SAEs' values, the profile of every layer of the pool, and each SAE against its layer."""
    layers, raw = [], {}
    for entry in manifest.layers:
        subject = RawLayer(manifest, read_layer(pool_folder, manifest, entry.layer))
        with threads_for(subject.x.size):
            values = values_of(subject, ["crossfit"], layers=True)
            raw[entry.layer] = subject.predictions  # and not the subject: layers are read one at a time
        layers.append(LayerProfile(layer=entry.layer, hook_name=entry.hook_name, values=values))
    design = design_of(manifest)
    comparisons = [
        Comparison(sae_id=sae_id, reference=f"raw activations at layer {one.layer}", difference=difference)
        for sae_id, one in sorted(done.items())
        for difference in differences(one.predictions, raw[one.layer], design)
    ]
    return Evaluation.model_validate(
        {
            "saes": [_metrics(sae_id, one, warnings.get(sae_id, [])) for sae_id, one in sorted(done.items())],
            "layers": layers,
            "comparisons": comparisons,
            "inputs_sha256": digest,
        }
    ).recorded(__version__)


def _metrics(sae_id: str, one: Evaluated, warnings: list[str]) -> SaeMetrics:
    return SaeMetrics.model_validate(
        {"sae_id": sae_id, "values": one.values, "warnings": warnings + one.warnings}
    )
