"""Where a batch of feature activations is not zero, and the three products of a training step over those entries alone.

A TopK step has k of d_sae entries in a row that are not zero (64 of 2,304: 2.8 %). Decoding them, the gradient at them and the gradients
of the weights then cost a few percent of the dense matrix products, which multiply zeros.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cached_property

import torch
from torch.nn.functional import embedding_bag

with warnings.catch_warnings():
    # torch says once that its CSR tensors are in beta; said here, no thread of a training hears it.
    warnings.simplefilter("ignore")
    torch.zeros(1, 1).to_sparse_csr()


@dataclass(frozen=True)
class SparseEntries:
    """Some entries of a (rows, columns) matrix, row by row; `values` below are one number for each."""

    columns: torch.Tensor
    """(entries,) int64."""
    starts: torch.Tensor
    """(rows + 1,) int64: where each row's entries begin, and their number."""
    n_columns: int

    @classmethod
    def where(cls, mask: torch.Tensor) -> SparseEntries:
        """The entries at which `mask` (rows, columns) is true."""
        flat = mask.view(-1).nonzero().view(-1)
        counts = mask.sum(dim=1)
        starts = torch.zeros(len(mask) + 1, dtype=torch.int64)
        torch.cumsum(counts, 0, out=starts[1:])
        return cls(flat.remainder(mask.shape[1]), starts, mask.shape[1])

    @classmethod
    def of(cls, columns: torch.Tensor, n_columns: int) -> SparseEntries:
        """Equally many entries in every row: `columns` (rows, k)."""
        rows, k = columns.shape
        return cls(columns.reshape(-1), torch.arange(0, rows * k + 1, k), n_columns)

    @cached_property
    def rows(self) -> torch.Tensor:
        """(entries,): the row of each."""
        counts = self.starts.diff()
        return torch.repeat_interleave(torch.arange(len(counts)), counts, output_size=len(self.columns))

    @cached_property
    def by_column(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """The entries in the order of their columns (stable), the rows of them, and where each column begins (columns,)."""
        order = torch.argsort(self.columns, stable=True)
        counts = torch.bincount(self.columns, minlength=self.n_columns)
        return order, self.rows[order], counts.cumsum(0) - counts

    def times(self, values: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
        """The matrix with `values` at these entries times `right` (columns, d): (rows, d)."""
        return embedding_bag(self.columns, right, self.starts[:-1], mode="sum", per_sample_weights=values)

    def transposed_times(self, values: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
        """The transpose of the matrix with `values` at these entries times `right` (rows, d): (columns, d)."""
        order, rows, starts = self.by_column
        return embedding_bag(rows, right, starts, mode="sum", per_sample_weights=values[order])

    def product(self, left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
        """The entries of `left` (rows, d) times the transpose of `right` (columns, d) at these entries."""
        pattern = torch.sparse_csr_tensor(
            self.starts,
            self.columns,
            left.new_zeros(len(self.columns)),
            size=(len(left), self.n_columns),
            check_invariants=False,
        )
        return torch.sparse.sampled_addmm(pattern, left, right.t(), beta=0.0).values()

    def sums(self, values: torch.Tensor) -> torch.Tensor:
        """The sum of each column (columns,)."""
        return values.new_zeros(self.n_columns).index_add_(0, self.columns, values)

    def dense(self, values: torch.Tensor) -> torch.Tensor:
        """The (rows, columns) matrix."""
        matrix = values.new_zeros(len(self.starts) - 1, self.n_columns)
        matrix[self.rows, self.columns] = values
        return matrix


def topk_columns(x: torch.Tensor, k: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The k largest of each row of `x` (rows, columns) and their columns, in no order, as `torch.topk` finds them, sooner.

    The k-th largest of 2 k maxima over parts of a row is no larger than the k-th largest of the row, and few entries reach it: only
    those are searched. Which of several equal entries is taken at the boundary may differ from `torch.topk`.
    """
    rows, columns = x.shape
    parts = 2 * k
    if columns < 4 * parts:
        return _plain(x, k)
    length = columns // parts
    maxima = x[:, : length * parts].view(rows, length, parts).amax(dim=1)
    floor = maxima.topk(k, dim=1, sorted=False).values.amin(dim=1, keepdim=True)
    candidates = SparseEntries.where(x >= floor)
    counts = candidates.starts.diff()
    width = int(counts.max())
    if width * 4 > columns or int(counts.min()) < k:  # few reach a floor of NaN
        return _plain(x, k)
    place = torch.arange(len(candidates.columns)) - candidates.starts[candidates.rows]
    values = x.new_full((rows, width), -torch.inf)
    values[candidates.rows, place] = x[candidates.rows, candidates.columns]
    found = torch.zeros((rows, width), dtype=torch.int64)
    found[candidates.rows, place] = candidates.columns
    best, index = _plain(values, k)
    return best, found.gather(1, index)


def _plain(x: torch.Tensor, k: int) -> tuple[torch.Tensor, torch.Tensor]:
    values, columns = torch.topk(x, k, dim=1, sorted=False)
    return values, columns
