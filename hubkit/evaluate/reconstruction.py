"""How well an SAE says its input back, and with how much: explained variance, L0, alive share. float64; NaN stays NaN."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hubkit.evaluate.bootstrap import normal_interval, percentile_interval, row_counts
from hubkit.evaluate.values import measured

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from hubkit.release.metrics import MetricValue, Split

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


def explained_variance(x: Rows, x_hat: Rows) -> float:
    """1 - sum ||x - x_hat||^2 / sum ||x - mean||^2 of (n, d_in) matrices; NaN when the rows do not vary."""
    wide = x.astype(np.float64)
    total = float(((wide - wide.mean(axis=0)) ** 2).sum())
    return _explained(float(squared_residuals(x, x_hat).sum()), total)


def l0(acts: Rows) -> float:
    """Mean number of non-zero latents of (n, d_sae) feature activations."""
    return float(active_latents(acts).mean())


def alive_share(acts: Rows) -> float:
    """Share of the latents that are non-zero on at least one of the rows of `acts` (n, d_sae)."""
    return float(np.nan if np.isnan(acts).any() else (acts != 0).any(axis=0).mean())


def squared_residuals(x: Rows, x_hat: Rows) -> Floats:
    """||x_i - x_hat_i||^2 by row, (n,)."""
    by_row: Floats = ((x.astype(np.float64) - x_hat.astype(np.float64)) ** 2).sum(axis=1)
    return by_row


def active_latents(acts: Rows) -> Floats:
    """Non-zero latents by row, (n,); NaN for a row that holds NaN (which is not zero, but is not a value either)."""
    return np.where(np.isnan(acts).any(axis=1), np.nan, (acts != 0).sum(axis=1).astype(np.float64))


def reconstruction_values(parts: Sequence[Encoded], split: Split) -> list[MetricValue]:
    """Explained variance, L0 and alive share with 95 % bootstrap intervals over rows.

    One part: an SAE on its rows. Several: the SAEs of the folds, each on the rows it did not see, pooled.
    """
    x = np.concatenate([part.x for part in parts]).astype(np.float64)
    residuals = np.concatenate([squared_residuals(part.x, part.x_hat) for part in parts])
    active = np.concatenate([active_latents(part.acts) for part in parts])
    counts = row_counts([""] * len(x), "rows")
    centred = x - x.mean(axis=0)
    explained = _explained(float(residuals.sum()), float((centred**2).sum()))
    alive, alive_resampled = _alive(parts, counts)
    return [
        measured(
            "explained_variance",
            explained,
            len(x),
            split,
            percentile_interval(_explained_resampled(counts, residuals, centred)),
        ),
        measured("l0", float(active.mean()), len(x), split, percentile_interval(counts @ active / len(x))),
        measured("alive_share", alive, len(x), split, normal_interval(alive, alive_resampled)),
    ]


def _explained(residual: float, total: float) -> float:
    """NaN where there is no variance to explain."""
    return 1.0 - residual / total if total != 0 else math.nan


def _explained_resampled(counts: Floats, residuals: Floats, centred: Floats) -> Floats:
    """Explained variance in each resample, around that resample's own mean.

    sum ||x - m||^2 = sum ||x||^2 - n ||m||^2; `centred` rows keep the two terms from cancelling.
    """
    n = len(residuals)
    means = counts @ centred / n
    totals = counts @ (centred**2).sum(axis=1) - n * (means**2).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        explained: Floats = 1.0 - counts @ residuals / totals
    return explained


def _alive(parts: Sequence[Encoded], counts: Floats) -> tuple[float, Floats]:
    """Alive share, in all rows and in each resample: the mean over the parts, weighted by their rows."""
    n = sum(len(part.x) for part in parts)
    value, resampled, start = 0.0, np.zeros(len(counts)), 0
    for part in parts:
        rows, weight = len(part.x), len(part.x) / n
        drawn = (counts[:, start : start + rows] > 0).astype(np.float32)
        resampled += weight * (drawn @ (part.acts != 0).astype(np.float32) > 0).mean(axis=1)
        value += weight * alive_share(part.acts)
        start += rows
    return value, resampled
