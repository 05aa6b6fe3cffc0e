"""Many logistic regressions at once, against one after the other."""

from __future__ import annotations

import numpy as np
import pytest

from hubkit.evaluate.logistic import decision_values, directions

pytestmark = pytest.mark.train  # scikit-learn comes with the train extra


@pytest.mark.parametrize(("n", "d", "share"), [(50, 4, 0.5), (60, 200, 0.5), (120, 30, 0.15)])
def test_each_column_is_scikit_learns_to_convergence(n: int, d: int, share: float) -> None:
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(n)
    x = rng.normal(size=(n, d)) * rng.uniform(0.1, 10, size=d) + 5
    positive, train = rng.random((n, 6)) < share, rng.random((n, 6)) < 0.8
    scaled = (x - x.mean(axis=0)) / x.std(axis=0)
    found = decision_values(directions(x), positive, train)
    for column in range(6):
        one = LogisticRegression(
            C=1.0, class_weight="balanced", solver="newton-cholesky", max_iter=1000, tol=1e-12
        )
        one.fit(scaled[train[:, column]], positive[train[:, column], column])
        assert np.abs(found[:, column] - one.decision_function(scaled)).max() < 1e-4


def test_a_fit_does_not_see_the_labels_of_the_rows_that_it_leaves_out() -> None:
    rng = np.random.default_rng(0)
    x, positive, train = rng.normal(size=(60, 9)), rng.random((60, 1)) < 0.5, rng.random((60, 1)) < 0.7
    rows = directions(x)
    other = np.where(train, positive, ~positive)
    assert np.array_equal(decision_values(rows, positive, train), decision_values(rows, other, train))


def test_columns_do_not_touch_each_other() -> None:
    rng = np.random.default_rng(1)
    rows = directions(rng.normal(size=(40, 6)))
    positive, train = rng.random((40, 3)) < 0.5, rng.random((40, 3)) < 0.8
    together = decision_values(rows, positive, train)
    for column in range(3):
        alone = decision_values(rows, positive[:, [column]], train[:, [column]])
        assert np.allclose(alone[:, 0], together[:, column], atol=1e-8)


def test_directions_keep_the_distances_of_standardised_features() -> None:
    x = np.random.default_rng(2).normal(size=(20, 50)) * 3 + 1
    scaled = (x - x.mean(axis=0)) / x.std(axis=0)
    assert np.allclose(directions(x) @ directions(x).T, scaled @ scaled.T)
    assert directions(np.ones((5, 3))).shape == (5, 1)


def test_labels_that_are_told_apart_and_a_lonely_one_are_fitted_too() -> None:
    from sklearn.linear_model import LogisticRegression

    x = np.r_[np.full((30, 1), -9.0), np.full((30, 1), 9.0)] + np.linspace(0, 1, 60)[:, None]
    apart, lonely = x[:, 0] > 0, np.arange(60) == 17
    positive, train = np.c_[apart, lonely, ~apart], np.ones((60, 3), dtype=bool)
    scaled = (x - x.mean(axis=0)) / x.std(axis=0)
    found = decision_values(directions(x), positive, train)
    assert np.allclose(found[:, 0], -found[:, 2])
    for column in range(3):
        one = LogisticRegression(class_weight="balanced", solver="newton-cholesky", tol=1e-12)
        one.fit(scaled, positive[:, column])
        assert found[:, column] == pytest.approx(one.decision_function(scaled), abs=1e-4)
