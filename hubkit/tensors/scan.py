"""One pass over a whole weights file: its sha256, NaN and infinities of every tensor, and the norms of rows or columns."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from hubkit.errors import IncompleteError
from hubkit.tensors.dtypes import BITS, numbers
from hubkit.tensors.stream import BLOCK, blocks, check_streamable, pieces, row_length
from hubkit.tensors.zip_member import content_start

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy.typing as npt

    from hubkit.repo.view import RepoView
    from hubkit.tensors.header import Header, TensorInfo

Axis = Literal["rows", "columns"]
NORMS: Mapping[str, Axis] = {"W_dec": "rows", "W_enc": "columns"}
"""What SAELens's layout needs: one norm for each latent."""
FEW_ROWS = 128
"""Rows whose squares are summed in the tensor's own precision before the sums go into float64: an error of 128 roundings at most."""


@dataclass
class TensorScan:
    """What one tensor holds."""

    values: int
    nan: int = 0
    inf: int = 0
    first_bad: int | None = None
    """Row-major index of the first NaN or infinity."""
    norms: npt.NDArray[np.float64] | None = None
    """Euclidean norms of the rows or columns that were asked for, relative error below 1e-5; NaN or infinite where a value is."""


@dataclass
class FileScan:
    """What one pass over a file found."""

    sha256: str | None
    tensors: dict[str, TensorScan] = field(default_factory=dict)
    unread: dict[str, str] = field(default_factory=dict)
    """Tensors whose values could not be looked at, with the reason."""


class _Piece(NamedTuple):
    """Bytes [start, stop) of the file: of a tensor, from its value `first` on, or of none."""

    start: int
    stop: int
    sums: _Sums | None
    first: int


def scan(
    view: RepoView,
    path: str,
    header: Header,
    *,
    norms: Mapping[str, Axis] = NORMS,
    digest: bool = True,
    block_bytes: int = BLOCK,
) -> FileScan:
    """Look at every value of `path` once. Memory: two blocks and the norms.

    Tensors that are compressed or share their bytes with others are read by themselves, and the file again for its sha256.
    Raises IncompleteError when the file cannot be read.
    """
    result = FileScan(None)
    sums: dict[str, _Sums] = {}
    for info in header.tensors.values():
        try:
            check_streamable(info)
        except IncompleteError as error:
            result.unread[info.name] = error.message
        else:
            sums[info.name] = _Sums(info, norms.get(info.name))
    with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is counted, not warned of
        result.sha256 = _pass(view, path, header, sums, digest=digest, block_bytes=block_bytes)
    result.tensors = {name: into.result() for name, into in sums.items()}
    return result


def _pass(
    view: RepoView, path: str, header: Header, sums: Mapping[str, _Sums], *, digest: bool, block_bytes: int
) -> str | None:
    """Feed every value to `sums`; the sha256 where it is asked for."""
    plan = _plan(view, path, header, sums)
    if plan is None:
        for name, into in sums.items():
            for block in blocks(view, path, header.tensors[name], block_bytes):
                into.add(block.first, block.values)
    entry = view.entry(path)
    parts = _parts(plan or [], entry.size if entry else 0, block_bytes, gaps=digest)
    return _run(view, path, parts, digest=digest)


def _plan(
    view: RepoView, path: str, header: Header, sums: Mapping[str, _Sums]
) -> list[tuple[int, TensorInfo, _Sums]] | None:
    """The tensors by their first byte in the file, or None where one pass cannot serve them all."""
    plan = []
    for name, into in sums.items():
        info = header.tensors[name]
        if info.member is not None and info.member.deflated:
            return None
        begin = info.start + (content_start(view, path, info.member) if info.member else 0)
        plan.append((begin, info, into))
    plan.sort(key=lambda item: (item[0], item[1].stop - item[1].start))
    ends = [begin + info.stop - info.start for begin, info, _ in plan]
    overlap = any(end > following[0] for end, following in zip(ends, plan[1:], strict=False))
    return None if overlap else plan


