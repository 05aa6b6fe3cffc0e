"""Cross-fitted probes, what is counted of them, and what stands beside it."""

from __future__ import annotations

import math
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from hubkit.collect.folds import assign_folds
from hubkit.evaluate.few import furthest, sparse_probe
from hubkit.evaluate.probe import probe
from hubkit.evaluate.values import differences, value_of
from hubkit.measures.design import Design, dealt, numbered, permuted
from hubkit.measures.inference import studentised_reach
from hubkit.measures.probed import (
    Columns,
    Probed,
    aurocs,
    balanced_accuracy,
    contributions,
    standardised,
)

if TYPE_CHECKING:
    from hubkit.measures.probed import Probe
    from hubkit.release.metrics import MetricValue

pytestmark = pytest.mark.train  # scipy comes with the train extra


def said(predicted: np.ndarray, design: Design) -> Probed:
    """A probe that predicts just this."""
    fold = numbered(design.fold)[:, None]
    return Probed(Columns(design.positive[:, None], fold, np.where(predicted, 1.0, -1.0)[:, None]))


def probe_value(probed: Probe, design: Design) -> MetricValue:
    subject = SimpleNamespace(probed=probed, design=design)
    return value_of("probe_balanced_accuracy", subject, "crossfit")  # type: ignore[arg-type, return-value]


def difference_value(probed: Probe, reference: Probe, design: Design) -> MetricValue:
    found = {one.measure: one for one in differences(probed, reference, design)}
    return found["probe_balanced_accuracy_difference"]


def design(seed: int, n: int = 60, scenarios: int = 5) -> Design:
    rng = np.random.default_rng(seed)
    fold = np.array([f"fold{i % 5}" for i in rng.permutation(n)])
    return Design(rng.random(n) < 0.4, rng.choice([f"s{i}" for i in range(scenarios)], size=n), fold)


def of(design: Design, x: np.ndarray, *permuting: str) -> Probe:
    return probe(design, dict.fromkeys(design.folds, x), *permuting)  # type: ignore[arg-type]


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


def naive_auroc(scores: list[float], positive: list[bool], scenario: list[str]) -> float:
    total = weights = 0.0
    for s in set(scenario):
        ones = [v for v, y, t in zip(scores, positive, scenario, strict=True) if t == s and y]
        zeros = [v for v, y, t in zip(scores, positive, scenario, strict=True) if t == s and not y]
        if ones and zeros:
            wins = sum((a > b) + (a == b) / 2 for a in ones for b in zeros)
            weight = len(ones) * len(zeros) / (len(ones) + len(zeros))
            total += weight * wins / (len(ones) * len(zeros))
            weights += weight
    return total / weights


@pytest.mark.parametrize("seed", range(8))
def test_within_scenario_balanced_accuracy(seed: int) -> None:
    rows = design(seed, scenarios=3 + 6 * seed)
    predicted = np.random.default_rng(100 + seed).random(60) < 0.5
    naive = naive_balanced_accuracy(predicted.tolist(), rows.positive.tolist(), rows.scenario.tolist())
    assert balanced_accuracy(predicted, rows) == pytest.approx(naive)
    assert contributions(predicted, rows).sum() == pytest.approx(naive)


@pytest.mark.parametrize("seed", range(8))
def test_within_scenario_auroc_with_ties(seed: int) -> None:
    rows = design(seed, scenarios=2 + 4 * seed)
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, 6, size=(60, 3)).astype(float)
    columns = Columns(np.repeat(rows.positive[:, None], 3, 1), np.zeros((60, 3), dtype=np.int64), scores)
    for found, column in zip(aurocs(columns, rows), scores.T, strict=True):
        naive = naive_auroc(column.tolist(), rows.positive.tolist(), rows.scenario.tolist())
        assert found == pytest.approx(naive)


def test_the_scale_of_a_folds_probe_means_nothing() -> None:
    rows = design(3)
    fold = numbered(rows.fold)
    scores = np.random.default_rng(0).normal(size=60)
    other = scores * np.array([1, 10, 0.1, 3, 7])[fold] + np.array([0, 5, -5, 100, 1])[fold]
    columns = [Columns(rows.positive[:, None], fold[:, None], one[:, None]) for one in (scores, other)]
    assert np.allclose(standardised(columns[0]), standardised(columns[1]))


