"""Activations that were taken elsewhere: one tensor of a file, read without running anything. Torch-free."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hubkit.errors import HubkitError, UsageError
from hubkit.small_files import instead_of_file
from hubkit.tensors.arrays import arrays_in

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from hubkit.tensors.arrays import StoredArray

TENSOR_AFTER = "#"
"""`cache.pt#layer_18`."""


def read_cache(source: str) -> NDArray[np.float32]:
    """(n, d) float32 of `FILE` or `FILE#TENSOR`: `.npy`, `.npz`, safetensors, or what torch saved. No pickle is run.

    Raises UsageError where there is no such file or tensor, or none that is a matrix of floating point numbers.
    """
    path, _, name = source.partition(TENSOR_AFTER)
    file = Path(path)
    if (instead := instead_of_file(file)) is not None or not file.is_file():
        raise UsageError(f"{file}: {instead or 'there is no such file'}, expected a file of activations")
    try:
        found = _chosen(arrays_in(file), name).read()
    except (HubkitError, OSError, EOFError, ValueError) as error:
        said = error.message if isinstance(error, HubkitError) else str(error)
        raise UsageError(
            f"{source}: {said}",
            hint=getattr(error, "hint", None)
            or "activations are a matrix of floating point numbers, a row for each completion",
        ) from error
    if found.ndim != 2 or not found.size:
        raise UsageError(f"{source}: shape {found.shape}, expected (completions, width)")
    return found


def _chosen(stored: Sequence[StoredArray], name: str) -> StoredArray:
    """The array of that name; without a name the only one, or the only matrix of floating point numbers."""
    named = [one for one in stored if one.name == name]
    matrices = [one for one in stored if len(one.shape) == 2 and one.is_floating]
    if name and not named:
        raise UsageError(
            f"no tensor {name!r}, it has {', '.join(sorted(one.name for one in stored)) or 'none'}"
        )
    found = named or (stored if len(stored) == 1 else matrices)
    if len(found) != 1:
        there = ", ".join(sorted(one.name for one in matrices)[:10]) or "none"
        raise UsageError(
            f"{len(matrices)} matrices ({there}), expected one",
            hint=f"name the tensor: FILE{TENSOR_AFTER}TENSOR",
        )
    if not found[0].is_floating:
        raise UsageError(f"{found[0].name}: numbers of type {found[0].dtype}, expected floating point")
    return found[0]
