"""Folds: each row in one, strata dealt evenly, stable under reordering."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubkit.collect.folds import assign_folds
from hubkit.errors import UsageError

STRATA = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("xy")), min_size=6, max_size=80)


@given(strata=STRATA, folds=st.integers(2, 6), seed=st.integers(0, 9))
def test_strata_labels_and_sizes_are_even(strata: list[tuple[str, str]], folds: int, seed: int) -> None:
    ids = [str(row) for row in range(len(strata))]
    given_out = assign_folds(ids, strata, folds=folds, seed=seed)
    names = {f"fold{number}" for number in range(folds)}
    assert len(given_out) == len(ids)
    assert set(given_out) == names  # at least as many rows as folds: none is empty
    for rows in [
        range(len(ids)),
        *({r for r in range(len(ids)) if strata[r] == stratum} for stratum in set(strata)),
        *({r for r in range(len(ids)) if strata[r][1] == label} for label in "xy"),
    ]:
        sizes = Counter(given_out[row] for row in rows)
        assert max(sizes[name] for name in names) - min(sizes[name] for name in names) <= 1


@given(strata=STRATA, seed=st.integers(0, 9))
def test_the_order_of_the_rows_does_not_matter(strata: list[tuple[str, str]], seed: int) -> None:
    ids = [str(row) for row in range(len(strata))]
    forwards = dict(zip(ids, assign_folds(ids, strata, folds=3, seed=seed), strict=True))
    backwards = dict(zip(ids[::-1], assign_folds(ids[::-1], strata[::-1], folds=3, seed=seed), strict=True))
    assert forwards == backwards


def test_the_seed_matters() -> None:
    ids, strata = [str(row) for row in range(40)], [("a", "x")] * 40
    assert assign_folds(ids, strata, folds=5, seed=0) != assign_folds(ids, strata, folds=5, seed=1)


def test_too_few_rows_or_folds_are_refused() -> None:
    with pytest.raises(UsageError, match="3 decisive completions in 5 folds"):
        assign_folds(["a", "b", "c"], [("s", "x")] * 3, folds=5, seed=0)
    with pytest.raises(UsageError, match="at least 2 folds"):
        assign_folds(["a", "b", "c"], [("s", "x")] * 3, folds=1, seed=0)


def test_a_guess_from_the_label_counts_alone_is_at_chance() -> None:
    """What an intercept learns outside a fold is the majority there; folds of uneven labels turn it against the fold."""
    rng = np.random.default_rng(0)
    values = []
    for _ in range(200):
        labels = ["x", "y"] * 30
        rng.shuffle(labels)
        strata = [(f"s{row % 12:02d}", label) for row, label in enumerate(labels)]
        fold_of = np.array(assign_folds([str(row) for row in range(60)], strata, folds=5, seed=0))
        is_x = np.array([label == "x" for label in labels])
        guesses = np.zeros(60)
        for fold in set(fold_of):
            share = is_x[fold_of != fold].mean()
            guesses[fold_of == fold] = np.where(
                share == 0.5, rng.integers(0, 2, (fold_of == fold).sum()), share > 0.5
            )
        values.append((guesses[is_x].mean() + (1 - guesses[~is_x]).mean()) / 2)
    assert np.mean(values) == pytest.approx(0.5, abs=0.02)
