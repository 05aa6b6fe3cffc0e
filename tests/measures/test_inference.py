"""Intervals and tests of cross-fitted values, each against what it is by its definition."""

from __future__ import annotations

import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from hubkit.measures.catalogue import get
from hubkit.measures.design import Design, numbered, permuted
from hubkit.measures.differing import Differing
from hubkit.measures.estimate import NotMeasured
from hubkit.measures.inference import (
    TOGETHER,
    accuracy_deviation,
    null_of,
    rank_deviation,
    scored_interval,
    stratified_deviation,
    stratified_deviations,
)
from hubkit.measures.joint import Joint
from hubkit.measures.probed import Columns, accuracies, aurocs


def joint_of(by_row: np.ndarray, design: Design) -> Joint:
    return Joint([Differing(column, None, None, design) for column in by_row.T], design)


def rows(seed: int, n: int = 90, scenarios: int = 6) -> Design:
    rng = np.random.default_rng(seed)
    scenario = rng.choice([f"s{i}" for i in range(scenarios)], size=n)
    return Design(rng.random(n) < 0.4, scenario, np.array([f"fold{i % 5}" for i in range(n)]))


@pytest.mark.parametrize(("hits", "n"), [(0, 20), (7, 20), (20, 20), (300, 400)])
def test_of_independent_rows_it_is_wilsons_interval(hits: int, n: int) -> None:
    z, p = 1.96, hits / n
    middle, reach = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    wilson = (middle - reach) / (1 + z * z / n), (middle + reach) / (1 + z * z / n)
    half = z * 0.5 / math.sqrt(n)
    assert scored_interval(p, 0.5, half, half) == pytest.approx(wilson)


def test_p_counts_both_tails_and_is_never_0() -> None:
    draws = np.arange(199) / 199
    assert null_of(draws, 2.0, "x").p_value == pytest.approx(2 / 200)
    assert null_of(draws, -1.0, "x").p_value == pytest.approx(2 / 200)
    assert null_of(draws, draws[99], "x").p_value == 1.0
    assert null_of(np.full(199, 0.5), 0.5, "x").p_value == 1.0, "all ties"
    assert null_of(draws, draws[4], "x").p_value == pytest.approx(2 * 6 / 200)


def test_the_scatter_by_formula_is_that_of_guesses() -> None:
    design, rng = rows(0), np.random.default_rng(1)
    draws = 4000
    positive = np.repeat(design.positive[:, None], draws, axis=1)
    guesses = Columns(positive, np.zeros(positive.shape, dtype=np.int64), rng.normal(size=positive.shape))
    each = [accuracy_deviation(design, one > 0) for one in guesses.scores.T]
    expected = np.sqrt(np.mean(np.square(each)))
    assert accuracies(guesses, design).std() * TOGETHER == pytest.approx(expected, rel=0.04)
    unscaled = aurocs(guesses, design)
    assert unscaled.mean() == pytest.approx(0.5, abs=0.004)
    assert unscaled.std() == pytest.approx(rank_deviation(design), rel=0.04)


def test_the_scatter_by_formula_is_that_of_labels_dealt_to_these_predictions() -> None:
    design, rng = rows(0), np.random.default_rng(1)
    said = rng.random(90) < np.where(np.isin(design.scenario, ["s0", "s1", "s2"]), 0.9, 0.2)
    said[design.scenario == "s5"] = True
    dealt = permuted(design.positive, numbered(design.scenario), 4000, rng)
    scores = np.repeat(np.where(said, 1.0, -1.0)[:, None], 4000, axis=1)
    found = accuracies(Columns(dealt, np.zeros(dealt.shape, dtype=np.int64), scores), design)
    assert found.std() * TOGETHER == pytest.approx(accuracy_deviation(design, said), rel=0.04)
    same = np.isin(design.scenario, ["s0", "s1", "s2", "s3", "s4"])
    assert 0 < accuracy_deviation(design, same ^ (np.arange(90) == 0)) < accuracy_deviation(design, said) / 3
    assert accuracy_deviation(design, same) > accuracy_deviation(design, said), "all the same: as guesses"


