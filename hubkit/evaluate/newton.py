"""L2 logistic regression of a few labellings, by Newton's steps to convergence: where permutations make many of them, `logistic.py` is the faster.

The same minimum: ||w||^2 / 2 + sum_i s_i log(1 + exp(-y_i (w x_i + b))). In the rows' own space where they have fewer dimensions than there are rows; else in the
space of their products, where the step is that of Rasmussen & Williams 2006, algorithm 3.1, with a bias that is not penalised.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hubkit.evaluate.gram import gram, standardised
from hubkit.evaluate.logistic import balanced, sigmoid

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Booleans = NDArray[np.bool_]

STEPS = 100
TOLERANCE = 1e-9
"""Largest entry of the gradient."""
HALVINGS = 30


class Prepared:
    """Rows of features, ready for several fits: standardised where they are narrow, else their products."""

    def __init__(self, features: NDArray[np.floating]) -> None:
        self.narrow = features.shape[1] < len(features)
        self._held = standardised(features) if self.narrow else gram(features)

    def decision_values(self, positive: Booleans, train: Booleans) -> Floats:
        """(n, B) as `logistic.decision_values`."""
        weights = balanced(positive, train)
        columns = zip(positive.T, train.T, weights.T, strict=True)
        return np.stack([self._one(*column) for column in columns], axis=1)

    def _one(self, positive: Booleans, train: Booleans, weight: Floats) -> Floats:
        chosen = self._held[train]
        if self.narrow:
            w, b = fit_rows(chosen, positive[train], weight[train])
            return self._held @ w + b
        w, b = fit_products(chosen[:, train], positive[train], weight[train])
        found: Floats = w @ chosen + b
        return found


def fit_rows(rows: Floats, positive: Booleans, weight: Floats) -> tuple[Floats, float]:
    """(r,) weights and bias of the fit on `rows` (m, r), labels (m,), weights of the rows (m,)."""
    wide = np.c_[rows, np.ones(len(rows))]
    ridge = np.r_[np.ones(rows.shape[1]), 0.0]

    def loss(w: Floats) -> float:
        return float(w @ (ridge * w)) / 2 + _lost(wide @ w, positive, weight)

    w = np.zeros(wide.shape[1])
    for _ in range(STEPS):
        pull, curve = _slopes(wide @ w, positive, weight)
        gradient = ridge * w - wide.T @ pull
        if np.abs(gradient).max() < TOLERANCE:
            break
        step = np.linalg.solve((wide * curve[:, None]).T @ wide + np.diag(ridge), gradient)
        w = _shortened(w, -step, loss)
    return w[:-1], float(w[-1])


def fit_products(products: Floats, positive: Booleans, weight: Floats) -> tuple[Floats, float]:
    """(m,) coefficients of the rows, and the bias: decision values are products with the rows times the coefficients, plus the bias. `products` (m, m)."""
    from scipy.linalg import cho_factor, cho_solve

    def loss(at: Floats) -> float:
        part = products @ at[:-1]
        return float(at[:-1] @ part) / 2 + _lost(part + at[-1], positive, weight)

    at = np.zeros(len(products) + 1)
    for _ in range(STEPS):
        values = products @ at[:-1] + at[-1]
        pull, curve = _slopes(values, positive, weight)
        if np.abs(at[:-1] - pull).max() < TOLERANCE and abs(at[:-1].sum()) < TOLERANCE:
            break
        root = np.sqrt(curve)
        inner = products * root[:, None] * root[None, :]
        inner.flat[:: len(inner) + 1] += 1.0
        factor = cho_factor(inner, lower=True, overwrite_a=True, check_finite=False)
        asked = np.stack([curve * values + pull, curve], axis=1)
        solved = asked - root[:, None] * cho_solve(
            factor, root[:, None] * (products @ asked), check_finite=False
        )
        bias = solved[:, 0].sum() / solved[:, 1].sum()
        at = _shortened(at, np.r_[solved[:, 0] - bias * solved[:, 1], bias] - at, loss)
    return at[:-1], float(at[-1])


def _slopes(values: Floats, positive: Booleans, weight: Floats) -> tuple[Floats, Floats]:
    """How far each row pulls, and the curvature there."""
    share = sigmoid(values)
    return weight * (positive - share), weight * np.maximum(share * (1 - share), 1e-300)


def _lost(values: Floats, positive: Booleans, weight: Floats) -> float:
    return float(weight @ np.logaddexp(0.0, np.where(positive, -values, values)))


def _shortened(at: Floats, step: Floats, loss: Callable[[Floats], float]) -> Floats:
    """A whole step, or the first of its halves that leads downhill."""
    here, size = loss(at), 1.0
    for _ in range(HALVINGS):
        if loss(at + size * step) <= here + 1e-12 * abs(here):
            break
        size /= 2
    found: Floats = at + size * step
    return found
