"""Rows as SAEs say them back. float64 sums; NaN stays NaN."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from hubkit.measures.bootstrap import percentile_interval, row_counts
from hubkit.measures.estimate import Estimate

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hubkit.measures.estimate import Interval

    Rows = NDArray[np.floating]
    Floats = NDArray[np.float64]


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


@dataclass(frozen=True)
class Reconstructed:
    """Rows and what was said back of them. One part: an SAE on its rows. Several: the SAEs of the folds, each on the rows it did not see, pooled."""

    parts: tuple[Encoded, ...]

    @cached_property
    def x(self) -> Floats:
        """(n, d_in) of all parts."""
        return np.concatenate([part.x for part in self.parts]).astype(np.float64)

    @property
    def n(self) -> int:
        """Rows."""
        return sum(len(part.x) for part in self.parts)

    @cached_property
    def residuals(self) -> Floats:
        """||x_i - x_hat_i||^2 by row, (n,)."""
        return np.concatenate([_squared_residuals(part) for part in self.parts])

    @cached_property
    def x_hat(self) -> Floats:
        """(n, d_in) of all parts."""
        return np.concatenate([part.x_hat for part in self.parts]).astype(np.float64)

    @cached_property
    def magnitude(self) -> Floats:
        """Sum of |activation| over the latents by row, (n,)."""
        return np.concatenate([np.abs(part.acts.astype(np.float64)).sum(axis=1) for part in self.parts])

    @cached_property
    def active(self) -> Floats:
        """Non-zero latents by row, (n,); NaN for a row that holds NaN (which is not zero, but is not a value either)."""
        return np.concatenate([_active_latents(part.acts) for part in self.parts])

    @cached_property
    def counts(self) -> Floats:
        """How often each row is drawn in each resample, (B, n): the same for every SAE on as many rows."""
        return row_counts([""] * self.n, "rows")

    def estimate(self, value: float, interval: Interval) -> Estimate:
        """A value that stands on these rows."""
        return Estimate(value, self.n, interval)

    def mean(self, by_row: Floats) -> Estimate:
        """The mean of a number that each row has, (n,), with its bootstrap interval over rows."""
        return self.estimate(float(by_row.mean()), percentile_interval(self.counts @ by_row / self.n))


def _squared_residuals(part: Encoded) -> Floats:
    by_row: Floats = ((part.x.astype(np.float64) - part.x_hat.astype(np.float64)) ** 2).sum(axis=1)
    return by_row


def _active_latents(acts: Rows) -> Floats:
    return np.where(np.isnan(acts).any(axis=1), np.nan, (acts != 0).sum(axis=1).astype(np.float64))
