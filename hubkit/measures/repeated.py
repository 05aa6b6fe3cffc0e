"""Differences of two probes over folds that share their training rows: Nadeau and Bengio's corrected t."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from hubkit.measures.estimate import Estimate, NotMeasured, Null
from hubkit.measures.inference import LEVEL
from hubkit.measures.probed import contributions

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hubkit.measures.design import Design
    from hubkit.measures.probed import Probed

    Values = NDArray[np.float64]

METHOD = "corrected t over folds (Nadeau & Bengio 2003)"


def by_fold(probe: Probed, reference: Probed, design: Design) -> Values:
    """(J,) what each fold's rows add to the difference of the balanced accuracies, times J: their mean is the difference."""
    by_row = contributions(probe.predicted, design) - contributions(reference.predicted, design)
    folds = design.folds
    return np.array([by_row[design.fold == fold].sum() for fold in folds]) * len(folds)


def corrected_t(differences: Values, tested: float, n: int) -> Estimate:
    """The mean of the differences of J folds (or folds times repeats), each fold testing the share `tested` of the rows that its training rows are.

    t = mean / (s^2 (1/J + n_test / n_train))^(1/2) with J - 1 degrees of freedom: two training sets share most of their rows, so that folds are no
    independent throws. `detectable` is (t_0.975 + t_0.8) of that standard error.
    """
    from scipy.stats import t

    j = len(differences)
    if j < 2:
        raise NotMeasured("one fold only: its scatter is not known", n)
    value, error = (
        float(differences.mean()),
        math.sqrt(float(differences.var(ddof=1)) * (1 / j + tested)),
    )
    if error == 0:
        raise NotMeasured("the difference is the same in every fold: its scatter is not known", n)
    reach = float(t.ppf((1 + LEVEL) / 2, j - 1)) * error
    p_value = float(2 * t.sf(abs(value) / error, j - 1))
    return Estimate(
        value,
        n,
        (max(-1.0, value - reach), min(1.0, value + reach)),
        Null("no difference", 0.0, std=error, p_value=p_value),
        detectable=reach + float(t.ppf(0.8, j - 1)) * error,
        method=METHOD,
    )
