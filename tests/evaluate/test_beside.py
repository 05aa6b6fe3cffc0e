"""What stands beside a probe: control labels, probabilities, few features, random SAEs, texts."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from hubkit.evaluate.baselines import baselines, lengths_of, tf_idf
from hubkit.evaluate.calibrate import calibrated, platt
from hubkit.evaluate.few import component_probe, random_latent_probes, sparse_probe
from hubkit.evaluate.given import designed
from hubkit.evaluate.given_rows import GivenRows
from hubkit.evaluate.probe import probe
from hubkit.evaluate.untrained import random_latents
from hubkit.evaluate.values import densities_of, value_of, values_of
from hubkit.measures.control_labels import control_labels
from hubkit.measures.design import Design
from hubkit.measures.probed import Probed, aurocs, pairs
from hubkit.measures.reconstructed import Encoded, Reconstructed

pytestmark = pytest.mark.train  # scipy and scikit-learn come with the train extra


def rows(n: int = 120, scenarios: int = 6, seed: int = 0) -> Design:
    rng = np.random.default_rng(seed)
    return designed((rng.random(n) < 0.5).tolist(), [f"s{i % scenarios}" for i in range(n)])


def given(design: Design, x: np.ndarray, acts: np.ndarray | None = None, k: int | None = None) -> GivenRows:
    encoded = None if acts is None else Encoded(x, x, acts)
    return GivenRows(x.astype(np.float32), design, encoded, None, ("honest", "deceptive"), k)


def number(name: str, subject: Any) -> float:
    found = value_of(name, subject, "held_out")
    assert found is not None
    assert found.value is not None, found.reason
    return found.value


def test_a_label_that_goes_with_the_scenario_is_a_control_and_the_label_is_not() -> None:
    design, rng = rows(), np.random.default_rng(1)
    place = np.array([int(name[1:]) for name in design.scenario])
    of_scenario = np.eye(6)[place] + 0.05 * rng.normal(size=(120, 6))
    of_label = np.c_[design.positive + 0.05 * rng.normal(size=120), rng.normal(size=(120, 5))]
    knows, reads = given(design, of_scenario), given(design, of_label)
    assert number("control_task_balanced_accuracy", knows) > 0.95
    assert number("selectivity", knows) < -0.35
    assert number("control_task_balanced_accuracy", reads) < 0.65
    assert number("selectivity", reads) > 0.3


def test_control_labels_by_hand() -> None:
    design = rows()
    thrown = control_labels(design)
    assert not isinstance(thrown, str)
    for column in thrown.T:
        for name in set(design.scenario):
            assert len(set(column[design.scenario == name])) == 1
        assert all(len(set(column[design.fold != fold])) == 2 for fold in design.folds)
    x = np.random.default_rng(0).normal(size=(120, 5))
    subject = given(design, x)
    naive = []
    for column in thrown.T:
        other = Design(column, np.full(120, "all"), design.fold)
        predicted = probe(other, dict.fromkeys(other.folds, subject.x)).predicted  # type: ignore[union-attr]
        naive.append((predicted[column].mean() + (~predicted[~column]).mean()) / 2)
    assert number("control_task_balanced_accuracy", subject) == pytest.approx(np.mean(naive))
    assert "one scenario" in str(control_labels(rows(scenarios=1)))


def test_platt_is_the_least_cross_entropy_and_probabilities_never_saw_their_rows() -> None:
    from scipy.optimize import minimize

    rng = np.random.default_rng(0)
    scores, positive = rng.normal(size=80) * 4, rng.random(80) < 0.4
    scores += positive * 3
    target = np.where(positive, (positive.sum() + 1) / (positive.sum() + 2), 1 / ((~positive).sum() + 2))

    def loss(at: np.ndarray) -> float:
        values = at[0] * scores + at[1]
        return float((np.logaddexp(0, values) - target * values).sum())

    assert platt(scores, positive) == pytest.approx(minimize(loss, np.zeros(2), tol=1e-12).x, abs=1e-4)
    design, x = rows(), rng.normal(size=(120, 4))
    found = calibrated(design, dict.fromkeys(design.folds, x))
    assert not isinstance(found, str)
    chosen = design.fold == design.folds[0]
    flipped = Design(np.where(chosen, ~design.positive, design.positive), design.scenario, design.fold)
    again = calibrated(flipped, dict.fromkeys(design.folds, x))
    assert np.allclose(found[chosen], again[chosen]), (
        "the labels of a fold have no part in what is said of it"
    )


def test_brier_score_by_hand() -> None:
    design, rng = rows(), np.random.default_rng(2)
    subject = given(design, rng.normal(size=(120, 4)) + 2 * np.outer(design.positive, np.eye(4)[0]))
    value = value_of("probe_brier", subject, "held_out")
    assert value is not None
    naive = sum((p - y) ** 2 for p, y in zip(subject.calibrated, design.positive, strict=True)) / 120  # type: ignore[arg-type]
    assert value.value == pytest.approx(naive)
    assert value.value < value.null_mean == pytest.approx(0.25, abs=0.01)
    assert value.interval[1] < value.null_mean
    noise = value_of("probe_brier", given(design, rng.normal(size=(120, 4))), "held_out")
    assert abs(noise.value - noise.null_mean) < 0.02, "said of noise, the share itself"


def test_an_auroc_counts_every_pair_of_a_scenario() -> None:
    design = rows()
    naive = sum(
        design.scenario[i] == design.scenario[j]
        for i in np.flatnonzero(design.positive)
        for j in np.flatnonzero(~design.positive)
    )
    assert pairs(design) == naive
    value = value_of("probe_auroc", given(design, np.random.default_rng(0).normal(size=(120, 3))), "held_out")
    assert value.n_pairs == naive


def test_rows_on_which_no_chosen_latent_fires_are_tied() -> None:
    design = rows()
    x = np.where(np.random.default_rng(0).random((120, 1)) < 0.2, 1.0, 0.0)
    found = sparse_probe(design, dict.fromkeys(design.folds, x), 1)
    naive = total = 0.0
    for name in set(design.scenario):
        ones = x[(design.scenario == name) & design.positive, 0]
        zeros = x[(design.scenario == name) & ~design.positive, 0]
        weight = len(ones) * len(zeros) / (len(ones) + len(zeros))
        naive += weight * sum((a > b) + (a == b) / 2 for a in ones for b in zeros) / (len(ones) * len(zeros))
        total += weight
    assert isinstance(found, Probed)
    one_sign = Probed(type(found.real)(found.real.positive, np.zeros((120, 1), dtype=int), x))
    assert aurocs(one_sign.real, design)[0] == pytest.approx(naive / total)
    noisy = type(found.real)(
        found.real.positive, np.zeros((120, 1), dtype=int), x + 1e-13 * np.arange(120)[:, None]
    )
    assert aurocs(noisy, design)[0] == pytest.approx(naive / total), "the last digits are no order"


@pytest.mark.parametrize("width", [8, 200])
def test_principal_components_are_those_of_the_training_rows(width: int) -> None:
    from sklearn.decomposition import PCA
    from sklearn.linear_model import LogisticRegression

    design, rng = rows(80), np.random.default_rng(0)
    x = rng.normal(size=(80, width)) * np.linspace(5, 0.5, width) + 3
    found = component_probe(design, dict.fromkeys(design.folds, x), 3)
    assert isinstance(found, Probed)
    for fold in design.folds:
        train = design.fold != fold
        z = PCA(3, svd_solver="full").fit(x[train]).transform(x)
        z = (z - z.mean(axis=0)) / z.std(axis=0)
        one = LogisticRegression(class_weight="balanced", solver="newton-cholesky", tol=1e-12).fit(
            z[train], design.positive[train]
        )
        assert np.allclose(found.real.scores[~train, 0], one.decision_function(z[~train]), atol=1e-5)


def test_random_latents_fire_as_often_and_are_others() -> None:
    design, rng = rows(200), np.random.default_rng(0)
    often = np.repeat([0.05, 0.5], 60)
    acts = (rng.random((200, 120)) < often) * rng.exponential(size=(200, 120))
    acts[:, 7] += design.positive * 0.0 + (design.positive & (rng.random(200) < 0.1)) * 3.0
    several = random_latent_probes(design, dict.fromkeys(design.folds, acts), 1)
    assert len(several) == 5
    planted = acts.copy()
    planted[:, 100] += 9 * design.positive
    subject = given(design, acts, planted)
    assert number("sparse_probe_1", subject) > 0.95
    assert number("sparse_random_1", subject) < 0.7, "the planted latent is never the one that is drawn"
    assert value_of("sparse_components_1", subject, "held_out") is None
    assert value_of("sparse_random_1", given(design, acts), "held_out") is None


@pytest.mark.parametrize("each_row", [True, False])
def test_an_sae_that_nobody_trained_fires_as_often(each_row: bool) -> None:
    x = np.random.default_rng(0).normal(size=(100, 12)).astype(np.float32) + 5
    acts = random_latents(x, 64, 8, each_row=each_row)
    fired = (acts != 0).sum(axis=1)
    assert fired.mean() == 8
    assert (len(set(fired.tolist())) == 1) == each_row
    assert (acts >= 0).all()
    assert np.array_equal(acts, random_latents(x, 64, 8, each_row=each_row)), "seeded"
    assert not np.array_equal(acts, random_latents(x, 64, 8, each_row=each_row, seed=1))
    assert np.allclose(acts, random_latents(x + 7, 64, 8, each_row=each_row), atol=1e-3), "around the mean"


def test_texts_lengths_and_scenarios_are_baselines() -> None:
    design = rows()
    texts = [f"{'yes' if one else 'no'} it is {i % 7}" for i, one in enumerate(design.positive)]
    found = {
        one.representation.removeprefix("all ").split()[0]: one.values[0]
        for one in baselines(design, texts, None)
    }
    assert found["words"].value > 0.95
    assert found["words"].p_value == 0.01
    assert 0.35 < found["the"].value < 0.65
    assert found["embedding"].reason.startswith("the pool keeps no activations of the embedding")
    assert "no texts" in baselines(design, None, None)[1].values[0].reason
    assert lengths_of(["", "two words"]).tolist() == [[0.0, 0.0], [np.log(10), np.log(3)]]
    assert tf_idf(["!", "?"]).shape == (2, 1)
    confounded = Design(np.arange(120) % 6 < 3, np.array([f"s{i % 6}" for i in range(120)]), design.fold)
    alone = baselines(confounded, texts, None)[3].values[0]
    assert alone.value > 0.95, "where a label goes with a scenario, the scenario tells it"
    assert "confounded" in baselines(confounded, texts, None)[1].values[0].reason


def test_latents_by_how_often_they_fire_by_hand() -> None:
    acts = np.zeros((1000, 5))
    for latent, times in enumerate((0, 1, 9, 101, 1000)):
        acts[:times, latent] = 1.0
    part = Encoded(acts, acts, acts)
    (found,) = densities_of(SimpleNamespace(reconstructed=lambda _: Reconstructed((part,))), ["held_out"])  # type: ignore[arg-type]
    assert (found.n, found.latents, found.dead, found.dense) == (1000, 5, 1, 2)
    inside = [(low, count) for low, count in zip(found.edges, found.counts, strict=False) if count]
    assert inside == [(-3.0, 1), (-2.5, 1), (-1.0, 1), (-0.5, 1)]


def test_rows_of_one_label_have_values_of_their_own() -> None:
    design, rng = rows(), np.random.default_rng(0)
    x = rng.normal(size=(120, 4)).astype(np.float32)
    acts = np.maximum(rng.normal(size=(120, 6)), 0).astype(np.float32)
    subject = GivenRows(x, design, Encoded(x, x * 0.5, acts), labels=("honest", "deceptive"))
    values = {(v.measure, v.label): v for v in values_of(subject, ["held_out"])}
    for label, chosen in (("honest", design.positive), ("deceptive", ~design.positive)):
        assert values["l0", label].value == pytest.approx((acts[chosen] != 0).sum(axis=1).mean())
        assert values["mse", label].value == pytest.approx((x[chosen] ** 2).mean() / 4)
        lost, total = (x[chosen] ** 2).sum() / 4, ((x[chosen] - x[chosen].mean(axis=0)) ** 2).sum()
        assert values["explained_variance", label].value == pytest.approx(1 - lost / total, rel=1e-5)
        assert values["l0", label].n == chosen.sum()


PAIRS = [
    (60, 40, "60 rows, one of ten of one label", 0.1),
    (38, 6144, "38 rows of 6,144 latents", 0.5),
]


@pytest.mark.parametrize(("n", "d_sae", "why", "share"), PAIRS, ids=[one[2] for one in PAIRS])
def test_few_rows_give_every_measure_a_value_or_a_reason(n: int, d_sae: int, why: str, share: float) -> None:
    rng = np.random.default_rng(0)
    positive = np.arange(n) < share * n
    design = designed(rng.permutation(positive).tolist(), [f"s{i % 3}" for i in range(n)])
    acts = ((rng.random((n, d_sae)) < 0.02) * rng.exponential(size=(n, d_sae))).astype(np.float32)
    x = rng.normal(size=(n, 8)).astype(np.float32)
    values = {v.measure: v for v in values_of(given(design, x, acts, None), ["held_out"])}
    for name, value in values.items():
        assert value.value is not None or value.reason, (name, why)
    probed = values["probe_balanced_accuracy"]
    if share < 0.5:
        assert probed.value is None
        assert "rows of the rarer label" in probed.reason
        assert "rows of the rarer label" in values["sparse_probe_1"].reason
        assert "rows of the rarer label" in values["probe_brier"].reason
    else:
        assert probed.interval[1] - probed.interval[0] > 0.25, "so few rows say little, and say so"
        assert probed.detectable > 0.2
        assert values["d_max"].value < values["d_max"].null_point * 1.3


def test_perfect_separation_is_known_to_no_more_than_the_rows_say() -> None:
    design, rng = rows(), np.random.default_rng(0)
    acts = np.maximum(np.c_[np.where(design.positive, 5.0, 0.0), rng.normal(size=(120, 30))], 0)
    values = {v.measure: v for v in values_of(given(design, rng.normal(size=(120, 4)), acts), ["held_out"])}
    for name in ("probe_balanced_accuracy", "probe_auroc", "sparse_probe_1", "sparse_probe_20"):
        assert values[name].value == pytest.approx(1.0), name
        assert values[name].interval[0] < 0.99, name
    assert values["probe_brier"].value < 0.01
