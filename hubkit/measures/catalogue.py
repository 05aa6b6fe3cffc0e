"""Every measure hubkit computes or checks. A value in a release names one of these, and its version.

A change of a formula is a new version: values of different versions are never compared. Bounds are what the formula cannot
leave; `d_sae` and `k` as a bound mean the SAE's own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Measure:
    """One measure: what it is, in which unit, within which bounds, from where."""

    name: str
    version: int
    title: str
    formula: str
    unit: str
    """`share`, `latents`, `1` for a plain number."""
    lower: float | None
    upper: float | Literal["d_sae"] | None
    higher_is_better: bool | None
    """None where neither is."""
    source: str

    def impossible(self, value: float, *, d_sae: int | None = None) -> str | None:
        """Why no such SAE can have this value, or None. NaN and infinity are impossible: a missing value is null."""
        if not math.isfinite(value):
            return f"{self.name} is {value}, not a number"
        upper = d_sae if self.upper == "d_sae" else self.upper
        if self.lower is not None and value < self.lower - ROUNDING:
            return f"{self.name} is {value:g}, below {self.lower:g}"
        if upper is not None and value > upper + ROUNDING:
            return f"{self.name} is {value:g}, above {upper:g}"
        return None


ROUNDING = 1e-9
"""Slack for sums of float64 that end a hair outside an exact bound."""

_MEASURES = (
    Measure(
        name="explained_variance",
        version=1,
        title="Explained variance",
        formula="1 - sum_i ||x_i - xhat_i||^2 / sum_i ||x_i - mean(x)||^2, mean over the evaluated rows, float64",
        unit="share",
        lower=None,
        upper=1.0,
        higher_is_better=True,
        source="Coefficient of determination over all dimensions; the same as SAELens 6.54 `explained_variance`",
    ),
    Measure(
        name="l0",
        version=1,
        title="L0",
        formula="mean over rows of the number of latents != 0",
        unit="latents",
        lower=0.0,
        upper="d_sae",
        higher_is_better=None,
        source="Bricken et al. 2023, https://transformer-circuits.pub/2023/monosemantic-features",
    ),
    Measure(
        name="alive_share",
        version=1,
        title="Alive latents",
        formula="share of the d_sae latents that are != 0 on at least one evaluated row; crossfit: mean over the folds, by rows",
        unit="share",
        lower=0.0,
        upper=1.0,
        higher_is_better=True,
        source="Depends on n: compare only between equal numbers of rows",
    ),
    Measure(
        name="probe_balanced_accuracy",
        version=1,
        title="Probe balanced accuracy",
        formula=(
            "sum_s w_s (TPR_s + TNR_s) / 2 over scenarios s with both labels, w_s = v_s / sum v, v_s = n1 n0 / (n1 + n0); "
            "L2 logistic regression on standardised features, predicted out of fold"
        ),
        unit="share",
        lower=0.0,
        upper=1.0,
        higher_is_better=True,
        source="Within-scenario, so that the scenario itself predicts nothing; the weights of a stratified (Mantel-Haenszel) mean",
    ),
    Measure(
        name="probe_balanced_accuracy_difference",
        version=1,
        title="Difference of probe balanced accuracies",
        formula="probe_balanced_accuracy of the SAE minus that of the reference, same rows, same folds, paired resamples",
        unit="share",
        lower=-1.0,
        upper=1.0,
        higher_is_better=True,
        source="As probe_balanced_accuracy",
    ),
)

CATALOGUE: dict[str, Measure] = {measure.name: measure for measure in _MEASURES}


def get(name: str) -> Measure:
    """The measure called `name`. Raises KeyError naming the ones there are."""
    try:
        return CATALOGUE[name]
    except KeyError:
        raise KeyError(f"no measure `{name}`; there are {', '.join(CATALOGUE)}") from None
