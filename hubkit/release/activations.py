"""Rows out of a pool. numpy only."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file

from hubkit.errors import IncompleteError
from hubkit.release.digests import sha256_of_file
from hubkit.release.pool import TENSOR, PoolManifest

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


def read_layer(pool_folder: Path, manifest: PoolManifest, layer: int) -> NDArray[np.float32]:
    """The activations (n, d_in) of one layer. Raises IncompleteError when the file is not the one of the manifest."""
    path = pool_folder / manifest.layer(layer).file
    expected = (len(manifest.rows), manifest.d_in)
    try:
        if sha256_of_file(path) != manifest.layer(layer).sha256:
            raise IncompleteError(
                f"{path}: not the file that the manifest describes (sha256)", hint="hubkit collect STUDY.yaml"
            )
        rows: NDArray[np.float32] = load_file(path)[TENSOR]
    except (OSError, KeyError, SafetensorError) as error:
        raise IncompleteError(f"{path}: cannot be read: {error}", hint="hubkit collect STUDY.yaml") from error
    if rows.shape != expected:
        raise IncompleteError(
            f"{path}: shape {rows.shape}, the manifest says {expected}", hint="hubkit collect STUDY.yaml"
        )
    return rows.astype(np.float32, copy=False)


def rows_of(manifest: PoolManifest, condition: str, *, held_out: str | None = None) -> NDArray[np.bool_]:
    """(n,) which rows an SAE of `condition` is trained on: all labelled ones or those of one label, but for the fold `held_out`."""
    wanted = set(manifest.labels_of(condition))
    return np.array([row.label in wanted and row.split != held_out for row in manifest.rows], dtype=bool)
