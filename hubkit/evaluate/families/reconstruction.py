"""How well an SAE says its input back, and with how many latents. Intervals are bootstraps over rows."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from hubkit.evaluate.bootstrap import normal_interval, percentile_interval
from hubkit.evaluate.registry import computes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hubkit.evaluate.encoded import Encoded, Reconstructed
    from hubkit.evaluate.registry import Estimate
    from hubkit.evaluate.subject import Subject
    from hubkit.measures.measure import Split

    Floats = NDArray[np.float64]


@computes("explained_variance")
def explained_variance(subject: Subject, split: Split) -> Estimate:
    """1 - sum ||x - x_hat||^2 / sum ||x - mean||^2; not a number where the rows do not vary."""
    rows = subject.reconstructed(split)
    centred = rows.x - rows.x.mean(axis=0)
    total = float((centred**2).sum())
    value = 1.0 - float(rows.residuals.sum()) / total if total != 0 else math.nan
    return rows.estimate(value, percentile_interval(explained_resampled(rows, centred)))


def explained_resampled(rows: Reconstructed, centred: Floats) -> Floats:
    """Explained variance in each resample, around that resample's own mean.

    sum ||x - m||^2 = sum ||x||^2 - n ||m||^2; `centred` rows keep the two terms from cancelling.
    """
    means = rows.counts @ centred / rows.n
    totals = rows.counts @ (centred**2).sum(axis=1) - rows.n * (means**2).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        explained: Floats = 1.0 - rows.counts @ rows.residuals / totals
    return explained


@computes("l0")
def l0(subject: Subject, split: Split) -> Estimate:
    """Mean number of non-zero latents."""
    rows = subject.reconstructed(split)
    return rows.mean(rows.active)


@computes("alive_share")
def alive_share(subject: Subject, split: Split) -> Estimate:
    """Share of the latents that are non-zero on a row; over several parts their mean, weighted by rows."""
    rows = subject.reconstructed(split)
    value, resampled, start = 0.0, np.zeros(len(rows.counts)), 0
    for part in rows.parts:
        n, weight = len(part.x), len(part.x) / rows.n
        drawn = (rows.counts[:, start : start + n] > 0).astype(np.float32)
        resampled += weight * (drawn @ (part.acts != 0).astype(np.float32) > 0).mean(axis=1)
        value += weight * _alive(part)
        start += n
    return rows.estimate(value, normal_interval(value, resampled))


def _alive(part: Encoded) -> float:
    return float(np.nan if np.isnan(part.acts).any() else (part.acts != 0).any(axis=0).mean())
