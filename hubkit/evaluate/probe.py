"""A cross-fitted linear probe: its predictions out of fold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from hubkit.measures.design import Booleans, Design, Floats, Predictions

ITERATIONS = 5000


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
