"""L2 logistic regression of many labellings of the same rows at once, to convergence.

The rows are turned into their principal directions once (from their n x n Gram matrix), where the Hessian over all rows is diagonal. That bounds
the Hessian of every labelling and every part of the rows, so that one diagonal preconditions all of them (Boehning & Lindsay 1988); Nesterov's
steps with restarts (O'Donoghue & Candes 2015) do the rest. Each labelling is a column of a matrix product.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hubkit.evaluate.gram import gram, standardised

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Booleans = NDArray[np.bool_]

STEPS = 5000
TOLERANCE = 1e-6
"""Largest entry of the gradient, in the scale of the preconditioned step, at which a column is done."""
EVERY = 10
"""Steps between two looks at which columns are done."""


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
    sign = np.where(positive, 1.0, -1.0)
    weight = balanced(positive, train)
    largest = weight.max(axis=0) / 4
    scale = 1.0 / ((rows**2).sum(axis=0)[:, None] * largest + 1.0)
    bias_scale = 1.0 / (len(rows) * largest)
    w, b = np.zeros((rows.shape[1], positive.shape[1])), np.zeros(positive.shape[1])
    found, open_ = np.zeros(positive.shape), np.arange(positive.shape[1])
    ahead_w, ahead_b, momentum = w, b, np.ones(positive.shape[1])
    for step in range(1, STEPS + 1):
        margin = sign * (rows @ ahead_w + ahead_b)
        pull = -weight * sign * sigmoid(-margin)
        gradient = rows.T @ pull + ahead_w
        gradient_b = pull.sum(axis=0)
        next_w, next_b = ahead_w - scale * gradient, ahead_b - bias_scale * gradient_b
        uphill = ((gradient * (next_w - w)).sum(axis=0) + gradient_b * (next_b - b)) > 0
        momentum = np.where(uphill, 1.0, momentum)
        following = (1 + np.sqrt(1 + 4 * momentum**2)) / 2
        beta = np.where(uphill, 0.0, (momentum - 1) / following)
        ahead_w, ahead_b = next_w + beta * (next_w - w), next_b + beta * (next_b - b)
        w, b, momentum = next_w, next_b, following
        if step % EVERY == 0 or step == STEPS:
            size = np.maximum(
                np.abs(gradient * np.sqrt(scale)).max(axis=0), np.abs(gradient_b * np.sqrt(bias_scale))
            )
            done = (size < TOLERANCE) | (step == STEPS)
            if done.any():
                found[:, open_[done]] = rows @ w[:, done] + b[done]
                rest = ~done
                if not rest.any():
                    break
                open_, sign, weight, scale, bias_scale = (
                    open_[rest],
                    sign[:, rest],
                    weight[:, rest],
                    scale[:, rest],
                    bias_scale[rest],
                )
                w, b, ahead_w, ahead_b, momentum = (
                    w[:, rest],
                    b[rest],
                    ahead_w[:, rest],
                    ahead_b[rest],
                    momentum[rest],
                )
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
