"""The rows an SAE is trained on, out of pools that need not fit into memory."""

from __future__ import annotations

import contextlib
import uuid
from typing import TYPE_CHECKING

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from hubkit.errors import IncompleteError
from hubkit.release.activations import check_layer
from hubkit.release.pool import TENSOR

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from hubkit.release.pool import PoolManifest

IN_MEMORY = 1 << 30
"""Bytes of selected rows from which they go to a file of their own."""
BLOCK = 1 << 24
"""Numbers that are copied at a time."""


def map_layer(pool_folder: Path, manifest: PoolManifest, layer: int) -> torch.Tensor:
    """The activations (n, d_in), float32, of one layer, mapped from the file: a row is read when it is used.

    Raises IncompleteError when the file is not the one of the manifest.
    """
    path = check_layer(pool_folder, manifest.layer(layer))
    try:
        rows: torch.Tensor = load_file(path)[TENSOR]
    except (OSError, KeyError, SafetensorError) as error:
        raise IncompleteError(f"{path}: cannot be read: {error}", hint="hubkit collect STUDY.yaml") from error
    expected = (len(manifest.rows), manifest.d_in)
    if tuple(rows.shape) != expected:
        raise IncompleteError(
            f"{path}: shape {tuple(rows.shape)}, the manifest says {expected}",
            hint="hubkit collect STUDY.yaml",
        )
    return rows.to(torch.float32)


def select_rows(layer: torch.Tensor, chosen: NDArray[np.bool_], scratch: Path) -> torch.Tensor:
    """The `chosen` rows (n,) of `layer`: itself when that is all of them, a copy in memory, or one mapped from a file in `scratch`."""
    if chosen.all():
        return layer
    numbers = torch.from_numpy(np.flatnonzero(chosen))
    size = len(numbers) * layer.shape[1]
    if size * layer.element_size() <= IN_MEMORY:
        return layer[numbers]
    path = scratch / f"{uuid.uuid4().hex}.rows"
    rows: torch.Tensor = torch.from_file(str(path), shared=True, size=size, dtype=torch.float32)
    rows = rows.view(len(numbers), -1)
    at_once = max(1, BLOCK // layer.shape[1])
    for start in range(0, len(numbers), at_once):
        rows[start : start + at_once] = layer[numbers[start : start + at_once]]
    with contextlib.suppress(PermissionError):  # Windows keeps a mapped file's name until it is let go
        path.unlink()
    return rows
