"""Every measure hubkit computes, checks or takes from others. A value in a release names one of these, and its version.

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
        name="probe_new_scenarios_balanced_accuracy",
        version=1,
        title="Probe balanced accuracy, new scenarios",
        formula="as probe_balanced_accuracy, with whole scenarios held out from SAE and probe; interval over scenarios drawn with replacement",
        unit="share",
        lower=0.0,
        upper=1.0,
        higher_is_better=True,
        source="Generalises to other scenarios, where probe_balanced_accuracy generalises to other completions of the same; descriptive below 12 scenarios",
    ),
    Measure(
        name="membership_balanced_accuracy",
        version=1,
        title="Membership control",
        formula=(
            "as probe_balanced_accuracy, for `the SAE was trained on this row` in place of the label; an SAE of as many rows of each scenario "
            "as the condition has, drawn blind to the label; its features of all rows, the probe out of fold"
        ),
        unit="share",
        lower=0.0,
        upper=1.0,
        higher_is_better=False,
        source="What remembering alone would give a probe that is not cross-fitted: above 0.5 such a probe reads membership (Kriegeskorte et al. 2009)",
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
    Measure(
        name="probe_auroc",
        version=1,
        title="Probe AUROC",
        formula="sum_s w_s P(score of a positive row > score of a negative row of scenario s), ties half, w_s as in probe_balanced_accuracy; out of fold",
        unit="share",
        lower=0.0,
        upper=1.0,
        higher_is_better=True,
        source="Hanley & McNeil 1982, within scenarios; no scores are pooled across folds (Forman & Scholz 2010)",
    ),
    Measure(
        name="probe_cv_balanced_accuracy",
        version=1,
        title="Probe balanced accuracy, plain cross-validation",
        formula="(TPR + TNR) / 2 of a logistic regression, stratified folds over all rows, the SAE the same in every fold",
        unit="share",
        lower=0.0,
        upper=1.0,
        higher_is_better=True,
        source="As most cards report it. An SAE that saw the test rows can leak membership: `probe_balanced_accuracy` is cross-fitted and within scenarios",
    ),
    Measure(
        name="probe_cv_auroc",
        version=1,
        title="Probe AUROC, plain cross-validation",
        formula="P(score of a positive row > score of a negative row), rows and folds as in probe_cv_balanced_accuracy",
        unit="share",
        lower=0.0,
        upper=1.0,
        higher_is_better=True,
        source="Hanley & McNeil 1982; as probe_cv_balanced_accuracy",
    ),
    Measure(
        name="probe_cv_balanced_accuracy_difference",
        version=1,
        title="Difference of probe balanced accuracies, plain cross-validation",
        formula="probe_cv_balanced_accuracy of the SAE minus that of the reference, same rows",
        unit="share",
        lower=-1.0,
        upper=1.0,
        higher_is_better=True,
        source="As probe_cv_balanced_accuracy",
    ),
    Measure(
        name="mse",
        version=1,
        title="Mean squared error",
        formula="mean over rows and dimensions of (x - xhat)^2",
        unit="activation units squared",
        lower=0.0,
        upper=None,
        higher_is_better=False,
        source="Depends on the scale of the activations: compare only at one hook of one model",
    ),
    Measure(
        name="d",
        version=1,
        title="Cohen's d",
        formula="(mean_1 - mean_0) / sqrt(((n1 - 1) s1^2 + (n0 - 1) s0^2) / (n1 + n0 - 2)) of one latent's activations",
        unit="1",
        lower=None,
        upper=None,
        higher_is_better=None,
        source="Cohen 1988, pooled standard deviation",
    ),
    Measure(
        name="d_max",
        version=1,
        title="Largest effect d_max",
        formula="maximum of |d| over the latents that are not constant on the rows; dead latents left out",
        unit="1",
        lower=0.0,
        upper=None,
        higher_is_better=None,
        source="A maximum over thousands of latents: it means something only above the 95 % point of the same maximum without an effect (Westfall & Young 1993)",
    ),
    Measure(
        name="d_above_1",
        version=1,
        title="Latents with |d| > 1",
        formula="number of latents whose |d| is above 1",
        unit="latents",
        lower=0.0,
        upper="d_sae",
        higher_is_better=None,
        source="As d_max",
    ),
)

CATALOGUE: dict[str, Measure] = {measure.name: measure for measure in _MEASURES}


def get(name: str) -> Measure:
    """The measure called `name`. Raises KeyError naming the ones there are."""
    try:
        return CATALOGUE[name]
    except KeyError:
        raise KeyError(f"no measure `{name}`; there are {', '.join(CATALOGUE)}") from None
