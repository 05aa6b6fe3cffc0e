"""L2 logistic regression of many labellings of the same rows at once, to convergence.

The rows are turned into their principal directions once (from their n x n Gram matrix), where the Hessian over all rows is diagonal. Newton's steps are taken for
all labellings together, each as far as conjugate gradients go before they are exact enough (Dembo & Steihaug 1983; the tolerance of Eisenstat & Walker 1996), with
that diagonal, scaled to the curvature of the labelling at hand, as the preconditioner. Each labelling is a column of a matrix product.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hubkit.evaluate.gram import gram, standardised

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Booleans = NDArray[np.bool_]

STEPS = 100
INNER = 50
"""Steps of conjugate gradients in one of Newton's."""
HALVINGS = 30
TOLERANCE = 1e-6
"""Largest entry of the gradient, in the scale of the preconditioned step, at which a column is done."""
ROUGHEST = 0.1
"""Share of the residual that conjugate gradients may leave of a step far from the minimum."""
TINY = 1e-300


def directions(features: NDArray[np.floating]) -> Floats:
    """(n, r) the rows of `features` (n, d) in principal directions, r <= n: columns of equal deviation over the rows, those that do not vary left out.

    Distances and products are those of the standardised features, so a ridge penalty there is the same penalty here.
    """
    n, d = features.shape
    if d < n:
        narrow = standardised(features)
        values, vectors = np.linalg.eigh(narrow.T @ narrow)
        there = values > values[-1:] * 1e-12
        return narrow @ vectors[:, there] if there.any() else np.zeros((n, 1))
    values, vectors = np.linalg.eigh(gram(features))
    there = values > max(values[-1], 0.0) * 1e-12
    rotated: Floats = vectors[:, there] * np.sqrt(values[there])
    return rotated if there.any() else np.zeros((n, 1))


def decision_values(rows: Floats, positive: Booleans, train: Booleans) -> Floats:
    """(n, B) what the regression fitted on `train` (n, B) with the labels `positive` (n, B) gives every row of `rows` (n, r), a column for each of B fits.

    Minimises ||w||^2 / 2 + sum_i s_i log(1 + exp(-y_i (w x_i + b))) over the training rows, C = 1, each class weighing half of them (`balanced`).
    Every column needs a training row of each class.
    """
    fits = _Fits(rows, positive, balanced(positive, train))
    found, open_ = np.zeros(positive.shape), np.arange(positive.shape[1])
    for _ in range(STEPS):
        size = fits.look()
        done = size < TOLERANCE
        found[:, open_[done]] = fits.values[:, done]
        if done.all():
            return found
        if done.any():
            open_ = open_[~done]
            fits.keep(~done)
        fits.step(np.minimum(ROUGHEST, np.sqrt(size[~done])))
    found[:, open_] = fits.values
    return found


class _Fits:
    """Where several fits stand, a column each."""

    def __init__(self, rows: Floats, positive: Booleans, weight: Floats) -> None:
        """All at 0: `rows` (n, r), `positive` and `weight` (n, B)."""
        self.rows, self.squares = rows, (rows**2).mean(axis=0)[:, None]
        self.positive, self.weight = positive, weight
        self.w, self.values = np.zeros((rows.shape[1], positive.shape[1])), np.zeros(positive.shape)
        self.loss = self._loss(self.w, self.values)

    def look(self) -> Floats:
        """(B,) the largest entry of the gradient, preconditioned."""
        share = sigmoid(self.values)
        pull = self.weight * (self.positive - share)
        self.curve = self.weight * share * (1 - share)
        total = np.maximum(self.curve.sum(axis=0), TINY)
        self.scale, self.bias_scale = 1.0 / (self.squares * total + 1.0), 1.0 / total
        self.downhill, self.downhill_b = self.rows.T @ pull - self.w, pull.sum(axis=0)
        largest: Floats = np.maximum(
            np.abs(self.downhill * np.sqrt(self.scale)).max(axis=0),
            np.abs(self.downhill_b * np.sqrt(self.bias_scale)),
        )
        return largest

    def keep(self, chosen: Booleans) -> None:
        """Go on with some of the columns."""
        for name in ("positive", "weight", "w", "values", "curve", "scale", "downhill"):
            setattr(self, name, getattr(self, name)[:, chosen])
        for name in ("loss", "bias_scale", "downhill_b"):
            setattr(self, name, getattr(self, name)[chosen])

    def step(self, rest: Floats) -> None:
        """One of Newton's, of which `rest` (B,) of the residual may be left, or the first of its halves that leads downhill."""
        step, moved = self._newton(rest)
        size, whole = np.ones(len(rest)), self._loss(self.w + step, self.values + moved)
        for _ in range(HALVINGS):
            uphill = whole > self.loss + 1e-12 * np.abs(self.loss)
            if not uphill.any():
                break
            size = np.where(uphill, size / 2, size)
            whole = self._loss(self.w + size * step, self.values + size * moved)
        self.w, self.values, self.loss = self.w + size * step, self.values + size * moved, whole

    def _newton(self, rest: Floats) -> tuple[Floats, Floats]:
        """(r, B) what H s = -gradient comes to by conjugate gradients, and (n, B) what it adds to the decision values, the bias included."""
        step, moved = np.zeros_like(self.w), np.zeros_like(self.values)
        left, left_b = self.downhill, self.downhill_b
        way, way_b = self.scale * left, self.bias_scale * left_b
        size = (left * way).sum(axis=0) + left_b * way_b
        goal = rest**2 * size
        for _ in range(INNER):
            going = size > goal
            if not going.any():
                break
            along = self.rows @ way + way_b
            curved = self.curve * along
            bent, bent_b = self.rows.T @ curved + way, curved.sum(axis=0)
            far = np.where(going, size / np.maximum((way * bent).sum(axis=0) + way_b * bent_b, TINY), 0.0)
            step, moved = step + far * way, moved + far * along
            left, left_b = left - far * bent, left_b - far * bent_b
            scaled, scaled_b = self.scale * left, self.bias_scale * left_b
            following = (left * scaled).sum(axis=0) + left_b * scaled_b
            ratio = following / np.maximum(size, TINY)
            way, way_b = scaled + ratio * way, scaled_b + ratio * way_b
            size = following
        return step, moved

    def _loss(self, w: Floats, values: Floats) -> Floats:
        found: Floats = (w * w).sum(axis=0) / 2 + (
            self.weight * np.logaddexp(0.0, np.where(self.positive, -values, values))
        ).sum(axis=0)
        return found


def balanced(positive: Booleans, train: Booleans) -> Floats:
    """(n, B) n / (2 n_class) of training rows, 0 of the others."""
    total = train.sum(axis=0)
    ones = (train & positive).sum(axis=0)
    weights: Floats = np.where(positive, total / (2 * ones), total / (2 * (total - ones))) * train
    return weights


def sigmoid(values: Floats) -> Floats:
    """1 / (1 + exp(-v)), without overflow."""
    return 0.5 * (1.0 + np.tanh(0.5 * values))
