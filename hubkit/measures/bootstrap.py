"""Resampling rows, seeded, so that whatever is compared is compared on the same resamples."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

RESAMPLES = 1000
SEED = 20_240_607
LEVEL = 0.95


def row_counts(groups: Sequence[str], purpose: str, kept_as: type[Any] = np.float64) -> NDArray[Any]:
    """How often each row is drawn in each resample: (RESAMPLES, n), drawn with replacement within each group.

    `groups` names each row's group (one name for all: an ordinary bootstrap). The same groups and purpose give the same
    resamples in any process: `purpose` goes into the seed.
    """
    generator = _generator(purpose)
    labels = np.asarray(groups)
    counts = np.zeros((RESAMPLES, len(labels)), dtype=kept_as)
    for group in sorted(set(groups)):
        members = np.flatnonzero(labels == group)
        share = np.full(len(members), 1.0 / len(members))
        for resample in counts:  # one at a time: of many rows the counts of all would not fit as int64
            resample[members] = generator.multinomial(len(members), share)
    return counts


def group_counts(groups: Sequence[str], purpose: str) -> NDArray[np.float64]:
    """As `row_counts`, but whole groups are drawn with replacement: (RESAMPLES, n), the rows of a group counting alike."""
    generator = _generator(purpose)
    names = sorted(set(groups))
    drawn = generator.multinomial(len(names), np.full(len(names), 1.0 / len(names)), size=RESAMPLES)
    position = {name: number for number, name in enumerate(names)}
    return drawn[:, [position[group] for group in groups]].astype(np.float64)


def _generator(purpose: str) -> np.random.Generator:
    mixed = int.from_bytes(hashlib.sha256(purpose.encode("utf-8")).digest()[:8], "little")
    return np.random.default_rng([SEED, mixed])


def percentile_interval(values: NDArray[np.float64]) -> tuple[float, float] | None:
    """The middle 95 % of the resampled values (Efron 1979); None when one is not finite."""
    if not np.isfinite(values).all():
        return None
    low, high = np.quantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def normal_interval(value: float, values: NDArray[np.float64]) -> tuple[float, float] | None:
    """value +- 1.96 bootstrap standard errors, cut to [0, 1].

    For shares that can only fall when rows are left out (alive latents): there the percentile interval lies below the value.
    """
    if not np.isfinite(values).all() or not np.isfinite(value):
        return None
    reach = 1.96 * float(values.std(ddof=1))
    return max(0.0, value - reach), min(1.0, value + reach)
