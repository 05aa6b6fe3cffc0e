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

    from hubkit.measures.design import Booleans, Design

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
LEAST_ERROR = 0.25
"""Of the permuted values' standard errors: where all scenarios but one are at one half, that one is all there is to go by."""


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
    return min(value, max(0.0, low)), max(value, min(1.0, high))


def _roots(value: float, c: float) -> tuple[float, float]:
    """Where (value - p)^2 = c p (1 - p)."""
    middle, reach = value + c / 2, math.sqrt(max(0.0, c * value * (1 - value) + c * c / 4))
    return (middle - reach) / (1 + c), (middle + reach) / (1 + c)


def accuracy_deviation(design: Design, predicted: Booleans) -> float:
    """Of a cross-fitted balanced accuracy within scenarios where there is no effect, by formula: the hypergeometric scatter of labels dealt to these predictions
    (n,) within scenarios, rows training each other. A probe that says the same of a whole scenario scatters nowhere in it; one that says the same of all rows
    is known no better than guesses."""
    found, total = 0.0, 0.0
    for name, rows in design.members.items():
        weight, n, said = design.weights[name], len(rows), int(predicted[rows].sum())
        ones = int(design.positive[rows].sum())
        found += weight**2 * said * (n - said) / (4 * (n - 1) * ones * (n - ones))
        total += weight
    return TOGETHER * (math.sqrt(found) / total if found else 0.5 / math.sqrt(design.n_effective))


def auroc_deviation(design: Design, _: Booleans) -> float:
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


def scenarios_reach(deviation: float, scenarios: int) -> float:
    """Half of the width of a t interval over scenarios that train each other, by their own standard error."""
    from scipy.stats import t

    return float(t.ppf((1 + LEVEL) / 2, scenarios - 1)) * TOGETHER * deviation


def studentised_reach(deviation: float, values: Values, deviations: Values) -> float:
    """The same by as many standard errors as permuted values (B,) lie from their mean 95 times of a hundred, each in its own (B,): t's quantile and what rows that
    train each other come to, for these scenarios. An error far below the others says little, and counts as a quarter of them."""
    least = LEAST_ERROR * float(np.sqrt((deviations**2).mean()))
    if least == 0:
        return 0.0
    times = np.abs(values - values.mean()) / np.maximum(deviations, least)
    return float(np.quantile(times, LEVEL, method="weibull")) * max(deviation, least)


def scenarios_deviation(by_scenario: Values, weights: Values) -> Values:
    """Standard error (...) of the weighted mean of independent scenarios (scenarios, ...), by their own scatter."""
    share, count = weights / weights.sum(), len(weights)
    squares = (by_scenario - np.tensordot(share, by_scenario, 1)) ** 2
    found: Values = np.sqrt(count / (count - 1) * np.tensordot(share**2, squares, 1))
    return found


def together(values: Values, deviations: Values) -> float:
    """How many times further permuted values (B,) scatter than each of them says by itself, (B,) standard errors of independent units: what rows that train each
    other come to, for these features, this design and this statistic."""
    said = float(np.sqrt((deviations**2).mean()))
    return float(values.std(ddof=1)) / said if said > 0 else TOGETHER


def stratified_deviation(contributions: Values, design: Design) -> float:
    """Standard error of a sum over rows (n,), drawn anew within scenario and label. A label with one row in a scenario has that row's own size."""
    return float(stratified_deviations(contributions[:, None], design.positive[:, None], design)[0])


def stratified_deviations(contributions: Values, positive: Booleans, design: Design) -> Values:
    """The same (B,) of several labellings (n, B), each with as many of each label in each scenario as `design`."""
    found = np.zeros(contributions.shape[1])
    for rows in design.members.values():
        for chosen in (positive[rows], ~positive[rows]):
            n, values = chosen.sum(axis=0), np.where(chosen, contributions[rows], 0.0)
            squares = (values**2).sum(axis=0)
            spread = np.maximum(squares - values.sum(axis=0) ** 2 / n, 0.0)
            found += np.where(n > 1, n / np.maximum(n - 1, 1) * spread, squares)
    return np.sqrt(found)
