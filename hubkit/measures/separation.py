"""Cohen's d and AUROC of every latent at once, for many labellings of the same rows. numpy alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from hubkit.measures.design import movable
from hubkit.measures.probed import mean_ranks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from hubkit.measures.design import Booleans, Numbers

    Values = NDArray[np.float64]
    Latents = NDArray[np.floating]

FEWEST_ACTIVE = 5
"""Rows on which a latent must be non-zero to be looked at; which rows those are, no label says."""
ROUNDING = 1e-12
"""Share of the squares around the mean of all rows below which those around another mean are what rounding leaves of 0."""
BLOCK = 1024
"""Latents at once: their permutations fit the cache."""


@dataclass(frozen=True)
class Labelled:
    """What an SAE makes of some rows, and what those are labelled."""

    acts: Latents
    """(n, m)."""
    positive: Booleans
    """(n,)."""
    strata: Numbers
    """(n,) within which a permutation of the labels is as good as the labels are without an effect."""

    @classmethod
    def of(cls, acts: Latents, positive: Booleans) -> Self:
        """Rows of one stratum."""
        return cls(acts, positive, np.zeros(len(positive), dtype=np.int64))

    @property
    def tells(self) -> bool:
        """Whether both labels are there, twice at least, and most rows can change theirs in a permutation."""
        ones = int(self.positive.sum())
        return 2 <= ones <= len(self.positive) - 2 and movable(self.positive, self.strata)

    def looked_at(self) -> Numbers:
        """Latents that fire on enough rows and vary there."""
        enough = (self.acts != 0).sum(axis=0) >= FEWEST_ACTIVE
        return np.flatnonzero(enough & (self.acts.max(axis=0) > self.acts.min(axis=0)))


def strongest(part: Labelled, most: int) -> tuple[Numbers, Values]:
    """The latents with the largest |d|, at most so many and the furthest first, and their d. Fewer where fewer fire on enough rows, none where the rows have one label."""
    looked, ones = part.looked_at(), int(part.positive.sum())
    if not len(looked) or not 0 < ones < len(part.positive):
        return np.zeros(0, dtype=np.int64), np.zeros(0)
    acts, label = part.acts[:, looked], part.positive[:, None]
    known = np.nan_to_num(np.concatenate([found[0] for _, found in effects(acts, label)]))
    chosen = np.argsort(-np.abs(known), kind="stable")[:most]
    return looked[chosen], effect_of_each(acts, np.repeat(label, len(chosen), axis=1), chosen)


def strongest_resampled(part: Labelled, most: int, counts: NDArray[np.number[Any]]) -> Numbers:
    """(B, most) the same where row i counts as often as `counts` (B, n) says, of the latents that fire on enough rows of all; -1 where there are fewer, and in a resample of one label."""
    looked, label = part.looked_at(), part.positive.astype(np.float64)
    times = counts.astype(np.float64)
    ones = (times @ label)[:, None]
    zeros = times.sum(axis=1, keepdims=True) - ones
    best, which = np.full((len(times), most), -1.0), np.full((len(times), most), -1)
    for start in range(0, len(looked), BLOCK):
        block = looked[start : start + BLOCK]
        # around the mean of all rows, so that the sums of squares do not cancel
        rows = part.acts[:, block].astype(np.float64) - part.acts[:, block].mean(axis=0, dtype=np.float64)
        first, every = times @ (rows * label[:, None]), times @ rows
        squares = times @ (rows * rows)
        with np.errstate(divide="ignore", invalid="ignore"):
            mean1, mean0 = first / ones, (every - first) / zeros
            within = squares - ones * mean1**2 - zeros * mean0**2
            found = np.abs(mean1 - mean0) / np.sqrt(np.where(within > ROUNDING * squares, within, 0.0))
        found[squares - every**2 / (ones + zeros) <= ROUNDING * squares] = 0.0  # the same on every row drawn
        values = np.concatenate([best, np.where((ones > 0) & (zeros > 0), found, -1.0)], axis=1)
        latents = np.concatenate([which, np.broadcast_to(block, found.shape)], axis=1)
        chosen = np.argsort(-values, axis=1, kind="stable")[:, :most]
        best, which = (np.take_along_axis(one, chosen, axis=1) for one in (values, latents))
    return np.where(best >= 0, which, -1)


def effects(acts: Latents, positive: Booleans) -> Iterator[tuple[slice, Values]]:
    """(B, latents) d of each block of latents, for the labellings `positive` (n, B), each with as many of either label in all.

    (mean_1 - mean_0) / pooled deviation. One product a block: of rows around their mean, the sum over one label gives both means,
    and the squares within are all squares less those between.
    """
    n, n1 = len(acts), float(positive[:, 0].sum())
    n0 = n - n1
    sign = positive.T.astype(np.float32)
    for start in range(0, acts.shape[1], BLOCK):
        part = slice(start, min(start + BLOCK, acts.shape[1]))
        rows = acts[:, part].astype(np.float64)
        rows -= rows.mean(axis=0)
        squares = (rows**2).sum(axis=0)
        scale = np.sqrt(np.where(squares > 0, squares / n, 1.0))
        share = (sign @ (rows / scale).astype(np.float32)).astype(
            np.float64
        ) / n1  # mean_1, mean_0 is -n1/n0 of it
        difference = share * (n / n0)
        within = n * (squares > 0) - n1 * share**2 - n0 * (share * n1 / n0) ** 2
        with np.errstate(divide="ignore", invalid="ignore"):
            yield part, difference / np.sqrt(np.maximum(within, 0.0) / (n - 2))


def largest(acts: Latents, positive: Booleans) -> tuple[Values, Numbers]:
    """(B,) the largest |d| of each labelling, with its sign, and which latent that is. Latents without a deviation are left out.

    They are chosen among single-precision products; the values are those of the chosen ones in double precision.
    """
    best, which = np.zeros(positive.shape[1]), np.zeros(positive.shape[1], dtype=np.int64)
    for part, found in effects(acts, positive):
        known = np.where(np.isfinite(found), found, 0.0)
        place = np.abs(known).argmax(axis=1)
        value = known[np.arange(len(known)), place]
        better = np.abs(value) > np.abs(best)
        best, which = np.where(better, value, best), np.where(better, place + part.start, which)
    return effect_of_each(acts, positive, which), which


def count_beyond(acts: Latents, positive: Booleans, bound: float) -> Values:
    """(B,) how many latents have |d| > `bound` under each labelling."""
    count = np.zeros(positive.shape[1])
    for _, found in effects(acts, positive):
        count += (np.abs(np.where(np.isfinite(found), found, 0.0)) > bound).sum(axis=1)
    return count


def largest_auroc(acts: Latents, positive: Booleans) -> Values:
    """(B,) the largest of AUROC and 1 - AUROC over the latents, ties half, for each labelling: a latent may fire for either label."""
    n1 = float(positive[:, 0].sum())
    n0, sign, best = len(acts) - n1, positive.T.astype(np.float64), np.full(positive.shape[1], 0.5)
    for start in range(0, acts.shape[1], BLOCK):
        ranks = mean_ranks(acts[:, start : start + BLOCK].astype(np.float64))
        above: Values = sign @ ranks - n1 * (n1 + 1) / 2
        best = np.maximum(best, 0.5 + np.abs(above / (n1 * n0) - 0.5).max(axis=1))
    return best


def effect_of_each(acts: Latents, positive: Booleans, which: Numbers) -> Values:
    """(B,) d of one latent for each labelling: `which` (B,) of `acts` (n, m) under `positive` (n, B). 0 where it does not vary."""
    chosen = acts[:, which].astype(np.float64)
    n1 = positive.sum(axis=0)
    n0 = len(positive) - n1
    mean1, mean0 = (chosen * positive).sum(axis=0) / n1, (chosen * ~positive).sum(axis=0) / n0
    within = ((chosen - np.where(positive, mean1, mean0)) ** 2).sum(axis=0)
    deviation = np.sqrt(within / (len(positive) - 2))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(deviation > 0, (mean1 - mean0) / deviation, 0.0)