def test_rows_train_each_other_as_those_of_permuted_labels_do() -> None:
    """Of values that scatter twice as far as each of them says, the interval is twice as wide."""
    design, rng = rows(5), np.random.default_rng(0)
    labels = permuted(design.positive, numbered(design.scenario), 400, rng)
    common, own = rng.normal(size=(1, 400)), rng.normal(size=(90, 400))
    permuted_rows = (own + common * math.sqrt(3 / 90)) / 90
    differing = Differing(own[:, 0] / 90, permuted_rows, labels, design)
    assert differing.times == pytest.approx(2.0, rel=0.1)
    alone = Differing(differing.by_row, None, None, design)
    assert alone.times == TOGETHER
    assert differing.deviation / alone.deviation == pytest.approx(differing.times / TOGETHER)
    each = stratified_deviations(permuted_rows, labels, design)
    one = Design(labels[:, 7], design.scenario, design.fold)
    assert each[7] == pytest.approx(stratified_deviation(permuted_rows[:, 7], one))
    both = Differing.mean([differing, replace(differing, by_row=np.zeros(90), permuted=np.zeros((90, 400)))])
    assert both.value == pytest.approx(differing.value / 2)
    assert both.times == pytest.approx(differing.times), "as far, of half the size"
    assert Differing.mean([differing, alone]).permuted is None


def test_the_deviation_of_a_sum_is_that_of_rows_drawn_within_scenario_and_label() -> None:
    design = rows(1)
    by_row = np.random.default_rng(0).normal(size=90)
    variance = 0.0
    for scenario in set(design.scenario.tolist()):
        for label in (True, False):
            cell = by_row[(design.scenario == scenario) & (design.positive == label)]
            if len(cell) > 1 and scenario in design.members:
                variance += len(cell) * cell.var(ddof=1)
            elif len(cell) == 1 and scenario in design.members:
                variance += cell[0] ** 2
    assert stratified_deviation(by_row, design) == pytest.approx(math.sqrt(variance))


def test_as_many_stand_out_as_by_chance_and_no_more() -> None:
    """Six equal probes, correlated or not: the count is found one time in twenty."""
    design, found, furthest = rows(2), [], []
    for seed in range(150):
        rng = np.random.default_rng(seed)
        common = rng.normal(size=(90, 1))
        by_row = (common + rng.normal(size=(90, 6))) * TOGETHER / 90  # as wide as rows that train each other
        joint = joint_of(by_row, design)
        found.append(joint.as_many_above(np.ones(6, dtype=bool))[1] <= 0.05)
        furthest.append(joint.corrected().min() <= 0.05)
    assert np.mean(found) <= 0.09
    assert np.mean(furthest) <= 0.09


def test_what_is_there_is_found_and_what_stands_beside_chance_is_not_counted() -> None:
    design = rows(3)
    by_row = np.random.default_rng(0).normal(size=(90, 4)) / 90 + np.array([1.0, 1.0, 0.0, 0.0]) / 90
    joint = joint_of(by_row, design)
    assert joint.as_many_above(np.ones(4, dtype=bool))[0] == 2
    assert joint.as_many_above(np.ones(4, dtype=bool))[1] < 0.05
    assert joint.as_many_above(np.array([False, False, True, True])) == (0, 1.0)
    assert joint.corrected()[0] < 0.01
    nothing = joint_of(np.zeros((90, 2)), design)
    assert nothing.corrected().tolist() == [1.0, 1.0]


def test_membership_is_told_by_the_error_within_scenarios() -> None:
    design = rows(4)
    rng = np.random.default_rng(0)
    by_scenario = {name: rng.normal() * 100 for name in set(design.scenario.tolist())}
    level = np.array([by_scenario[name] for name in design.scenario.tolist()])
    subject = SimpleNamespace(control=SimpleNamespace(design=design, errors=lambda: level + ~design.positive))
    compute = get("membership_auroc").compute
    assert compute is not None
    found = compute(subject, "control")  # type: ignore[arg-type]
    assert found is not None
    assert found.value == 1.0
    assert found.interval is not None
    assert 0.9 < found.interval[0] < 1.0
    blind = SimpleNamespace(control=SimpleNamespace(design=design, errors=lambda: level))
    guess = compute(blind, "control")  # type: ignore[arg-type]
    assert guess is not None
    assert guess.value == 0.5, "ties within each scenario"
    assert compute(SimpleNamespace(control=None), "control") is None  # type: ignore[arg-type]
    missing = SimpleNamespace(control=SimpleNamespace(design=design, errors=lambda: "not trained"))
    with pytest.raises(NotMeasured, match="not trained"):
        compute(missing, "control")  # type: ignore[arg-type]
