"""What the best of several may be expected to reach once choosing it is paid for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hubkit.measures.bootstrap import SEED, percentile_interval
from hubkit.measures.estimate import Estimate, NotMeasured

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from hubkit.measures.design import Booleans, Design
    from hubkit.measures.probed import Probed

    Values = NDArray[np.float64]

DRAWS = 1000
METHOD = "percentiles of the out-of-bag values"


def corrected_best(probes: Sequence[Probed], design: Design) -> Estimate:
    """The mean over draws of the rows of what the probe that is best on the drawn rows reaches on those that were not drawn.

    Predictions are out of fold and stay; rows are drawn within scenario and label, all probes alike (BBC-CV, Tsamardinos et al. 2018). A row alone
    with its label in its scenario is always drawn, and its scenario has no part in the value of those that were not.
    """
    right = np.stack([one.predicted == design.positive for one in probes], axis=1)
    counts = _drawn(design)
    inside, _ = _accuracies(counts, right, design)
    outside, weight = _accuracies((counts == 0).astype(np.float64), right, design)
    kept = weight > 0
    if not kept.any():
        raise NotMeasured(
            "no scenario has two rows of either label: none is left to value the choice on", len(right)
        )
    chosen = _chosen(inside[kept])
    values = (outside[kept] * chosen).sum(axis=1)
    return Estimate(
        float(values.mean()), int(design.contrasting().sum()), percentile_interval(values), method=METHOD
    )


def _chosen(inside: Values) -> Values:
    """(B, S) 1 for the best of each draw; ties share it."""
    best = inside >= inside.max(axis=1, keepdims=True) - 1e-12
    found: Values = best / best.sum(axis=1, keepdims=True)
    return found


def _drawn(design: Design) -> Values:
    """(B, n) how often each row is drawn."""
    generator = np.random.default_rng(SEED)
    counts = np.zeros((DRAWS, len(design.positive)))
    for rows in design.members.values():
        for cell in (rows[design.positive[rows]], rows[~design.positive[rows]]):
            counts[:, cell] = generator.multinomial(len(cell), np.full(len(cell), 1 / len(cell)), size=DRAWS)
    return counts


def _accuracies(counts: Values, right: Booleans, design: Design) -> tuple[Values, Values]:
    """(B, S) balanced accuracy within scenarios of rows that count so often, and the weight (B,) of the scenarios that have both labels there."""
    total, weights = np.zeros((len(counts), right.shape[1])), np.zeros(len(counts))
    for rows in design.members.values():
        of_labels = [
            _rate(counts[:, cell], right[cell])
            for cell in (rows[design.positive[rows]], rows[~design.positive[rows]])
        ]
        (one, n1), (two, n0) = of_labels
        weight = np.where((n1 > 0) & (n0 > 0), n1 * n0 / np.maximum(n1 + n0, 1), 0.0)
        total += weight[:, None] * (one + two) / 2
        weights += weight
    return total / np.where(weights > 0, weights, 1.0)[:, None], weights


def _rate(counts: Values, right: Booleans) -> tuple[Values, Values]:
    """(B, S) share of the rows that are right, and how many there are (B,)."""
    n = counts.sum(axis=1)
    return counts @ right / np.maximum(n, 1)[:, None], n