@pytest.mark.parametrize("answer", [True, False])
@pytest.mark.parametrize("seed", range(5))
def test_a_constant_prediction_is_chance_exactly_and_known_no_better_than_guesses(
    answer: bool, seed: int
) -> None:
    rows = design(seed)
    value = probe_value(said(np.full(60, answer), rows), rows)
    assert value.value == 0.5
    assert value.interval is not None
    assert value.interval[0] < 0.4
    assert value.interval[1] > 0.6
    assert value.null is not None
    assert (value.null.kind, value.null.level) == ("chance", 0.5)


def test_knowing_the_scenario_is_worth_nothing() -> None:
    rng = np.random.default_rng(0)
    scenario = np.array([f"s{i % 4}" for i in range(400)])
    often = np.isin(scenario, ["s0", "s1"])
    rows = Design(rng.random(400) < np.where(often, 0.9, 0.1), scenario, np.array(["f"] * 400))
    assert (often == rows.positive).mean() > 0.85, "it predicts the label overall"
    assert balanced_accuracy(often, rows) == 0.5


def test_a_probe_finds_what_is_there_and_only_that() -> None:
    rng = np.random.default_rng(0)
    rows = design(0, n=200)
    noise = rng.normal(size=(200, 8))
    there = noise + 4 * np.outer(rows.positive, np.eye(8)[0])
    found = probe_value(of(rows, there, "folds dealt again"), rows)
    assert found.value > 0.9
    assert found.p_value == 0.01, "as far out as 199 permutations can tell"
    nothing = probe_value(of(rows, noise, "folds dealt again"), rows)
    assert nothing.interval is not None
    assert nothing.interval[0] < nothing.null_mean < nothing.interval[1]
    assert nothing.p_value > 0.05


def test_the_interval_leaves_the_reference_out_just_where_the_test_does() -> None:
    rows, rng = design(1, n=80), np.random.default_rng(5)
    for strength in np.linspace(0, 1.2, 12):
        x = rng.normal(size=(80, 6)) + strength * np.outer(rows.positive, np.eye(6)[0])
        value = probe_value(of(rows, x, "folds dealt again"), rows)
        inside = value.interval[0] - 1e-9 <= value.null_mean <= value.interval[1] + 1e-9
        assert inside == (value.p_value > 0.05)


def test_perfect_separation_is_not_known_for_certain() -> None:
    rows = design(0, n=200)
    there = np.c_[np.where(rows.positive, 1.0, -1.0), np.random.default_rng(0).normal(size=200)]
    for permuting in ("folds dealt again", "none"):
        value = probe_value(of(rows, there, permuting), rows)
        assert value.value == 1.0
        assert 0.9 < value.interval[0] < 0.99
        assert value.interval[1] == 1.0


def test_a_rows_own_scale_does_not_make_its_prediction() -> None:
    """Only the deviation over all rows, without labels, is shared: an offset of all rows, or of none, changes nothing."""
    rows, x = design(0), np.random.default_rng(0).normal(size=(60, 4))
    first, second = of(rows, x), of(rows, 3 * x - 7)
    assert np.allclose(first.real.scores, second.real.scores, atol=1e-3)


def test_features_that_do_not_vary_are_left_out() -> None:
    rows, x = design(0), np.random.default_rng(0).normal(size=(60, 4))
    assert np.allclose(of(rows, x).real.scores, of(rows, np.c_[x, np.full(60, 3.0)]).real.scores, atol=1e-3)
    assert np.allclose(of(rows, np.zeros((60, 2))).real.scores, 0.0, atol=1e-3), "nothing to go by"


def test_confounded_scenarios_have_no_number() -> None:
    scenario = np.array(["s0"] * 10 + ["s1"] * 10)
    rows = Design(np.arange(20) < 10, scenario, np.array([f"fold{i % 5}" for i in range(20)]))
    probed = of(rows, np.zeros((20, 1)))
    value = probe_value(probed, rows)
    assert (value.value, value.n) == (None, 0)
    assert str(value.reason).startswith("label and scenario confounded")
    assert difference_value(said(np.ones(20, dtype=bool), rows), probed, rows).value is None


def test_one_scenario_with_both_labels_is_enough_and_is_named() -> None:
    scenario = np.array(["s0"] * 10 + ["s1"] * 10 + ["s2"] * 40)
    positive = np.r_[np.ones(10), np.zeros(10), np.arange(40) % 2].astype(bool)
    fold = assign_folds([str(i) for i in range(60)], list(zip(scenario.tolist(), positive.astype(str).tolist(), strict=True)), folds=5, seed=0)  # fmt: skip
    rows = Design(positive, scenario, np.array(fold))
    value = probe_value(of(rows, np.random.default_rng(0).normal(size=(60, 3))), rows)
    assert value.value is not None
    assert (value.n, value.n_effective) == (40, 40)
    assert rows.heaviest() == ("s2", 1.0)
    assert replace(rows, scenario=np.array(["s"] * 60)).heaviest() is None, "there is but one"
    assert design(0, n=200).heaviest() is None


