"""Probabilities out of fold: a probe's scores, mapped by what scores of rows that it did not see came to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hubkit.evaluate.logistic import sigmoid
from hubkit.evaluate.probe import fits, not_finite
from hubkit.measures.design import numbered

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hubkit.measures.design import Booleans, Design, Floats
    from hubkit.measures.probed import Values

STEPS = 100


def calibrated(design: Design, features: Mapping[str, Floats]) -> Values | str:
    """(n,) probability of the first label: of each fold's rows by the probe without them, and by Platt's two parameters, which scores of the other rows give,
    each by a probe without that row's fold and without this one. Or why there are none."""
    if (reason := design.unmeasurable() or not_finite(design, features)) is not None:
        return reason
    fold, found = numbered(design.fold), np.empty(len(design.positive))
    count = len(design.folds)
    if count < 3:
        return f"{count} folds: none is left to map the scores by"
    for number, name in enumerate(design.folds):
        inner = [other for other in range(count) if other != number]
        train = np.stack([fold != number, *((fold != number) & (fold != other) for other in inner)], axis=1)
        if not _both(design.positive, train):
            return f"the rows outside {name} and another fold have one label only"
        labels = np.repeat(design.positive[:, None], count, axis=1)
        scores = fits(features[name], count)(labels, train)
        rows = np.concatenate([np.flatnonzero(fold == other) for other in inner])
        unseen = np.concatenate([scores[fold == other, 1 + place] for place, other in enumerate(inner)])
        a, b = platt(unseen, design.positive[rows])
        held_out = fold == number
        found[held_out] = sigmoid(a * scores[held_out, 0] + b)
    return found


def _both(positive: Booleans, train: Booleans) -> bool:
    ones = (train & positive[:, None]).sum(axis=0)
    return bool(((ones > 0) & (ones < train.sum(axis=0))).all())


def platt(scores: Values, positive: Booleans) -> tuple[float, float]:
    """a and b of 1 / (1 + exp(-(a s + b))) of least cross entropy against Platt's targets, (n1 + 1) / (n1 + 2) and 1 / (n0 + 2), which keep them finite."""
    ones = int(positive.sum())
    target = np.where(positive, (ones + 1) / (ones + 2), 1 / (len(positive) - ones + 2))
    scale = float(scores.std()) or 1.0
    wide = np.c_[scores / scale, np.ones(len(scores))]
    at = np.zeros(2)

    def loss(at: Values) -> float:
        values = wide @ at
        return float((np.logaddexp(0.0, values) - target * values).sum())

    for _ in range(STEPS):
        share = sigmoid(wide @ at)
        gradient = wide.T @ (share - target)
        if np.abs(gradient).max() < 1e-10:
            break
        curve = (wide * (share * (1 - share))[:, None]).T @ wide
        step, size = np.linalg.lstsq(curve, gradient, rcond=None)[0], 1.0
        while size > 1e-9 and loss(at - size * step) > loss(at) + 1e-12:
            size /= 2
        at = at - size * step
    return float(at[0] / scale), float(at[1])
