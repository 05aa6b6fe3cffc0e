"""Values of one tensor, by a range read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubkit.errors import IncompleteError
from hubkit.tensors.dtypes import decode

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from hubkit.repo.view import RepoView
    from hubkit.tensors.header import TensorInfo

MAX_SLICE = 64 << 20
"""Bytes: far above any threshold, far below whole weights."""


def read_values(view: RepoView, path: str, info: TensorInfo) -> npt.NDArray[np.float64]:
    """All values of a small tensor in its own shape, as float64. Raises IncompleteError."""
    if info.stop - info.start > MAX_SLICE:
        raise IncompleteError(
            f"{path}: {info.name} has {info.stop - info.start:,} bytes, expected at most {MAX_SLICE:,}"
        )
    try:
        return decode(view.read_range(path, info.start, info.stop), info.dtype).reshape(info.shape)
    except ValueError as error:
        raise IncompleteError(f"{path}: {info.name}: {error}") from error
