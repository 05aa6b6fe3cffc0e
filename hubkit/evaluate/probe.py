"""A cross-fitted linear probe: who is who in the rows, its predictions out of fold, and how often they are right within scenarios."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Floats = NDArray[np.floating]
    Resampled = NDArray[np.float64]
    Booleans = NDArray[np.bool_]
    Predictions = Booleans | str
    """Out-of-fold predictions (n,), or the reason that stands in their place."""

ITERATIONS = 5000


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


def out_of_fold(design: Design, features_of: Callable[[str], Floats]) -> Predictions:
    """Whether each row is predicted positive by the probe fitted without its fold, (n,); or why there is no such prediction.

    `features_of(fold)` gives the (n, d) features of all rows made without that fold (by the fold's SAE, or the activations).
    """
    reason = design.unmeasurable()
    if reason is not None:
        return reason
    predicted = np.zeros(len(design.positive), dtype=bool)
    for fold in design.folds:
        held_out = design.fold == fold
        features = features_of(fold)
        if not np.isfinite(features).all():
            return f"features without {fold} hold NaN or infinity"
        predicted[held_out] = fit_predict(features[~held_out], design.positive[~held_out], features[held_out])
    return predicted


def fit_predict(train: Floats, labels: Booleans, test: Floats) -> Booleans:
    """Predictions for `test` (m, d) of a class-balanced L2 logistic regression (C = 1) fitted on `train` (n, d).

    Features are standardised by the training rows alone; features that do not vary there are left out.
    """
    from sklearn.linear_model import LogisticRegression

    wide = train.astype(np.float64)
    mean, deviation = wide.mean(axis=0), wide.std(axis=0)
    kept = deviation > 1e-12 * np.maximum(1.0, np.abs(mean))
    if not kept.any():
        return np.full(len(test), bool(labels.mean() > 0.5))
    mean, deviation = mean[kept], deviation[kept]
    probe = LogisticRegression(C=1.0, class_weight="balanced", max_iter=ITERATIONS)
    probe.fit((wide[:, kept] - mean) / deviation, labels)
    predicted: Booleans = probe.predict((test[:, kept].astype(np.float64) - mean) / deviation)
    return predicted.astype(bool)


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
