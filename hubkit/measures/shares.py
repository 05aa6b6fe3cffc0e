"""Shares and means with their intervals, and how far two things go together."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

Z = 1.959964
"""Two-sided 95 % of the normal distribution."""


def cramers_v(table: Sequence[tuple[int, int]]) -> float | None:
    """Of scenarios (rows) and labels, corrected for its bias (Bergsma 2013, doi:10.1016/j.jkss.2012.10.002); None where one of them does not vary."""
    counts = np.array([row for row in table if sum(row)], dtype=float).reshape(-1, 2)
    n, (k, r) = counts.sum(), counts.shape
    if k < 2 or n < 3 or (counts.sum(0) == 0).any():
        return None
    expected = counts.sum(1, keepdims=True) * counts.sum(0, keepdims=True) / n
    phi2 = float(((counts - expected) ** 2 / expected).sum() / n)
    corrected = max(0.0, phi2 - (k - 1) * (r - 1) / (n - 1))
    k_, r_ = k - (k - 1) ** 2 / (n - 1), r - (r - 1) ** 2 / (n - 1)
    return round(min(1.0, math.sqrt(corrected / min(k_ - 1, r_ - 1))), 4) if min(k_, r_) > 1 else None


def newcombe(a: int, m: int, b: int, n: int) -> tuple[float, float]:
    """95 % interval of b/n - a/m (Newcombe 1998, method 10: from Wilson's intervals of the two shares)."""
    (low_a, high_a), (low_b, high_b) = wilson(a, m), wilson(b, n)
    p, q = a / m, b / n
    low = q - p - math.hypot(q - low_b, high_a - p)
    high = q - p + math.hypot(high_b - q, p - low_a)
    return round(max(-1.0, low), 4), round(min(1.0, high), 4)


def wilson(a: float, n: int) -> tuple[float, float]:
    """95 % interval of the share a/n."""
    p, z2 = a / n, Z * Z
    middle, half = p + z2 / (2 * n), Z * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n))
    return max(0.0, (middle - half) / (1 + z2 / n)), min(1.0, (middle + half) / (1 + z2 / n))


def t_interval(values: Sequence[float]) -> tuple[float, float] | None:
    """95 % interval of a mean (Student's t); None with fewer than two values."""
    if len(values) < 2:
        return None
    from scipy.stats import t

    half = float(t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / math.sqrt(len(values)))
    return round(float(np.mean(values)) - half, 4), round(float(np.mean(values)) + half, 4)
