"""Which rows an SAE sees: nothing here may depend on a library's random numbers, or on the label where it says so."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hubkit.release.folds import (
    CONTROL,
    draws_of,
    folder_of,
    rows_of,
    rows_sha256,
    scenario_folds,
    seed_draws,
    seed_of,
    without,
)
from hubkit.release.pool import PoolManifest


def pool(sizes: list[int], *, folds: int = 5, honest: float = 0.5, seed: int = 0) -> PoolManifest:
    """A pool of scenarios of these sizes, its labels drawn."""
    rng = np.random.default_rng(seed)
    scenarios = [f"s{number}" for number, size in enumerate(sizes) for _ in range(size)]
    rows: list[dict[str, Any]] = [
        {
            "completion_id": f"{scenario}/{number}",
            "scenario_id": scenario,
            "label": "honest" if rng.random() < honest else "deceptive",
            "split": f"fold{number % folds}",
        }
        for number, scenario in enumerate(scenarios)
    ]
    return PoolManifest.model_validate(
        {
            "model_name": "m", "model_revision": None, "model_class_name": "C", "d_in": 4, "n_layers": 2, "precision": "float32",
            "pooling": "last", "token_span": "response", "labels": ("honest", "deceptive"), "judge": "coin", "layers": [],
            "rows": rows, "inputs_sha256": "ab" * 32,
        }
    )  # fmt: skip


def test_a_scenario_is_held_out_whole() -> None:
    manifest = pool([20] * 12)
    folds = scenario_folds(manifest)
    of = {(row.scenario_id, fold) for row, fold in zip(manifest.rows, folds, strict=True)}
    assert len(of) == 12, "each scenario in one fold"
    assert sorted(set(folds)) == [f"scenarios{number}" for number in range(5)]
    assert max(Counter(folds).values()) <= 3 * 20


def test_both_labels_are_even_over_the_whole_scenario_folds() -> None:
    manifest = pool([30, 5, 17, 22, 9, 14, 31, 8, 12, 26, 19, 7], seed=3)
    counts = Counter(
        (fold, row.label) for row, fold in zip(manifest.rows, scenario_folds(manifest), strict=True)
    )
    for label in manifest.labels:
        sizes = [counts[f"scenarios{number}", label] for number in range(5)]
        assert max(sizes) - min(sizes) <= 8, sizes


@pytest.mark.parametrize(("scenarios", "folds"), [(1, 0), (2, 2), (4, 4), (9, 5)])
def test_there_are_no_more_folds_than_scenarios(scenarios: int, folds: int) -> None:
    assert len(set(scenario_folds(pool([10] * scenarios)))) == folds


@pytest.mark.parametrize("condition", ["mixed", "honest_only", "deceptive_only"])
def test_a_fold_takes_away_its_own_rows_and_no_others(condition: str) -> None:
    manifest = pool([13] * 7)
    everything = rows_of(manifest, condition)
    for draws in (manifest.folds, sorted(set(scenario_folds(manifest)))):
        without = np.array([everything & ~rows_of(manifest, condition, draw) for draw in draws])
        assert (without.sum(axis=0) == everything).all(), "every row is held out by just one of them"


def test_the_control_has_as_many_rows_of_each_scenario_and_never_asks_for_the_label() -> None:
    manifest = pool([40] * 6, honest=0.3)
    own, control = rows_of(manifest, "honest_only"), rows_of(manifest, "honest_only", CONTROL)
    scenario = np.array([row.scenario_id for row in manifest.rows])
    for name in set(scenario):
        assert own[scenario == name].sum() == control[scenario == name].sum()
    assert (own != control).any()
    # The same counts under other labels give the same rows.
    mirrored = pool([40] * 6, honest=0.3)
    by_scenario = {name: np.flatnonzero(scenario == name) for name in set(scenario)}
    rows = list(mirrored.rows)
    for members in by_scenario.values():
        for here, there in zip(members, members[::-1], strict=True):
            rows[here] = rows[here].model_copy(update={"label": manifest.rows[there].label})
    assert (rows_of(mirrored.model_copy(update={"rows": rows}), "honest_only", CONTROL) == control).all()


def test_what_is_trained_beside_a_published_sae() -> None:
    manifest = pool([10] * 3)
    folds, scenarios = [f"fold{n}" for n in range(5)], [f"scenarios{n}" for n in range(3)]
    assert draws_of(manifest, "mixed", scenarios=True, control=True) == [*folds, *scenarios]
    assert draws_of(manifest, "honest_only", scenarios=True, control=True) == [*folds, *scenarios, CONTROL]
    assert draws_of(manifest, "honest_only", scenarios=False, control=False) == folds


def test_another_seed_sees_the_same_rows_or_those_that_a_fold_leaves() -> None:
    manifest, work = pool([10] * 3), Path("work")
    assert seed_draws(3) == ["seed1", "seed2"]
    assert seed_draws(1) == []
    held_out = without("seed12", "fold0")
    assert (seed_of("seed12"), seed_of(held_out), seed_of("fold1"), seed_of("all")) == (12, 12, 0, 0)
    assert folder_of(work, held_out) == work / "seeds" / "seed12-without-fold0"
    for condition in ("mixed", "honest_only"):
        whole, left = rows_of(manifest, condition), rows_of(manifest, condition, "fold0")
        assert (rows_of(manifest, condition, "seed12") == whole).all()
        assert (rows_of(manifest, condition, held_out) == left).all()
        assert left.sum() < whole.sum()


def test_the_digest_is_of_the_rows_whatever_their_order() -> None:
    manifest = pool([10] * 3)
    chosen = rows_of(manifest, "honest_only")
    turned = manifest.model_copy(update={"rows": manifest.rows[::-1]})
    assert rows_sha256(turned, chosen[::-1]) == rows_sha256(manifest, chosen)
    assert rows_sha256(manifest, ~chosen) != rows_sha256(manifest, chosen)
