"""Rows out of a pool: the activations of one layer, the rows of one condition, with or without one fold. numpy only."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file

from hubkit.errors import IncompleteError, UsageError
from hubkit.release.digests import sha256_of_file
from hubkit.release.pool import TENSOR, PoolManifest

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from hubkit.train.spec import SaeSpec


def read_layer(pool_folder: Path, manifest: PoolManifest, layer: int) -> NDArray[np.float32]:
    """The activations (n, d_in) of one layer. Raises IncompleteError when the file is not the one of the manifest."""
    path = pool_folder / manifest.layer(layer).file
    expected = (len(manifest.rows), manifest.d_in)
    try:
        if sha256_of_file(path) != manifest.layer(layer).sha256:
            raise IncompleteError(
                f"{path}: not the file that the manifest describes (sha256)", hint="hubkit collect"
            )
        rows: NDArray[np.float32] = load_file(path)[TENSOR]
    except (OSError, KeyError, SafetensorError) as error:
        raise IncompleteError(f"{path}: cannot be read: {error}", hint="hubkit collect") from error
    if rows.shape != expected:
        raise IncompleteError(
            f"{path}: shape {rows.shape}, the manifest says {expected}", hint="hubkit collect"
        )
    return rows.astype(np.float32, copy=False)


def training_rows(manifest: PoolManifest, spec: SaeSpec, held_out: str | None) -> NDArray[np.intp]:
    """Numbers of the rows that `spec` trains on: its condition's rows, but those of fold `held_out`."""
    wanted = set(manifest.labels) if spec.label is None else {spec.label}
    chosen = [i for i, row in enumerate(manifest.rows) if row.label in wanted and row.split != held_out]
    return np.array(chosen, dtype=np.intp)


def check_specs(specs: list[SaeSpec], manifest: PoolManifest) -> None:
    """Raise UsageError when a spec asks for what the pool has not, or two specs for the same folder."""
    layers = sorted(entry.layer for entry in manifest.layers)
    seen: set[str] = set()
    for spec in specs:
        if spec.layer not in layers:
            raise UsageError(
                f"{spec.sae_id}: layer {spec.layer}, the pool has {layers}", hint="hubkit collect"
            )
        if spec.label is not None and spec.label not in manifest.labels:
            raise UsageError(
                f"{spec.sae_id}: condition `{spec.condition}`, the pool's labels are {', '.join(manifest.labels)}",
                hint=f"conditions are mixed, {', '.join(label + '_only' for label in manifest.labels)}",
            )
        if spec.sae_id.lower() in seen:
            raise UsageError(
                f"{spec.sae_id}: two SAEs of this name (case aside)", hint="give each its own sae_id"
            )
        seen.add(spec.sae_id.lower())
