"""What is collected while the values of one tensor go by: sums of squares, what is not finite, and a few of the values themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from hubkit.tensors.stream import row_length

if TYPE_CHECKING:
    import numpy.typing as npt

    from hubkit.tensors.header import TensorInfo

Axis = Literal["rows", "columns"]
HUGE = float(np.sqrt(np.finfo(np.float32).max))
FEW_ROWS = 128
"""Rows whose squares are summed in the tensor's own precision before the sums go into float64: an error of 128 roundings at most."""
MARKS = 8
"""Values kept of every row or column, evenly spaced."""
SAMPLE = 64
"""Whole rows or columns kept, evenly spaced."""


@dataclass
class TensorScan:
    """What one tensor holds."""

    values: int
    nan: int = 0
    inf: int = 0
    huge: int = 0
    """Finite values of float32 or narrower whose square is not finite in float32."""
    first_bad: int | None = None
    """Row-major index of the first NaN or infinity."""
    norms: npt.NDArray[np.float64] | None = None
    """Euclidean norms of the rows or columns that were asked for, relative error below 1e-5; NaN or infinite where a value is."""
    marks: npt.NDArray[Any] | None = None
    """(count, MARKS) values of each of those rows or columns, at the same places in all: equal ones have equal marks."""
    sample: npt.NDArray[Any] | None = None
    """(SAMPLE, length) of them whole: those of `sample_of(count)`."""


def sample_of(count: int) -> npt.NDArray[np.intp]:
    """Which of `count` rows or columns are kept whole: SAMPLE of them, evenly spaced, or all where there are no more."""
    return _spaced(count, SAMPLE)


def _spaced(count: int, most: int) -> npt.NDArray[np.intp]:
    return np.linspace(0, max(0, count - 1), min(most, count)).astype(np.intp)


class _Kept:
    """The values at chosen rows x columns of a matrix that goes by in row-major pieces."""

    def __init__(self, width: int, rows: npt.NDArray[np.intp], columns: npt.NDArray[np.intp]) -> None:
        self._width, self._rows, self._columns = width, rows, columns
        self.values: npt.NDArray[Any] = np.empty((len(rows), len(columns)), np.float32)

    def add(self, first: int, values: npt.NDArray[Any]) -> None:
        """Take the chosen ones of the values from number `first` on: whole rows, or a piece of one."""
        if self.values.dtype != values.dtype:
            self.values = self.values.astype(values.dtype)
        row, offset = divmod(first, self._width)
        matrix = values.reshape(-1, min(self._width, len(values)))
        upper, lower = np.searchsorted(self._rows, (row, row + len(matrix)))
        left, right = np.searchsorted(self._columns, (offset, offset + matrix.shape[1]))
        chosen = np.ix_(self._rows[upper:lower] - row, self._columns[left:right] - offset)
        self.values[upper:lower, left:right] = matrix[chosen]


class Sums:
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
        rows, columns = info.count // self._row, self._row
        along = columns if self._axis == "columns" else rows
        self._squares = np.zeros(along if self._axis else 0)
        self._kept = self._chosen(rows, columns) if self._axis and info.count else ()

    def _chosen(self, rows: int, columns: int) -> tuple[_Kept, _Kept]:
        """What becomes the marks and the sample, in the rows and columns of the file."""
        if self._axis == "columns":
            marks = _spaced(rows, MARKS), np.arange(columns)
            sample = np.arange(rows), sample_of(columns)
        else:
            marks = np.arange(rows), _spaced(columns, MARKS)
            sample = sample_of(rows), np.arange(columns)
        return _Kept(self._row, *marks), _Kept(self._row, *sample)

    def add(self, first: int, values: npt.NDArray[Any]) -> None:
        """Take in the values from number `first` on."""
        if values.dtype.kind != "f":
            values = values.astype(np.float64) if self._axis else values[:0]
        for kept in self._kept:
            kept.add(first, values)
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
        finite = np.isfinite(values)
        if (
            values.dtype.itemsize >= 4
        ):  # no narrower value is that large, bfloat16 aside, which goes by as float32
            self.found.huge += int((np.abs(values[finite]) > HUGE).sum())
        bad = np.flatnonzero(~finite)
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
        if self._kept:
            marks, sample = (kept.values for kept in self._kept)
            turned = self._axis == "columns"
            self.found.marks, self.found.sample = (marks.T, sample.T) if turned else (marks, sample)
        return self.found


def _row_squares(matrix: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Sum of squares of each row of (n, m): one dot product of BLAS a row, three times as fast as einsum."""
    sums: npt.NDArray[Any] = np.matmul(matrix[:, None, :], matrix[:, :, None])[:, 0, 0]
    return sums
