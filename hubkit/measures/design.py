"""Who is who in the rows of a pool, and how often predictions of them are right within scenarios."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.floating]
    Resampled = NDArray[np.float64]
    Booleans = NDArray[np.bool_]
    Predictions = Booleans | str
    """Out-of-fold predictions (n,), or the reason that stands in their place."""


@dataclass(frozen=True)
class Design:
    """Who is who in the rows of a pool."""

    positive: Booleans
    """(n,) whether the row has the first label."""
    scenario: NDArray[np.str_]
    """(n,)"""
    fold: NDArray[np.str_]
    """(n,) the fold that holds the row out."""

    @property
    def folds(self) -> list[str]:
        """The folds' names, sorted."""
        return sorted(set(self.fold.tolist()))

    def contrasting(self) -> Booleans:
        """(n,) rows of scenarios that have both labels: the only ones in which a probe can be told from the scenario."""
        both = set(self.scenario[self.positive].tolist()) & set(self.scenario[~self.positive].tolist())
        return np.isin(self.scenario, sorted(both))

    def unmeasurable(self) -> str | None:
        """Why no probe of these rows means anything, or None."""
        scenarios = len(set(self.scenario[self.contrasting()].tolist()))
        if scenarios < 2:
            return (
                f"label and scenario confounded: {scenarios} scenarios have both labels, expected at least 2"
            )
        for fold in self.folds:
            if len(set(self.positive[self.fold != fold].tolist())) < 2:
                return f"the rows outside {fold} have one label only: no probe can be fitted there"
        return None


def balanced_accuracy(predicted: Booleans, design: Design) -> float:
    """sum_s w_s (TPR_s + TNR_s) / 2, w_s proportional to n1 n0 / (n1 + n0) of scenario s; NaN without a scenario of both labels."""
    return float(resampled_accuracy(np.ones((1, len(predicted))), predicted, design)[0])


def resampled_accuracy(counts: Resampled, predicted: Booleans, design: Design) -> Resampled:
    """Balanced accuracy in each of the resamples `counts` (B, n); (B,).

    Scenarios that lost a label in a resample have weight 0 in it.
    """
    names = sorted(set(design.scenario.tolist()))
    member = (design.scenario[:, None] == np.array(names)[None, :]).astype(np.float64)
    right = (predicted == design.positive).astype(np.float64)[:, None]
    positive = design.positive.astype(np.float64)[:, None]
    n1, n0 = counts @ (member * positive), counts @ (member * (1 - positive))
    hit1, hit0 = counts @ (member * positive * right), counts @ (member * (1 - positive) * right)
    with np.errstate(divide="ignore", invalid="ignore"):
        weight = np.nan_to_num(n1 * n0 / (n1 + n0))
        # weight * (hit1 / n1 + hit0 / n0) / 2, with the divisions taken out
        accuracy = np.nan_to_num((hit1 * n0 + hit0 * n1) / (2 * (n1 + n0)))
        value: Resampled = accuracy.sum(axis=1) / weight.sum(axis=1)
    return value
