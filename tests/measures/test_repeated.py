"""Nadeau and Bengio's t, and the best of several, against the lines one would write by hand."""

from __future__ import annotations

import numpy as np
import pytest

from hubkit.measures.chosen import corrected_best
from hubkit.measures.design import Design, numbered
from hubkit.measures.estimate import NotMeasured
from hubkit.measures.probed import Columns, Probed, balanced_accuracy
from hubkit.measures.repeated import by_fold, corrected_t

pytestmark = pytest.mark.train  # scipy comes with the train extra


def design(n: int = 120, scenarios: int = 4, seed: int = 0) -> Design:
    rng = np.random.default_rng(seed)
    fold, scenario = np.array([f"fold{i % 5}" for i in range(n)]), rng.integers(0, scenarios, n)
    return Design(rng.random(n) < 0.5, np.array([f"s{one}" for one in scenario]), fold)


def said(predicted: np.ndarray, rows: Design) -> Probed:
    return Probed(
        Columns(rows.positive[:, None], numbered(rows.fold)[:, None], np.where(predicted, 1.0, -1.0)[:, None])
    )


def right(rows: Design, share: float, seed: int) -> Probed:
    hit = np.random.default_rng(seed).random(len(rows.positive)) < share
    return said(np.where(hit, rows.positive, ~rows.positive), rows)


def test_the_corrected_t_by_hand() -> None:
    from scipy.stats import t

    differences = [0.05, -0.02, 0.04, 0.01, 0.03]
    found = corrected_t(np.array(differences), 1 / 4, 100)
    mean = sum(differences) / 5
    variance = sum((one - mean) ** 2 for one in differences) / 4
    error = (variance * (1 / 5 + 1 / 4)) ** 0.5
    assert found.value == pytest.approx(mean)
    assert found.null.p_value == pytest.approx(2 * t.sf(abs(mean) / error, 4))
    assert found.interval == pytest.approx((mean - 2.776445 * error, mean + 2.776445 * error))
    assert (found.interval[0] <= 0) == (found.null.p_value >= 0.05)


def test_five_folds_that_scatter_by_five_points_see_twelve() -> None:
    """The number of the issue: s (1/5 + 1/4)^(1/2) is 0.67 s, and (t_0.975 + t_0.8) of it is found four times of five."""
    differences = np.array([-1, -0.5, 0, 0.5, 1]) * 0.05 / np.std([-1, -0.5, 0, 0.5, 1], ddof=1)
    assert corrected_t(differences, 1 / 4, 100).detectable == pytest.approx(0.12, abs=0.006)


def test_folds_add_up_to_the_difference_and_repeats_see_more() -> None:
    rows = design()
    one, other = right(rows, 0.8, 1), right(rows, 0.7, 2)
    found = by_fold(one, other, rows)
    expected = balanced_accuracy(one.predicted, rows) - balanced_accuracy(other.predicted, rows)
    assert found.mean() == pytest.approx(expected)
    assert corrected_t(np.tile(found, 10), 1 / 4, 100).detectable < corrected_t(found, 1 / 4, 100).detectable


def test_what_never_scatters_has_a_reason() -> None:
    with pytest.raises(NotMeasured, match="same in every fold"):
        corrected_t(np.zeros(5), 1 / 4, 100)
    with pytest.raises(NotMeasured, match="one fold"):
        corrected_t(np.zeros(1), 1.0, 100)


def test_the_best_of_several_noises_is_high_and_its_corrected_value_is_not() -> None:
    highest, corrected = [], []
    for seed in range(12):
        rows = design(seed=seed)
        several = [right(rows, 0.5, 100 * seed + number) for number in range(10)]
        highest.append(max(balanced_accuracy(one.predicted, rows) for one in several))
        corrected.append(corrected_best(several, rows).value)
    assert np.mean(highest) > 0.56
    assert abs(np.mean(corrected) - 0.5) < 0.02


def test_one_that_is_best_by_far_keeps_its_value_and_equal_ones_share_it() -> None:
    rows = design()
    far = corrected_best([right(rows, 0.95, 1), right(rows, 0.5, 2)], rows)
    assert far.value == pytest.approx(balanced_accuracy(right(rows, 0.95, 1).predicted, rows), abs=0.01)
    same = right(rows, 0.7, 3)
    assert corrected_best([same, same], rows).value == pytest.approx(corrected_best([same], rows).value)


def test_a_draw_by_hand() -> None:
    """Out-of-bag balanced accuracy of one draw, row by row."""
    from hubkit.measures.chosen import _accuracies, _drawn

    rows, probe = design(60, 3), right(design(60, 3), 0.7, 5)
    counts = _drawn(rows)[:1]
    found, weight = _accuracies(
        (counts == 0).astype(float), (probe.predicted == rows.positive)[:, None], rows
    )
    total = weights = 0.0
    for name in rows.members:
        left = [i for i in np.flatnonzero(rows.scenario == name) if counts[0, i] == 0]
        ones, zeros = [i for i in left if rows.positive[i]], [i for i in left if not rows.positive[i]]
        if ones and zeros:
            rate = (np.mean(probe.predicted[ones]) + np.mean(~probe.predicted[zeros])) / 2
            w = len(ones) * len(zeros) / len(left)
            total, weights = total + w * rate, weights + w
    assert found[0, 0] == pytest.approx(total / weights)
    assert weight[0] == pytest.approx(weights)
