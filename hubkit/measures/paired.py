"""An SAE on the same rows twice: as it was trained on them, and as another run of the base model gives them. numpy alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from hubkit.measures.bootstrap import SEED, percentile_interval
from hubkit.measures.estimate import Estimate, NotMeasured, Null
from hubkit.measures.families.reconstruction import explained_resampled
from hubkit.measures.reconstructed import Reconstructed
from hubkit.measures.separation import Labelled, strongest, strongest_resampled

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hubkit.measures.design import Booleans
    from hubkit.measures.reconstructed import Encoded

    Floats = NDArray[np.float64]

TOP = 10
"""Latents that are compared by their d."""
LEAST_EXPLAINED = 0.2
"""Explained variance of the SAE's own rows below which a relative drop of it says nothing."""
HALVES, BLOCK = 20, 1024
NOISE = "Gaussian noise, as long in each row as the row has changed"


@dataclass(frozen=True)
class Paired:
    """Row i of both is the same completion."""

    before: Encoded
    after: Encoded
    positive: Booleans | None = None
    """(n,) labels; None where the rows have one."""
    noise: tuple[Encoded, ...] = ()
    """`before` with noise added, as long in each row as the row has changed: what a change of no direction gives."""

    @cached_property
    def own(self) -> Reconstructed:
        """What was said back of the rows as the SAE knows them."""
        return Reconstructed((self.before,))

    @cached_property
    def other(self) -> Reconstructed:
        """And of the others, drawn again together with them."""
        return Reconstructed((self.after,))

    def estimate(self, value: Callable[[Encoded], float], resampled: Floats | None) -> Estimate:
        """What `value` of the second rows came to, and of the noise."""
        several = np.array([value(one) for one in self.noise])
        null = (
            Null(
                NOISE,
                float(several.mean()),
                float(several.std(ddof=1)) if len(several) > 1 else None,
                n=len(several),
            )
            if len(several) and np.isfinite(several).all()
            else None
        )
        interval = None if resampled is None else percentile_interval(resampled)
        return Estimate(float(value(self.after)), len(self.before.x), interval, null)


def explained(rows: Encoded) -> float:
    """Explained variance."""
    x = rows.x.astype(np.float64)
    total = float(((x - x.mean(axis=0)) ** 2).sum())
    return 1 - float(((x - rows.x_hat) ** 2).sum()) / total if total else float("nan")


def explained_drop(paired: Paired) -> Estimate:
    """1 - EV after / EV before. Raises NotMeasured where little was explained to begin with."""
    before = explained(paired.before)
    if not before >= LEAST_EXPLAINED:
        raise NotMeasured(
            f"the SAE explains {before:.2f} of its own rows' variance, below {LEAST_EXPLAINED} no relative drop is judged",
            len(paired.before.x),
        )
    with np.errstate(divide="ignore", invalid="ignore"):
        resampled = 1 - explained_resampled(paired.other) / explained_resampled(paired.own)
    return paired.estimate(lambda after: 1 - explained(after) / before, resampled)


def alive_shift(paired: Paired) -> Estimate:
    """1 - Jaccard index of the latents that fire on the rows, before and after."""
    alive = _alive(paired.before)
    (own,), (other,) = paired.own.firing, paired.other.firing
    one, two = own.resampled > 0, other.resampled > 0
    union = (one | two).sum(axis=1)
    resampled = 1 - (one & two).sum(axis=1) / np.maximum(union, 1)
    return paired.estimate(lambda after: _shift(alive, _alive(after)), resampled)


def alive_shift_of_halves(rows: Encoded) -> Estimate:
    """The same of two halves of the rows as they are: what other rows alone come to. The mean of several halvings."""
    generator, half = np.random.default_rng(SEED), len(rows.x) // 2
    found = []
    for _ in range(HALVES):
        order = generator.permutation(len(rows.x))
        fires = (rows.acts[order[:half]] != 0).any(axis=0), (rows.acts[order[half:]] != 0).any(axis=0)
        found.append(_shift(*fires))
    return Estimate(float(np.mean(found)), len(rows.x))


