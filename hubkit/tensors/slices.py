"""Values of one small tensor, by a range read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hubkit.errors import IncompleteError
from hubkit.tensors.dtypes import decode
from hubkit.tensors.zip_member import read_part

if TYPE_CHECKING:
    import numpy.typing as npt

    from hubkit.repo.view import RepoView
    from hubkit.tensors.header import TensorInfo

MAX_SLICE = 64 << 20
"""Bytes: far above any threshold, far below whole weights."""


def read_values(view: RepoView, path: str, info: TensorInfo) -> npt.NDArray[np.float64]:
    """All values of a small tensor in its own shape, as float64. Raises IncompleteError; HeaderError where a zip's member is damaged."""
    size = max(info.stop - info.start, info.count)  # a repeated value has more values than bytes
    if size > MAX_SLICE:
        raise IncompleteError(f"{path}: {info.name} has {size:,} bytes, expected at most {MAX_SLICE:,}")
    try:
        return _shaped(decode(_read(view, path, info), info.dtype, big_endian=info.big_endian), info)
    except ValueError as error:
        raise IncompleteError(f"{path}: {info.name}: {error}") from error


def _read(view: RepoView, path: str, info: TensorInfo) -> bytes:
    member = info.member
    if member is None:
        return view.read_range(path, info.start, info.stop)
    if member.size <= min(
        MAX_SLICE, 2 * (info.stop - info.start) + 1024
    ):  # the whole member: its CRC is checked
        return read_part(view, path, member, 0, member.size)[info.start : info.stop]
    return read_part(view, path, member, info.start, info.stop)


def _shaped(values: npt.NDArray[np.float64], info: TensorInfo) -> npt.NDArray[np.float64]:
    if info.strides is None:
        return values.reshape(info.shape)
    steps = [step * values.itemsize for step in info.strides]
    # the readers of the containers have checked that shape and strides stay within start and stop
    return np.lib.stride_tricks.as_strided(values, info.shape, steps, writeable=False).copy()
