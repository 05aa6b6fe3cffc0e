"""Rows out of a pool. numpy only."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file

from hubkit.errors import IncompleteError
from hubkit.release.digests import sha256_of_file
from hubkit.release.pool import TENSOR, PoolLayer, PoolManifest

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray


def check_layer(pool_folder: Path, entry: PoolLayer) -> Path:
    """The file of one layer and site. Raises IncompleteError when it is not the one of the manifest."""
    path = pool_folder / entry.file
    try:
        found = sha256_of_file(path)
    except OSError as error:
        raise IncompleteError(f"{path}: cannot be read: {error}", hint="hubkit collect STUDY.yaml") from error
    if found != entry.sha256:
        raise IncompleteError(
            f"{path}: not the file that the manifest describes (sha256)", hint="hubkit collect STUDY.yaml"
        )
    return path


def read_layer(pool_folder: Path, manifest: PoolManifest, entry: PoolLayer) -> NDArray[np.float32]:
    """The activations (n, d_in) of one layer and site of the manifest. Raises IncompleteError when the file is not the one of the manifest."""
    return read_rows(pool_folder, entry, (len(manifest.rows), manifest.d_in))


def read_rows(pool_folder: Path, entry: PoolLayer, expected: tuple[int, int]) -> NDArray[np.float32]:
    """The rows of one file, of the shape that is expected. Raises IncompleteError when it is not the file that was described."""
    path = check_layer(pool_folder, entry)
    try:
        rows: NDArray[np.float32] = load_file(path)[TENSOR]
    except (OSError, KeyError, SafetensorError) as error:
        raise IncompleteError(f"{path}: cannot be read: {error}", hint="hubkit collect STUDY.yaml") from error
    if rows.shape != expected:
        raise IncompleteError(
            f"{path}: shape {rows.shape}, the manifest says {expected}", hint="hubkit collect STUDY.yaml"
        )
    return rows.astype(np.float32, copy=False)
