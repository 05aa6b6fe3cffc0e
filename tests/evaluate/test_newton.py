"""The probes' fast forms against the plain ones: products of sparse rows, Newton's steps."""

from __future__ import annotations

import numpy as np
import pytest

from hubkit.evaluate.gram import gram, standardised
from hubkit.evaluate.logistic import decision_values, directions
from hubkit.evaluate.newton import Prepared

pytestmark = pytest.mark.train  # scipy and scikit-learn come with the train extra


def latents(n: int, d: int, share: float, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    x = rng.exponential(size=(n, d)) * (rng.random((n, d)) < share)
    x[:, 0], x[:, 1], x[:, 2] = rng.normal(size=n) + 1000, 3.0, 0.0
    return x.astype(np.float32)


@pytest.mark.parametrize("share", [0.01, 0.2])
def test_products_of_sparse_rows_are_those_of_standardised_rows(share: float) -> None:
    x = latents(40, 300, share)
    wide = x.astype(np.float64)
    deviation = wide.std(axis=0)
    kept = deviation > 1e-9
    naive = (wide[:, kept] - wide[:, kept].mean(axis=0)) / deviation[kept]
    assert np.allclose(gram(x), naive @ naive.T, atol=1e-10 * len(x))
    assert np.allclose(standardised(x), naive)


@pytest.mark.parametrize(("n", "d", "share"), [(60, 5, 1.0), (60, 400, 0.02), (60, 90, 0.5)])
def test_newton_finds_the_minimum_that_scikit_learn_finds(n: int, d: int, share: float) -> None:
    from sklearn.linear_model import LogisticRegression

    rng, x = np.random.default_rng(d), latents(n, d, share)
    positive, train = rng.random((n, 2)) < 0.4, rng.random((n, 2)) < 0.8
    found = Prepared(x).decision_values(positive, train)
    scaled = standardised(x)
    for column in range(2):
        one = LogisticRegression(
            C=1.0, class_weight="balanced", solver="newton-cholesky", tol=1e-12, max_iter=1000
        )
        one.fit(scaled[train[:, column]], positive[train[:, column], column])
        assert np.abs(found[:, column] - one.decision_function(scaled)).max() < 1e-6
    many = decision_values(directions(x), positive, train)
    assert np.abs(found - many).max() < 1e-3, "Nesterov's steps end a little earlier"


def test_labels_that_are_separated_perfectly_have_a_fit() -> None:
    x = np.c_[np.arange(40) < 20, np.zeros((40, 60))].astype(float) * 1e3
    positive = (np.arange(40) < 20)[:, None]
    found = Prepared(x).decision_values(positive, np.ones((40, 1), dtype=bool))
    assert ((found > 0) == positive).all()
    assert np.isfinite(found).all()


def test_features_that_never_vary_say_nothing() -> None:
    positive = (np.arange(20) % 2 == 0)[:, None]
    for width in (3, 50):
        found = Prepared(np.ones((20, width))).decision_values(positive, np.ones((20, 1), dtype=bool))
        assert np.allclose(found, 0.0)
