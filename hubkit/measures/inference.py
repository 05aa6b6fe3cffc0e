"""Intervals of cross-fitted values, which the ordinary ones miss: each row trains the probe of the others, so that rows are not independent.

What each of them covers is measured, not derived: `benchmarks/calibration.py`, [numbers.md](../../docs/numbers.md).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from hubkit.measures.estimate import Null

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hubkit.measures.design import Design

    Values = NDArray[np.float64]

PERMUTATIONS = 199
LEVEL = 0.95
Z = 1.959964
POWER = 0.841621
"""The normal's 80 % point: a difference of (Z + POWER) standard errors is found four times of five."""
TOGETHER = math.sqrt(1 + 2 / math.pi)
"""Row i trains the probe of row j and j that of i: without an effect the variance of a cross-fitted accuracy is 1 + 2/pi times that of independent rows."""

TOGETHER_RANKED = math.sqrt(2)
"""The same of an AUROC: measured, with 1 + 2/pi intervals cover 93 %."""


def null_of(draws: Values, value: float, kind: str) -> Null:
    """What the value would be without an effect, from permutations; p is two-sided, (1 + b) / (1 + B) of the nearer tail, twice (Phipson & Smyth 2010)."""
    tail = min(int((draws >= value - 1e-12).sum()), int((draws <= value + 1e-12).sum()))
    return Null(
        kind,
        float(draws.mean()),
        std=float(draws.std(ddof=1)),
        quantiles=tails(draws),
        n=len(draws),
        p_value=min(1.0, 2 * (1 + tail) / (1 + len(draws))),
    )


def tails(draws: Values) -> dict[str, float]:
    """The order statistics beyond which an exchangeable value lies 2.5 times of a hundred on either side."""
    low, high = np.quantile(draws, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], method="weibull")
    return {"0.025": float(low), "0.975": float(high)}


def scored_interval(value: float, mean: float, below: float, above: float) -> tuple[float, float]:
    """Wilson's interval of a share whose scatter at `mean` is known: `below` and `above` are how far it falls and rises there, 2.5 times of a hundred each.

    All p that leave the value inside p - below f and p + above f, f = (p (1 - p) / (mean (1 - mean)))^(1/2): it leaves `mean` out just where
    the value lies beyond the null's tails, and is no point at 0 and 1.
    """
    spread = max(mean * (1 - mean), 1e-12)
    low, high = _roots(value, above**2 / spread)[0], _roots(value, below**2 / spread)[1]
    return max(0.0, low), min(1.0, high)


def _roots(value: float, c: float) -> tuple[float, float]:
    """Where (value - p)^2 = c p (1 - p)."""
    middle, reach = value + c / 2, math.sqrt(max(0.0, c * value * (1 - value) + c * c / 4))
    return (middle - reach) / (1 + c), (middle + reach) / (1 + c)


def accuracy_deviation(design: Design) -> float:
    """Of a cross-fitted balanced accuracy within scenarios where there is no effect, by formula."""
    return TOGETHER * 0.5 / math.sqrt(design.n_effective)


def auroc_deviation(design: Design) -> float:
    """The same of an AUROC within scenarios: Mann-Whitney's, weighted."""
    return TOGETHER_RANKED * rank_deviation(design)


def rank_deviation(design: Design) -> float:
    """Of an AUROC within scenarios of scores that no row had a part in."""
    weights = np.array(list(design.weights.values()))
    sizes = [
        (design.positive[rows].sum(), (~design.positive[rows]).sum()) for rows in design.members.values()
    ]
    variances = np.array([(n1 + n0 + 1) / (12 * n1 * n0) for n1, n0 in sizes])
    return float(np.sqrt((weights**2 * variances).sum()) / weights.sum())


def scenarios_reach(by_scenario: Values, weights: Values, value: float) -> float | None:
    """Half of the width of a t interval over scenarios, their scatter taken as it is, and rows training each other; None for fewer than 3."""
    from scipy.stats import t

    count = len(weights)
    if count < 3:
        return None
    share = weights / weights.sum()
    deviation = math.sqrt(count / (count - 1) * float((share**2 * (by_scenario - value) ** 2).sum()))
    return float(t.ppf((1 + LEVEL) / 2, count - 1)) * TOGETHER * deviation


def stratified_deviation(contributions: Values, design: Design) -> float:
    """Standard error of a sum over rows (n,), drawn anew within scenario and label, rows training each other. A label with one row in a scenario has that row's own size."""
    found = 0.0
    for rows in design.members.values():
        for chosen in (rows[design.positive[rows]], rows[~design.positive[rows]]):
            found += squares_within(contributions[chosen])
    return TOGETHER * math.sqrt(found)


def squares_within(values: Values) -> float:
    """n / (n - 1) of the squared distances from the mean; of a single value its square."""
    n = len(values)
    return float(n / (n - 1) * ((values - values.mean()) ** 2).sum()) if n > 1 else float((values**2).sum())
