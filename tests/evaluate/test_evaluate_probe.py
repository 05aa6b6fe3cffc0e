from __future__ import annotations

import math
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from hubkit.evaluate.probe import fit_predict, out_of_fold
from hubkit.evaluate.values import differences, value_of
from hubkit.measures.bootstrap import row_counts
from hubkit.measures.design import Design, balanced_accuracy, resampled_accuracy

if TYPE_CHECKING:
    from hubkit.measures.design import Predictions
    from hubkit.release.metrics import MetricValue

pytestmark = pytest.mark.train  # scikit-learn comes with the train extra


def probe_value(predicted: Predictions, design: Design) -> MetricValue:
    subject = SimpleNamespace(predictions=predicted, design=design)
    return value_of("probe_balanced_accuracy", subject, "crossfit")  # type: ignore[arg-type, return-value]


def difference_value(predicted: Predictions, reference: Predictions, design: Design) -> MetricValue:
    (difference,) = differences(predicted, reference, design)
    return difference


def design(seed: int, n: int = 60, scenarios: int = 5) -> Design:
    rng = np.random.default_rng(seed)
    fold = np.array([f"fold{i % 5}" for i in rng.permutation(n)])
    return Design(rng.random(n) < 0.4, rng.choice([f"s{i}" for i in range(scenarios)], size=n), fold)


def naive_balanced_accuracy(predicted: list[bool], positive: list[bool], scenario: list[str]) -> float:
    total = weights = 0.0
    for s in set(scenario):
        right1 = [p for p, y, t in zip(predicted, positive, scenario, strict=True) if t == s and y]
        right0 = [not p for p, y, t in zip(predicted, positive, scenario, strict=True) if t == s and not y]
        if right1 and right0:
            weight = len(right1) * len(right0) / (len(right1) + len(right0))
            total += weight * (sum(right1) / len(right1) + sum(right0) / len(right0)) / 2
            weights += weight
    return total / weights if weights else math.nan


@pytest.mark.parametrize("seed", range(8))
def test_within_scenario_balanced_accuracy(seed: int) -> None:
    of = design(seed, scenarios=3 + 6 * seed)
    predicted = np.random.default_rng(100 + seed).random(60) < 0.5
    naive = naive_balanced_accuracy(predicted.tolist(), of.positive.tolist(), of.scenario.tolist())
    assert balanced_accuracy(predicted, of) == pytest.approx(naive)


@pytest.mark.parametrize("seed", range(8))
def test_a_resample_is_the_same_formula_on_drawn_rows(seed: int) -> None:
    of = design(seed, n=24)
    predicted = np.random.default_rng(seed).random(24) < 0.5
    counts = row_counts(of.scenario.tolist(), "x")[:3]
    for row, value in zip(counts, resampled_accuracy(counts, predicted, of), strict=True):
        drawn = np.repeat(np.arange(24), row.astype(int))
        naive = naive_balanced_accuracy(
            *(array[drawn].tolist() for array in (predicted, of.positive, of.scenario))
        )
        assert value == pytest.approx(naive)


@pytest.mark.parametrize("answer", [True, False])
@pytest.mark.parametrize("seed", range(5))
def test_a_constant_prediction_is_chance_exactly(answer: bool, seed: int) -> None:
    of = design(seed)
    assert balanced_accuracy(np.full(60, answer), of) == 0.5
    value = probe_value(np.full(60, answer), of)
    assert value.interval == (0.5, 0.5)
    assert value.null is not None
    assert (value.null.kind, value.null.level) == ("chance", 0.5)


def test_knowing_the_scenario_is_worth_nothing() -> None:
    rng = np.random.default_rng(0)
    scenario = np.array([f"s{i % 4}" for i in range(400)])
    often = np.isin(scenario, ["s0", "s1"])
    of = Design(rng.random(400) < np.where(often, 0.9, 0.1), scenario, np.array(["f"] * 400))
    assert (often == of.positive).mean() > 0.85, "it predicts the label overall"
    assert balanced_accuracy(often, of) == 0.5


def test_a_probe_finds_what_is_there_and_only_that() -> None:
    rng = np.random.default_rng(0)
    of = design(0, n=200)
    noise = rng.normal(size=(200, 8))
    there = noise + 4 * np.outer(of.positive, np.eye(8)[0])
    assert probe_value(out_of_fold(of, lambda _: there), of).value > 0.9
    nothing = probe_value(out_of_fold(of, lambda _: noise), of)
    assert nothing.interval is not None
    assert nothing.interval[0] < 0.5 < nothing.interval[1]


def test_only_training_rows_set_the_scale() -> None:
    rng = np.random.default_rng(0)
    train, labels = rng.normal(size=(50, 3)), rng.random(50) < 0.5
    test = rng.normal(size=(10, 3))
    alone = [bool(fit_predict(train, labels, row[None])[0]) for row in test]
    assert fit_predict(train, labels, test).tolist() == alone, (
        "a prediction does not depend on the other held-out rows"
    )


def test_features_that_do_not_vary_are_left_out() -> None:
    rng = np.random.default_rng(0)
    train, labels = np.c_[rng.normal(size=50), np.zeros(50)], np.arange(50) % 2 == 0
    test = np.c_[rng.normal(size=20), np.zeros(20)]
    flashing = np.c_[test[:, 0], np.full(20, 1e9)]
    assert fit_predict(train, labels, flashing).tolist() == fit_predict(train, labels, test).tolist()
    assert fit_predict(np.zeros((6, 2)), np.arange(6) < 4, np.ones((3, 2))).tolist() == [True] * 3


def test_confounded_scenarios_have_no_number() -> None:
    scenario = np.array(["s0"] * 10 + ["s1"] * 10 + ["s2"] * 10)
    positive = np.r_[np.ones(10), np.zeros(10), np.arange(10) % 2].astype(bool)
    of = Design(positive, scenario, np.array([f"fold{i % 5}" for i in range(30)]))
    predicted = out_of_fold(of, lambda _: np.zeros((30, 1)))
    value = probe_value(predicted, of)
    assert value.value is None
    assert value.n == 10
    assert str(value.reason).startswith("label and scenario confounded")
    assert difference_value(np.ones(30, dtype=bool), predicted, of).value is None


def test_features_that_are_not_numbers_have_no_number() -> None:
    of = design(0)
    predicted = out_of_fold(of, lambda _: np.full((60, 2), np.nan))
    assert "NaN" in str(probe_value(predicted, of).reason)


def test_a_difference_is_paired() -> None:
    of = design(1, n=300)
    rng = np.random.default_rng(2)
    reference = np.where(rng.random(300) < 0.8, of.positive, ~of.positive)
    same = difference_value(reference, reference, of)
    assert (same.value, same.interval) == (0.0, (0.0, 0.0))
    better = reference.copy()
    wrong = np.flatnonzero(reference != of.positive)[:20]
    better[wrong] = of.positive[wrong]
    value = difference_value(better, reference, of)
    assert value.value == pytest.approx(balanced_accuracy(better, of) - balanced_accuracy(reference, of))
    assert value.interval is not None
    assert 0 < value.interval[0] < value.value < value.interval[1]