def _parts(
    plan: list[tuple[int, TensorInfo, _Sums]], size: int, block_bytes: int, *, gaps: bool
) -> Iterator[_Piece]:
    """The file from its first byte to its last in pieces of at most a block, the tensors' pieces marked."""
    at = 0
    for begin, info, into in plan:
        if gaps:
            yield from (_Piece(*piece, None, 0) for piece in _cut(at, begin, block_bytes))
        width = BITS[info.dtype] // 8
        for first, last in pieces(info.count, row_length(info), max(1, block_bytes // width)):
            yield _Piece(begin + first * width, begin + last * width, into, first)
        at = begin + info.stop - info.start
    if gaps:
        yield from (_Piece(*piece, None, 0) for piece in _cut(at, size, block_bytes))


def _cut(start: int, stop: int, step: int) -> Iterator[tuple[int, int]]:
    for at in range(start, stop, step):
        yield at, min(at + step, stop)


def _run(view: RepoView, path: str, parts: Iterator[_Piece], *, digest: bool) -> str | None:
    """Read each piece, hash it on a second thread (hashlib and numpy both let go of the interpreter) and sum it here."""
    sha = hashlib.sha256()
    buffers = [np.empty(0, np.uint8), np.empty(0, np.uint8)]
    with ThreadPoolExecutor(1) as hasher:
        pending: list[Any] = [None, None]
        for turn, piece in enumerate(parts):
            which, size = turn % 2, piece.stop - piece.start
            if pending[which] is not None:
                pending[which].result()
            if len(buffers[which]) < size:
                buffers[which] = np.empty(size, np.uint8)
            data = buffers[which][:size]
            view.read_into(path, piece.start, data.data)
            if digest:
                pending[which] = hasher.submit(sha.update, data.data)
            if piece.sums is not None:
                info = piece.sums.info
                piece.sums.add(piece.first, numbers(data, info.dtype, big_endian=info.big_endian))
    return sha.hexdigest() if digest else None


class _Sums:
    """Sums of squares of one tensor, along its rows or columns as they lie in the file, and what is not finite."""

    def __init__(self, info: TensorInfo, axis: Axis | None) -> None:
        self.info = info
        self.found = TensorScan(info.count)
        self._row = max(1, row_length(info))
        matrix = len(info.shape) == 2 and axis is not None
        # in a column-major matrix the rows of the file are the columns of the tensor
        self._axis: Axis | None = None
        if matrix:
            self._axis = axis if info.order == "C" else ("columns" if axis == "rows" else "rows")
        length = self._row if self._axis == "columns" else info.count // self._row
        self._squares = np.zeros(length if self._axis else 0)

    def add(self, first: int, values: npt.NDArray[Any]) -> None:
        """Take in the values from number `first` on."""
        if values.dtype.kind != "f":
            values = values.astype(np.float64) if self._axis else values[:0]
        if not self._add(first, values):
            self._count(first, values)

    def _add(self, first: int, values: npt.NDArray[Any]) -> bool:
        """Whether all values are finite, as far as their squares tell."""
        if self._axis is None:
            return bool(np.isfinite(np.dot(values, values)))
        row, offset = divmod(first, self._row)
        if len(values) % self._row:  # a piece of one row
            squares = np.square(values, dtype=np.float64)
            if self._axis == "rows":
                self._squares[row] += squares.sum()
            else:
                self._squares[offset : offset + len(values)] += squares
            return bool(np.isfinite(squares).all())
        matrix = values.reshape(-1, self._row)
        if self._axis == "columns":
            return self._add_columns(matrix)
        sums = _row_squares(matrix)
        finite = bool(np.isfinite(sums).all())
        self._squares[row : row + len(matrix)] = sums if finite else _row_squares(matrix.astype(np.float64))
        return finite

    def _add_columns(self, matrix: npt.NDArray[Any]) -> bool:
        finite = True
        for at in range(0, len(matrix), FEW_ROWS):
            part = matrix[at : at + FEW_ROWS]
            sums = np.einsum("ij,ij->j", part, part)
            if not np.isfinite(sums).all():
                finite, part = False, part.astype(np.float64)
                sums = np.einsum("ij,ij->j", part, part)
            self._squares += sums
        return finite

    def _count(self, first: int, values: npt.NDArray[Any]) -> None:
        """Exactly what is not finite: a square that overflows is none of it."""
        bad = np.flatnonzero(~np.isfinite(values))
        if not len(bad):
            return
        nan = int(np.isnan(values[bad]).sum())
        self.found.nan += nan
        self.found.inf += len(bad) - nan
        at = (bad + first).astype(np.int64)
        if self.info.order == "F":
            at = np.ravel_multi_index(np.unravel_index(at, self.info.shape, order="F"), self.info.shape)
        smallest = int(at.min())
        known = self.found.first_bad
        self.found.first_bad = smallest if known is None else min(known, smallest)

    def result(self) -> TensorScan:
        """What was found."""
        if self._axis is not None:
            self.found.norms = np.sqrt(self._squares)
        return self.found


def _row_squares(matrix: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Sum of squares of each row of (n, m): one dot product of BLAS a row, three times as fast as einsum."""
    sums: npt.NDArray[Any] = np.matmul(matrix[:, None, :], matrix[:, :, None])[:, 0, 0]
    return sums
