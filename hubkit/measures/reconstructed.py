"""Rows as SAEs say them back, some at a time: what a measure asks are numbers of each row, and how often each latent fires. float64 sums; NaN stays NaN."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from hubkit.measures.bootstrap import RESAMPLES, percentile_interval, row_counts
from hubkit.measures.estimate import Estimate

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hubkit.measures.estimate import Interval

    Rows = NDArray[np.floating]
    Floats = NDArray[np.float64]
    Run = Callable[[Rows], "tuple[Rows, Rows]"]
    """Rows (m, d_in) to latents (m, d_sae) and reconstructions (m, d_in)."""

STEP = 1024
"""Rows at once."""


@dataclass(frozen=True)
class Encoded:
    """What one SAE makes of some rows."""

    x: Rows
    """(n, d_in) raw activations."""
    x_hat: Rows
    """(n, d_in) reconstructions."""
    acts: Rows
    """(n, d_sae) feature activations."""

    def rows(self, chosen: NDArray[np.bool_]) -> Encoded:
        """The same of some of its rows."""
        return Encoded(self.x[chosen], self.x_hat[chosen], self.acts[chosen])

    def pieces(self) -> Iterator[Encoded]:
        """All of it, in order."""
        for start in range(0, len(self.x), STEP):
            part = slice(start, start + STEP)
            yield Encoded(self.x[part], self.x_hat[part], self.acts[part])


@dataclass(frozen=True)
class Streamed:
    """The same of more rows than latents can be kept of: made anew whenever they are asked for."""

    x: Rows
    """(n, d_in) raw activations."""
    run: Run

    def pieces(self) -> Iterator[Encoded]:
        """All of it, in order."""
        for start in range(0, len(self.x), STEP):
            x = self.x[start : start + STEP]
            acts, x_hat = self.run(x)
            yield Encoded(x, x_hat, acts)


@dataclass(frozen=True)
class ByRow:
    """Numbers of each row, all (n,)."""

    residuals: Floats
    """||x - x_hat||^2"""
    squares: Floats
    """||x||^2"""
    squares_hat: Floats
    """||x_hat||^2"""
    products: Floats
    """x x_hat"""
    magnitude: Floats
    """Sum of |activation| over the latents."""
    active: Floats
    """Non-zero latents; NaN for a row that holds NaN (which is not zero, but is not a value either)."""


@dataclass(frozen=True)
class Firing:
    """How often each latent of one SAE fires."""

    n: int
    """Rows."""
    share: Floats
    """(d_sae,) of the rows."""
    resampled: NDArray[np.float32]
    """(B, d_sae) of the rows of each resample, each as often as it is drawn."""
    whole: bool
    """Whether every activation is a number."""


@dataclass(frozen=True)
class Reconstructed:
    """Rows and what was said back of them. One part: an SAE on its rows. Several: the SAEs of the folds, each on the rows it did not see, pooled."""

    parts: tuple[Encoded | Streamed, ...]

    @property
    def n(self) -> int:
        """Rows."""
        return sum(len(part.x) for part in self.parts)

    @property
    def d_in(self) -> int:
        """Their width."""
        return int(self.parts[0].x.shape[1])

    @cached_property
    def by_row(self) -> ByRow:
        """Of all parts."""
        found = [_numbers(piece) for part in self.parts for piece in part.pieces()]
        return ByRow(*(np.concatenate(columns) for columns in zip(*found, strict=True)))

    @property
    def residuals(self) -> Floats:
        """||x_i - x_hat_i||^2 by row, (n,)."""
        return self.by_row.residuals

    @cached_property
    def mean_x(self) -> Floats:
        """(d_in,) of all rows."""
        total: Floats = sum(
            (part.x.sum(axis=0, dtype=np.float64) for part in self.parts), np.zeros(self.d_in)
        )
        return total / self.n

    def centred(self) -> Iterator[tuple[slice, Floats]]:
        """The rows less their mean, some at a time, and where among all they are."""
        begun = 0
        for part in self.parts:
            for start in range(0, len(part.x), STEP):
                rows = part.x[start : start + STEP].astype(np.float64) - self.mean_x
                yield slice(begun, begun + len(rows)), rows
                begun += len(rows)

    @cached_property
    def firing(self) -> list[Firing]:
        """Of each part."""
        found, begun = [], 0
        for part in self.parts:
            n = len(part.x)
            found.append(_firing(part, self.counts[:, begun : begun + n]))
            begun += n
        return found

    @cached_property
    def counts(self) -> NDArray[np.uint16]:
        """How often each row is drawn in each resample, (B, n): the same for every SAE on as many rows."""
        return row_counts([""] * self.n, "rows", np.uint16)

    def resampled(self, by_row: Floats) -> Floats:
        """(B,) the sum of a number that each row has, (n,), over the rows of each resample."""
        total = np.zeros(RESAMPLES)
        for start in range(0, self.n, STEP):
            part = slice(start, start + STEP)
            total += self.counts[:, part].astype(np.float64) @ by_row[part]
        return total

    def estimate(self, value: float, interval: Interval) -> Estimate:
        """A value that stands on these rows."""
        return Estimate(value, self.n, interval)

    def mean(self, by_row: Floats) -> Estimate:
        """The mean of a number that each row has, (n,), with its bootstrap interval over rows."""
        return self.estimate(float(by_row.mean()), percentile_interval(self.resampled(by_row) / self.n))


def _numbers(piece: Encoded) -> tuple[Floats, ...]:
    """In the order of `ByRow`."""
    x, x_hat = piece.x.astype(np.float64), piece.x_hat.astype(np.float64)
    active = np.where(np.isnan(piece.acts).any(axis=1), np.nan, (piece.acts != 0).sum(axis=1))
    magnitude = np.abs(piece.acts).sum(axis=1, dtype=np.float64)
    return (
        ((x - x_hat) ** 2).sum(axis=1), (x**2).sum(axis=1), (x_hat**2).sum(axis=1), (x * x_hat).sum(axis=1), magnitude, active,
    )  # fmt: skip


def _firing(part: Encoded | Streamed, counts: NDArray[np.uint16]) -> Firing:
    fired: Floats = np.zeros(1)
    drawn, whole, begun = np.zeros((1, 1), dtype=np.float32), True, 0
    for piece in part.pieces():
        fires, n = (piece.acts != 0).astype(np.float32), len(piece.x)
        fired = fired + fires.sum(axis=0, dtype=np.float64)
        drawn = drawn + counts[:, begun : begun + n].astype(np.float32) @ fires
        whole, begun = whole and not bool(np.isnan(piece.acts).any()), begun + n
    rows = np.maximum(counts.sum(axis=1, dtype=np.float32, keepdims=True), 1)
    return Firing(begun, fired / begun, drawn / rows, whole)