def test_few_rows_of_one_label_have_a_reason_and_no_number() -> None:
    positive = np.arange(60) < 6
    rows = Design(positive, np.array(["s"] * 60), np.array([f"fold{i % 5}" for i in range(60)]))
    value = probe_value(of(rows, np.random.default_rng(0).normal(size=(60, 3))), rows)
    assert value.value is None
    assert value.reason == "6 rows of the rarer label in scenarios that have both, expected at least 10: 2 for each of 5 folds"  # fmt: skip


def test_features_that_are_not_numbers_have_no_number() -> None:
    rows = design(0)
    assert "NaN" in str(probe_value(of(rows, np.full((60, 2), np.nan)), rows).reason)


def test_a_difference_is_paired() -> None:
    rows = design(1, n=300)
    rng = np.random.default_rng(2)
    reference = np.where(rng.random(300) < 0.8, rows.positive, ~rows.positive)
    same = difference_value(said(reference, rows), said(reference, rows), rows)
    assert same.value == 0.0
    assert same.interval[0] < -0.003, "two that never differ are known to a row"
    better = reference.copy()
    wrong = np.flatnonzero(reference != rows.positive)[:20]
    better[wrong] = rows.positive[wrong]
    value = difference_value(said(better, rows), said(reference, rows), rows)
    assert value.value == pytest.approx(balanced_accuracy(better, rows) - balanced_accuracy(reference, rows))
    assert value.interval is not None
    assert 0 < value.interval[0] < value.value < value.interval[1]
    assert value.detectable is not None
    assert 0.02 < value.detectable < 0.1


def test_labels_are_permuted_within_strata() -> None:
    rows = design(2)
    strata = numbered(rows.scenario)
    columns = permuted(rows.positive, strata, 50, np.random.default_rng(0))
    for stratum in np.unique(strata):
        inside = strata == stratum
        assert (columns[inside].sum(axis=0) == rows.positive[inside].sum()).all()
    assert len({tuple(column) for column in columns.T.tolist()}) == 50


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("first", [True, False])
def test_folds_are_dealt_again_as_they_were_dealt(seed: int, first: bool) -> None:
    """As many rows of each scenario and label in each fold as the folds of the pool have: what is drawn anew is which."""
    rows = design(seed, n=97)
    strata = list(
        zip(rows.scenario.tolist(), np.where(rows.positive ^ first, "b", "a").tolist(), strict=True)
    )
    original = assign_folds([str(i) for i in range(97)], strata, folds=5, seed=seed)
    again = dealt(
        rows.positive[:, None], numbered(rows.scenario), 5, np.random.default_rng(seed), positive_first=first
    )[:, 0]

    def cells(folds: list[str]) -> dict[tuple[object, ...], int]:
        found: dict[tuple[object, ...], int] = {}
        for stratum, fold in zip(strata, folds, strict=True):
            found[(*stratum, fold)] = found.get((*stratum, fold), 0) + 1
        return found

    assert cells(original) == cells([f"fold{number}" for number in again])
    assert original != [f"fold{number}" for number in again]


def test_cells_with_one_row_have_no_null_and_are_permuted_for_their_scatter() -> None:
    positive, scenario = np.arange(60) % 2 == 0, np.array([f"s{i // 5:02}" for i in range(60)])
    fold = np.array([f"fold{i % 5}" for i in range(60)])
    rows = Design(positive, scenario, fold)
    probed = of(rows, np.random.default_rng(0).normal(size=(60, 3)), "folds held")
    assert isinstance(probed, Probed)
    assert not probed.exchangeable
    assert probed.null is not None
    assert (probed.null.fold == probed.real.fold).all()
    for name in set(scenario):
        inside = scenario == name
        assert (probed.null.positive[inside].sum(axis=0) == positive[inside].sum()).all()
    found = probe_value(probed, rows)
    assert (found.null.kind, found.null.mean) == ("chance", 0.5)


