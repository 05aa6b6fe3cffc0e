"""What a cross-fitted probe says of each row, and what it says where labels mean nothing; counted within scenarios."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hubkit.measures.design import Booleans, Design, Numbers

    Values = NDArray[np.float64]


EQUAL = 9
"""Decimals of standardised scores in which equal ones agree: rows on which no chosen latent fires have one score, but for its last digits."""
SAME = 1e-12
"""Deviation of a fold's scores, relative to the largest of them, up to which they are one score: none of its rows is told from another."""


@dataclass(frozen=True)
class Columns:
    """Several labellings of the same rows, with the decision value of each row by the probe fitted without its fold. All (n, B)."""

    positive: Booleans
    fold: Numbers
    scores: Values

    def signs(self) -> Columns:
        """What is said of each row, and no more: a byte each, and no folds. Enough for accuracies and contributions, not for AUROCs."""
        said = np.sign(self.scores).astype(np.int8)
        return Columns(self.positive, np.zeros((1, 1), dtype=np.int64), said)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Probed:
    """A probe's decision values out of fold, and the same of labels that were permuted."""

    real: Columns
    """B = 1."""
    null: Columns | None = None
    """None where the rows leave nothing to permute."""
    kind: str = ""
    """What was permuted."""
    exchangeable: bool = True
    """Whether a permuted label is as good as the label is without an effect. Where the label chose the rows that the features were made of, it is not:
    permuted ones then say how far such a probe scatters, and nothing else."""

    @classmethod
    def of(cls, columns: Columns, kind: str, *, exchangeable: bool = True) -> Self:
        """The first column is that of the labels, the others are of permuted ones."""
        real, null = (
            Columns(columns.positive[:, part], columns.fold[:, part], columns.scores[:, part])
            for part in (slice(0, 1), slice(1, None))
        )
        return cls(real, null if columns.scores.shape[1] > 1 else None, kind, exchangeable)

    @property
    def predicted(self) -> Booleans:
        """(n,) whether each row is said to be positive."""
        return self.real.scores[:, 0] > 0

    def small(self) -> Probed:
        """Of its null the signs alone: all that a comparison needs, and little enough to keep of many."""
        return replace(self, null=self.null and self.null.signs())


Probe = Probed | str
"""Or the reason that stands in its place."""


def balanced_accuracy(predicted: Booleans, design: Design) -> float:
    """sum_s w_s (TPR_s + TNR_s) / 2, w_s proportional to n1 n0 / (n1 + n0) of scenario s; NaN without a scenario of both labels."""
    scores = np.where(predicted, 1.0, -1.0)[:, None]
    columns = Columns(design.positive[:, None], np.zeros((len(predicted), 1), dtype=np.int64), scores)
    return float(accuracies(columns, design)[0])


def accuracies(columns: Columns, design: Design) -> Values:
    """(B,) balanced accuracy within scenarios. Each column has as many of each label in each scenario as `design`."""
    return _weighted([accuracies_in(columns, rows) for rows in design.members.values()], design)


def accuracies_in(columns: Columns, rows: Numbers) -> Values:
    """(B,) balanced accuracy of some rows."""
    right, positive = (columns.scores[rows] > 0) == columns.positive[rows], columns.positive[rows]
    found: Values = (
        (right & positive).sum(axis=0) / positive.sum(axis=0)
        + (right & ~positive).sum(axis=0) / (~positive).sum(axis=0)
    ) / 2
    return found


def aurocs(columns: Columns, design: Design) -> Values:
    """(B,) P(score of a positive row > score of a negative row of its scenario), ties half; weighted as accuracies. Scores are standardised in each fold."""
    scores = np.round(standardised(columns), EQUAL)
    return _weighted(
        [_auroc(scores[rows], columns.positive[rows]) for rows in design.members.values()], design
    )


def pooled_accuracies(columns: Columns) -> Values:
    """(B,) (TPR + TNR) / 2 over all rows, whatever scenario they are of."""
    right = (columns.scores > 0) == columns.positive
    ones, zeros = columns.positive.sum(axis=0), (~columns.positive).sum(axis=0)
    found: Values = (
        (right & columns.positive).sum(axis=0) / ones + (right & ~columns.positive).sum(axis=0) / zeros
    ) / 2
    return found


def pairs(design: Design) -> int:
    """Pairs of a row of either label in one scenario: what an AUROC within scenarios compares, whatever folds they lie in."""
    return sum(
        int(design.positive[rows].sum() * (~design.positive[rows]).sum()) for rows in design.members.values()
    )


def standardised(columns: Columns) -> Values:
    """(n, B) scores minus their mean over the fold's rows, by their deviation there: each fold has a probe of its own, with a scale of its own."""
    found = np.zeros(columns.scores.shape)
    for fold in np.unique(columns.fold):
        inside = columns.fold == fold
        n = np.maximum(inside.sum(axis=0), 1)
        centred = np.where(
            inside, columns.scores - np.where(inside, columns.scores, 0.0).sum(axis=0) / n, 0.0
        )
        deviation = np.sqrt((centred**2).sum(axis=0) / n)
        told = deviation > SAME * np.abs(np.where(inside, columns.scores, 0.0)).max(axis=0)
        found += np.where(told, centred / np.where(told, deviation, 1.0), 0.0)
    return found


def _auroc(scores: Values, positive: Booleans) -> Values:
    """(B,) Mann-Whitney's statistic of each column, by mean ranks."""
    n1, n0 = positive.sum(axis=0), (~positive).sum(axis=0)
    found: Values = ((mean_ranks(scores) * positive).sum(axis=0) - n1 * (n1 + 1) / 2) / (n1 * n0)
    return found


def mean_ranks(scores: Values) -> Values:
    """(m, B) rank of each entry in its column, from 1, equal ones at their mean rank: the mean of two stable orders, one of them from the end."""
    there = np.argsort(np.argsort(scores, axis=0, kind="stable"), axis=0, kind="stable")
    back = np.argsort(np.argsort(scores[::-1], axis=0, kind="stable"), axis=0, kind="stable")[::-1]
    return (there + back) / 2 + 1


def _weighted(by_scenario: list[Values], design: Design) -> Values:
    weights = np.array(list(design.weights.values()))
    if not len(weights):
        return np.array([np.nan])
    found: Values = weights @ np.array(by_scenario) / weights.sum()
    return found


def contributions(predicted: Booleans, design: Design) -> Values:
    """(n,) what each row adds to the balanced accuracy: the sum of it is the value."""
    return contributions_of(predicted[:, None], design.positive[:, None], design)[:, 0]


def contributions_of(predicted: Booleans, positive: Booleans, design: Design) -> Values:
    """The same (n, B) of several labellings (n, B), each with as many of each label in each scenario as `design`."""
    found, total = np.zeros(predicted.shape), sum(design.weights.values())
    for name, rows in design.members.items():
        ones = int(design.positive[rows].sum())
        per_label = np.where(positive[rows], 1 / ones, 1 / (len(rows) - ones))
        found[rows] = design.weights[name] * per_label * (predicted[rows] == positive[rows]) / (2 * total)
    return found