def _alive(rows: Encoded) -> Booleans:
    fires: Booleans = (rows.acts != 0).any(axis=0)
    return fires


def _shift(one: Booleans, two: Booleans) -> float:
    union = int((one | two).sum())
    return 1 - int((one & two).sum()) / union if union else 0.0


def row_cosine(paired: Paired) -> Estimate:
    """Mean cosine of a row before and after."""

    def of(after: Encoded) -> Floats:
        x, y = paired.before.x.astype(np.float64), after.x.astype(np.float64)
        size = np.linalg.norm(x, axis=1) * np.linalg.norm(y, axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            found: Floats = (x * y).sum(axis=1) / size
        return found

    resampled = paired.own.resampled(of(paired.after)) / paired.own.n
    return paired.estimate(lambda after: float(of(after).mean()), resampled)


def latent_correlation(paired: Paired) -> Estimate:
    """Mean over latents that fire and vary before of the correlation of their activations before and after; 0 for one that no longer varies."""
    acts = paired.before.acts
    chosen = np.flatnonzero((acts.max(axis=0) > acts.min(axis=0)) & (acts != 0).any(axis=0))
    if not len(chosen):
        raise NotMeasured("no latent varies on these rows", len(acts))
    counts = paired.own.counts.astype(np.float64)
    total = np.zeros(len(counts))
    for start in range(0, len(chosen), BLOCK):
        part = chosen[start : start + BLOCK]
        total += _correlations(counts, acts[:, part], paired.after.acts[:, part]).sum(axis=1)
    once = np.ones((1, len(acts)))
    return paired.estimate(
        lambda after: float(_correlations(once, acts[:, chosen], after.acts[:, chosen]).mean()),
        total / len(chosen),
    )


def _correlations(counts: Floats, one: NDArray[np.floating], two: NDArray[np.floating]) -> Floats:
    """(B, m) of columns (n, m), the rows counting as often as `counts` (B, n) says; 0 where one does not vary."""
    # around the mean of all rows, so that the sums of squares do not cancel
    a, b = (rows.astype(np.float64) - rows.mean(axis=0, dtype=np.float64) for rows in (one, two))
    n = counts.sum(axis=1, keepdims=True)
    sum_a, sum_b = counts @ a, counts @ b
    together = counts @ (a * b) - sum_a * sum_b / n
    squares_a, squares_b = counts @ (a * a) - sum_a**2 / n, counts @ (b * b) - sum_b**2 / n
    size = np.sqrt(np.maximum(squares_a, 0) * np.maximum(squares_b, 0))
    varies = size > 1e-12 * np.maximum(1.0, np.sqrt((a * a).sum(axis=0) * (b * b).sum(axis=0)))
    found: Floats = np.where(varies, together / np.where(varies, size, 1.0), 0.0)
    return found


def top_overlap(paired: Paired) -> Estimate:
    """Share of the latents with the largest |d| before that are among those after. Raises NotMeasured where the rows have one label, or few latents fire."""
    if paired.positive is None:
        raise NotMeasured("the rows have one label", len(paired.before.x))
    positive = paired.positive
    before = _top(paired.before, positive)
    if len(before) < TOP:
        raise NotMeasured(f"{len(before)} latents fire on enough rows, {TOP} are compared", len(positive))
    own, other = (
        strongest_resampled(Labelled.of(rows.acts, positive), TOP, paired.own.counts)
        for rows in (paired.before, paired.after)
    )
    kept = (own[:, :, None] == other[:, None, :]) & (own[:, :, None] >= 0)
    resampled = np.where((own >= 0).all(axis=1), kept.any(axis=2).sum(axis=1) / TOP, np.nan)
    return paired.estimate(lambda after: len(before & _top(after, positive)) / TOP, resampled)


def _top(rows: Encoded, positive: Booleans) -> set[int]:
    return set(strongest(Labelled.of(rows.acts, positive), TOP)[0].tolist())