def test_of_permuted_labels_a_few_features_are_chosen_anew() -> None:
    rows, rng = design(0, n=80), np.random.default_rng(3)
    x = dict.fromkeys(rows.folds, rng.normal(size=(80, 40)))
    found = sparse_probe(rows, x, 2, "folds held", 7)
    assert isinstance(found, Probed)
    assert found.null is not None
    for column in range(7):
        other = replace(rows, positive=found.null.positive[:, column])
        alone = sparse_probe(other, x, 2)
        assert isinstance(alone, Probed)
        assert np.array_equal(alone.real.scores[:, 0], found.null.scores[:, column])
    again = sparse_probe(rows, x, 2, "folds dealt again", 3)
    assert isinstance(again, Probed)
    assert again.null is not None
    assert (again.null.fold != again.real.fold).any()
    assert np.array_equal(again.real.scores, found.real.scores)


def test_scenarios_that_scatter_little_are_known_as_well_as_permuted_labels_reach() -> None:
    values, deviations = np.linspace(-3, 3, 199), np.ones(199)
    assert studentised_reach(2.0, values, deviations) == pytest.approx(
        2 * np.quantile(np.abs(values), 0.95, method="weibull")
    )
    few = np.where(np.arange(199) < 20, 1e-9, 1.0)  # a tenth lie at one half but for one scenario
    assert studentised_reach(2.0, np.where(few < 1, 0.5, values), few) < 2 * 4
    assert studentised_reach(0.0, values, deviations) == pytest.approx(
        studentised_reach(0.25, values, deviations)
    )
    assert studentised_reach(1.0, values, np.zeros(199)) == 0.0


@pytest.mark.parametrize("k", [1, 3])
def test_a_probe_of_a_few_latents_chooses_them_on_the_training_rows(k: int) -> None:
    from sklearn.linear_model import LogisticRegression

    rows, rng = design(0, n=100), np.random.default_rng(3)
    x = np.maximum(rng.normal(size=(100, 12)), 0) + np.outer(rows.positive, np.eye(12)[5])
    found = sparse_probe(rows, dict.fromkeys(rows.folds, x), k)
    assert isinstance(found, Probed)
    for name in rows.folds:
        train, y = rows.fold != name, rows.positive
        ranks = []
        for j in range(12):
            column = x[train, j]
            apart = abs(column[y[train]].mean() - column[~y[train]].mean())
            ranks.append((-apart / np.abs(column[column != 0]).mean(), j))
        chosen = [j for _, j in sorted(ranks)[:k]]
        assert furthest(x, y[:, None], train[:, None], k)[0].tolist() == chosen
        scaled = (x[:, chosen] - x[:, chosen].mean(axis=0)) / x[:, chosen].std(axis=0)
        one = LogisticRegression(class_weight="balanced", max_iter=10_000, tol=1e-10)
        one.fit(scaled[train], y[train])
        naive = one.decision_function(scaled[~train])
        assert np.allclose(found.real.scores[~train, 0], naive, atol=5e-3)


def test_one_latent_of_many_is_found_and_stands_beside_raw_dimensions() -> None:
    rows, rng = design(0, n=200), np.random.default_rng(0)
    noise = rng.normal(size=(200, 30))
    latents = noise + 4 * np.outer(rows.positive, np.eye(30)[7])

    def probed(k: int) -> tuple[Probe, Probe]:
        return sparse_probe(rows, dict.fromkeys(rows.folds, latents), k), sparse_probe(rows, dict.fromkeys(rows.folds, noise), k)  # fmt: skip

    subject = SimpleNamespace(design=rows, probe_sparsely=probed)
    found = value_of("sparse_probe_1", subject, "crossfit")  # type: ignore[arg-type]
    assert found is not None
    assert found.value > 0.95
    assert found.null.kind == "the same probe of 1 dimension of the raw activations"
    assert 0.3 < found.null.mean < 0.7


def test_a_fold_whose_scores_are_one_score_tells_nothing() -> None:
    """No chosen latent fires there: the scores differ from their mean by the last digit, all to one side, and must not lie a deviation beside other folds."""
    score, n = 0.1 + 0.2, 7
    assert np.full(n, score).mean() != score, "as it happens"
    fold = np.r_[np.zeros(n, dtype=np.int64), np.ones(4, dtype=np.int64)][:, None]
    scores = np.r_[np.full(n, score), [-2.0, -1.0, 1.0, 2.0]][:, None]
    found = standardised(Columns(np.ones(fold.shape, dtype=bool), fold, scores))[:, 0]
    assert found[:n].tolist() == [0.0] * n
    assert found[n:] == pytest.approx(np.array([-2, -1, 1, 2]) / np.sqrt(2.5))
    small = standardised(
        Columns(np.ones((2, 1), dtype=bool), np.zeros((2, 1), dtype=np.int64), np.array([[1e-9], [2e-9]]))
    )
    assert small[:, 0] == pytest.approx([-1.0, 1.0]), "small is not equal"
