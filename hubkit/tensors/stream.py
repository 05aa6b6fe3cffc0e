"""A large tensor's values, block by block in one reused buffer."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from hubkit.errors import IncompleteError
from hubkit.tensors.dtypes import BITS, numbers
from hubkit.tensors.zip_member import content_start, inflated

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from hubkit.repo.view import RepoView
    from hubkit.tensors.header import TensorInfo


MOST_APART = 1 << 28
"""Bytes over which one row may lie that has gaps."""


class Block(NamedTuple):
    """A part of a tensor: whole rows, or a piece of one row where a row is larger than a block."""

    first: int
    """Index of the first value, counted as the values lie in the file."""
    values: npt.NDArray[Any]
    """Flat, as `dtypes.numbers` gives them. Valid until the next block is asked for."""


def blocks(view: RepoView, path: str, info: TensorInfo, block_bytes: int | None = None) -> Iterator[Block]:
    """The values of `info` as they lie in the file (its columns one by one where `info.order` is "F").

    A row is a run of `row_length(info)` values. Memory: one block, twice for the dtypes that numpy has not. Values that lie with gaps, or are repeated, come
    row by row, as the tensor has them. Raises IncompleteError for a dtype without a decoder and for gaps in what is compressed; HeaderError for a damaged zip.
    """
    width = check_streamable(info) // 8
    if info.order is None:
        yield from _apart(view, path, info, block_bytes or view.block)
        return
    row = row_length(info)
    for start, chunk in _chunks(
        view, path, info, pieces(info.count, row, max(1, (block_bytes or view.block) // width)), width
    ):
        yield Block(start, numbers(chunk, info.dtype, big_endian=info.big_endian))


def check_streamable(info: TensorInfo) -> int:
    """Bits of one value. Raises IncompleteError where `blocks` cannot read the tensor."""
    bits = BITS[info.dtype]
    if bits % 8 or info.dtype.startswith("C"):
        raise IncompleteError(f"{info.name}: no decoder for {info.dtype}")
    return bits


def first_byte(view: RepoView, path: str, info: TensorInfo) -> int | None:
    """Where in the file the values begin; None where they are compressed. Raises HeaderError for a damaged zip."""
    member = info.member
    if member is None:
        return info.start
    return None if member.deflated else info.start + content_start(view, path, member)


def row_length(info: TensorInfo) -> int:
    """Values of one row as they lie in the file: of a column where `info.order` is "F"."""
    if not info.shape:
        return 1
    return info.shape[0] if info.order == "F" else info.shape[-1]


def _apart(view: RepoView, path: str, info: TensorInfo, block_bytes: int) -> Iterator[Block]:
    """Some of its first axis at a time: the bytes from the first value of these to the last, seen by their steps."""
    begin, strides = first_byte(view, path, info), info.strides or ()
    if begin is None:
        raise IncompleteError(
            f"{info.name}: its values are compressed, with gaps or repeated, stride {strides}"
        )
    width = BITS[info.dtype] // 8
    rows, inner, step = info.shape[0], math.prod(info.shape[1:]), strides[0]
    extent = 1 + sum((n - 1) * one for n, one in zip(info.shape[1:], strides[1:], strict=True))
    if extent * width > MOST_APART:
        raise IncompleteError(
            f"{info.name}: a row of it lies over {extent * width:,} bytes, stride {strides}"
        )
    several = max(1, block_bytes // (width * max(step, inner, 1)))
    for first in range(0, rows if inner else 0, several):
        shape = (min(several, rows - first), *info.shape[1:])
        start = begin + first * step * width
        stop = start + ((shape[0] - 1) * step + extent) * width
        values = numbers(view.read_range(path, start, stop), info.dtype, big_endian=info.big_endian)
        steps = [one * values.itemsize for one in strides]
        seen = np.lib.stride_tricks.as_strided(values, shape, steps, writeable=False)
        yield Block(first * inner, np.ascontiguousarray(seen).ravel())


def pieces(count: int, row: int, limit: int) -> Iterator[tuple[int, int]]:
    """[start, stop) of at most `limit` values each: whole rows, or parts of one row."""
    at = 0
    while at < count:
        whole_rows, row_end = limit // row * row, (at // row + 1) * row
        stop = min(count, at + whole_rows) if whole_rows else min(at + limit, row_end)
        yield at, stop
        at = stop


def _chunks(
    view: RepoView, path: str, info: TensorInfo, parts: Iterator[tuple[int, int]], width: int
) -> Iterator[tuple[int, memoryview]]:
    """The bytes of each part. One buffer serves all of them."""
    if info.member is not None and info.member.deflated:
        yield from _inflated(inflated(view, path, info.member), info.start, parts, width)
        return
    begin = first_byte(view, path, info) or 0
    buffer = memoryview(bytearray())
    for start, stop in parts:
        size = (stop - start) * width
        if size > len(buffer):
            buffer = memoryview(np.empty(size, np.uint8).data)
        view.read_into(path, begin + start * width, buffer[:size])
        yield start, buffer[:size]


def _inflated(
    source: Iterator[bytes], skip: int, parts: Iterator[tuple[int, int]], width: int
) -> Iterator[tuple[int, memoryview]]:
    held = bytearray()
    for start, stop in parts:
        size = (stop - start) * width
        while len(held) < size + skip:
            held += next(source)
        yield start, memoryview(bytes(held[skip : skip + size]))
        del held[: skip + size]
        skip = 0
    for _ in source:  # to the end: there the length and the CRC are checked
        pass
