"""One unit of evaluation: one published SAE and the SAEs of its folds, on the pool."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hubkit.engine.threads import threads_for
from hubkit.errors import HubkitError
from hubkit.evaluate import rows
from hubkit.evaluate.probe import out_of_fold, probe_value
from hubkit.evaluate.reconstruction import Encoded, reconstruction_values
from hubkit.evaluate.values import missing
from hubkit.release.activations import read_layer, rows_of
from hubkit.release.layout import CFG, MANIFEST, WEIGHTS
from hubkit.release.pool import PoolManifest

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from hubkit.evaluate.probe import Predictions
    from hubkit.release.metrics import MetricValue

RECONSTRUCTION = ("explained_variance", "l0", "alive_share")


@dataclass(frozen=True)
class EvaluationUnit:
    """What a worker needs to evaluate one SAE; picklable."""

    sae_id: str
    pool_folder: Path
    folder: Path
    """The published SAE."""
    fold_folders: dict[str, Path]
    """Fold to the SAE that did not see it; a folder need not exist."""


@dataclass(frozen=True)
class Evaluated:
    """What came of it."""

    layer: int
    values: list[MetricValue]
    predictions: Predictions
    """For the comparison with the layer's raw activations."""


def evaluate_unit(unit: EvaluationUnit) -> Evaluated:
    """Reconstruction on the SAE's own rows, cross-fitted reconstruction and the cross-fitted probe; runs in any process."""
    manifest = PoolManifest.load(unit.pool_folder / MANIFEST)
    published = rows.describe(unit.folder, unit.sae_id, manifest)
    if published.held_out is not None:
        raise HubkitError(f"{unit.folder}: an SAE of fold {published.held_out}, expected the published one")
    _check_pool(published, manifest, unit.folder)
    x = read_layer(unit.pool_folder, manifest, published.layer)
    with threads_for(x.size):
        return _measure(unit, published, manifest, x)


def _measure(
    unit: EvaluationUnit, published: rows.SaeDescription, manifest: PoolManifest, x: NDArray[np.float32]
) -> Evaluated:
    own = rows_of(manifest, published.condition)
    values = reconstruction_values([encode(unit.folder, x[own])], "train")
    design = rows.design_of(manifest)
    absent = _absent_folds(unit)
    if absent is not None:
        values += [missing(name, int(own.sum()), "crossfit", absent) for name in RECONSTRUCTION]
        return Evaluated(published.layer, [*values, probe_value(absent, design)], absent)
    encoded = {fold: _encode_fold(unit, fold, published, manifest, x) for fold in unit.fold_folders}
    parts = [_part(encoded[fold], own & (design.fold == fold)) for fold in design.folds]
    values += reconstruction_values([part for part in parts if len(part.x)], "crossfit")
    predictions = out_of_fold(design, lambda fold: encoded[fold].acts)
    return Evaluated(published.layer, [*values, probe_value(predictions, design)], predictions)


def encode(folder: Path, x: NDArray[np.float32]) -> Encoded:
    """What the SAE in `folder` makes of `x` (n, d_in), loaded and run by SAELens."""
    import torch
    from sae_lens import SAE

    sae: Any = SAE.load_from_disk(folder)
    with torch.no_grad():
        acts = sae.encode(torch.from_numpy(x))
        return Encoded(x, sae.decode(acts).numpy(), acts.numpy())


def _absent_folds(unit: EvaluationUnit) -> str | None:
    """Why there is nothing cross-fitted, or None."""
    here = [
        all((folder / name).is_file() for name in (CFG, WEIGHTS)) for folder in unit.fold_folders.values()
    ]
    if all(here):
        return None
    return f"not measured: {here.count(False)} of {len(here)} SAEs of the folds were not trained"


def _encode_fold(
    unit: EvaluationUnit,
    fold: str,
    published: rows.SaeDescription,
    manifest: PoolManifest,
    x: NDArray[np.float32],
) -> Encoded:
    """All rows through the SAE of one fold. Raises HubkitError when it is not the SAE that did not see that fold."""
    folder = unit.fold_folders[fold]
    found = rows.describe(folder, unit.sae_id, manifest)
    expected = (published.layer, published.condition, fold)
    if (found.layer, found.condition, found.held_out) != expected:
        raise HubkitError(
            f"{folder}: layer, condition, held-out fold are {found.layer}, {found.condition}, {found.held_out}, "
            f"expected {', '.join(map(str, expected))}",
            hint="hubkit train STUDY.yaml",
        )
    _check_pool(found, manifest, folder)
    return encode(folder, x)


def _check_pool(found: rows.SaeDescription, manifest: PoolManifest, folder: Path) -> None:
    """An SAE of other rows would make its numbers on these look held out, or seen, when they are not."""
    if found.pool_sha256 != manifest.inputs_sha256:
        raise HubkitError(
            f"{folder}: trained on pool {found.pool_sha256}, this pool is {manifest.inputs_sha256}",
            hint="hubkit train STUDY.yaml",
        )


def _part(encoded: Encoded, chosen: NDArray[np.bool_]) -> Encoded:
    return Encoded(encoded.x[chosen], encoded.x_hat[chosen], encoded.acts[chosen])
