"""Latents of several seeds: planted ones are found again, random ones lie on their null, the seed is the unit."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from hubkit.evaluate.values import value_of
from hubkit.measures.matching import (
    Dictionary,
    Reseeded,
    agreement,
    firing_together,
    matched,
    random_dictionary,
    random_like,
    shared,
    unit,
)

pytestmark = pytest.mark.train  # scipy comes with the train extra


def dictionary(directions: np.ndarray, acts: np.ndarray) -> Dictionary:
    return Dictionary.of(directions, directions, acts)


def planted(seed: int, noise: float = 0.0, m: int = 24, d: int = 16, n: int = 60) -> list[Dictionary]:
    """One dictionary three times, each in an order of its own and a little off."""
    rng = np.random.default_rng(seed)
    true, acts = rng.normal(size=(m, d)), np.maximum(rng.normal(size=(n, m)), 0)
    found = []
    for _ in range(3):
        order = rng.permutation(m)
        found.append(dictionary(true[order] + noise * rng.normal(size=(m, d)), acts[:, order]))
    return found


def tied(directions: np.ndarray, rows: np.ndarray, share: float) -> Dictionary:
    """Latents that fire where a direction is read from the rows, on so many of them in all."""
    acts = rows @ unit(directions).T
    return dictionary(directions, np.where(acts >= np.quantile(acts, 1 - share), acts, 0))


def asked(seeds: list[Dictionary], rows: np.ndarray, name: str = "seed_agreement"):  # type: ignore[no-untyped-def]
    found = Reseeded(tuple(seeds), rows, rows)
    return value_of(name, SimpleNamespace(reseeded=found, reseeded_unseen=None), "train")  # type: ignore[arg-type]


def asked_unseen(seeds: list[Dictionary], trained: np.ndarray, rows: np.ndarray, split: str = "crossfit"):  # type: ignore[no-untyped-def]
    found = Reseeded(tuple(seeds), trained, rows)
    subject = SimpleNamespace(reseeded=None, reseeded_unseen=found)
    return value_of("seed_activation_agreement", subject, split)  # type: ignore[arg-type]


def test_the_matching_has_the_largest_sum_of_all() -> None:
    rng = np.random.default_rng(0)
    for m, other in ((4, 4), (3, 5), (5, 3)):
        one, two = unit(rng.normal(size=(m, 3))), unit(rng.normal(size=(other, 3)))
        cosines = one @ two.T
        wide = cosines if m <= other else cosines.T
        best = max(
            sum(wide[row, column] for row, column in enumerate(columns))
            for columns in itertools.permutations(range(wide.shape[1]), wide.shape[0])
        )
        found = matched(one, two)
        assert len(found.one) == min(m, other)
        assert found.cosines.sum() == pytest.approx(best)


def test_a_planted_dictionary_comes_back_whatever_its_order() -> None:
    seeds = planted(1)
    for name in ("seed_agreement", "seed_shared", "seed_activation_agreement"):
        value = asked(seeds, np.random.default_rng(0).normal(size=(60, 16)), name)
        assert value.value == pytest.approx(1.0)
        assert value.interval == pytest.approx((1.0, 1.0))
        assert value.n == 3
        assert value.null_level < 0.8


def test_random_dictionaries_lie_on_their_null() -> None:
    rng = np.random.default_rng(2)
    rows = rng.normal(size=(200, 32))
    seeds = [tied(rng.normal(size=(120, 32)), rows, 0.1) for _ in range(3)]
    value = asked(seeds, rows)
    assert value.value == pytest.approx(value.null_level, abs=0.03)
    low, _ = value.interval
    assert low < value.null_level, "not above it"
    assert asked(seeds, rows, "seed_shared").value == 0.0
    together = asked(seeds, rows, "seed_activation_agreement")
    assert together.value > 0.2, "near directions fire together, whoever drew them"
    assert together.value == pytest.approx(together.null_level, abs=0.05)
    low, _ = together.interval
    assert low < together.null_level, "not above it"


def test_where_the_rows_lie_near_a_plane_random_directions_of_it_correlate_too() -> None:
    """Isotropic directions know no plane: what correlates there by chance, those of the covariance say."""
    rng = np.random.default_rng(9)
    rows = rng.normal(size=(300, 2)) @ rng.normal(size=(2, 32)) + 0.05 * rng.normal(size=(300, 32))
    seeds = [tied(rng.normal(size=(40, 300)) @ (rows - rows.mean(axis=0)), rows, 0.3) for _ in range(3)]
    value = asked(seeds, rows, "seed_activation_agreement")
    assert value.value > 0.8
    assert value.null_kind == "random directions of the activations' covariance"
    assert value.value == pytest.approx(value.null_level, abs=0.05)
    assert (value.null.n, value.null.std > 0) == (3, True)


def test_a_random_dictionary_fires_as_often_as_the_one_it_stands_beside() -> None:
    rng = np.random.default_rng(10)
    rows, trained = rng.normal(size=(50, 16)), rng.normal(size=(80, 16)) + 1
    like = tied(rng.normal(size=(24, 16)), rows, 0.1)
    found = random_dictionary(like, None, Reseeded((like,), trained, rows), rng)
    assert np.count_nonzero(found.acts) == np.count_nonzero(like.acts)
    on = found.acts != 0
    expected = (rows - trained.mean(axis=0)) @ found.encoder.T
    assert found.acts[on] == pytest.approx(expected[on])
    assert expected[~on].max() <= found.acts[on].min()
    assert np.linalg.norm(found.decoder, axis=1) == pytest.approx(np.ones(24))
    silent = Dictionary(like.decoder, like.encoder, np.zeros_like(like.acts))
    assert not random_dictionary(silent, None, Reseeded((like,), trained, rows), rng).acts.any()


def test_directions_of_the_datas_own_covariance_are_the_harder_null() -> None:
    """Rows that lie near a plane: random directions there agree well, isotropic ones do not."""
    rng = np.random.default_rng(3)
    rows = rng.normal(size=(300, 2)) @ rng.normal(size=(2, 32)) + 0.05 * rng.normal(size=(300, 32))
    narrow = [rng.normal(size=(40, 300)) @ (rows - rows.mean(axis=0)) for _ in range(3)]
    acts = np.maximum(rng.normal(size=(60, 40)), 0)
    value = asked([dictionary(one, acts) for one in narrow], rows)
    assert value.value > 0.8
    assert value.null_kind == "random directions of the activations' covariance"
    assert value.value == pytest.approx(value.null_level, abs=0.03)
    isotropic = random_like(None, (40, 40), 32, rng)
    assert isotropic < 0.6


@pytest.mark.parametrize(("d", "m", "expected"), [(128, 1024, 0.272)])
def test_the_isotropic_null_is_the_published_one(d: int, m: int, expected: float) -> None:
    assert random_like(None, (m, m), d, np.random.default_rng(0)) == pytest.approx(expected, abs=0.002)


def test_signs_count_and_latents_that_never_fire_do_not() -> None:
    one = planted(4)[0]
    assert agreement(one, Dictionary(-one.decoder, one.encoder, one.acts)) < 0.7
    acts = one.acts.copy()
    acts[:, :5] = 0
    fewer = Dictionary.of(one.decoder, one.encoder, acts)
    assert fewer.decoder.shape == (19, 16)
    assert agreement(one, fewer) == pytest.approx(1.0)
    assert shared(one, fewer) == 1.0


def test_encoders_have_to_agree_too() -> None:
    one = planted(5)[0]
    other = Dictionary(one.decoder, np.roll(one.encoder, 1, axis=0), one.acts)
    assert agreement(one, other) == pytest.approx(1.0)
    assert shared(one, other) == 0.0


def test_activations_correlate_as_numpy_has_it() -> None:
    one, other, _ = planted(6, noise=0.05)
    value, chance = firing_together(one, other)
    pairs = matched(one.decoder, other.decoder)
    naive = [
        np.corrcoef(one.acts[:, a], other.acts[:, b])[0, 1]
        for a, b in zip(pairs.one, pairs.other, strict=True)
    ]
    assert value == pytest.approx(np.mean(naive))
    assert chance < 0.2
    still = Dictionary(one.decoder, one.encoder, np.ones_like(one.acts))
    assert firing_together(still, other) == (0.0, 0.0)


def test_pairs_that_fire_on_none_of_the_rows_say_nothing() -> None:
    one, other, _ = planted(11, noise=0.05)
    pairs = matched(one.decoder, other.decoder)
    acts, partners = one.acts.copy(), other.acts.copy()
    acts[:, pairs.one[:10]] = partners[:, pairs.other[:10]] = 0
    partners[:, pairs.other[10]] = 0
    value, _ = firing_together(replace(one, acts=acts), replace(other, acts=partners))
    left = [
        np.corrcoef(one.acts[:, a], other.acts[:, b])[0, 1]
        for a, b in zip(pairs.one[11:], pairs.other[11:], strict=True)
    ]
    assert value == pytest.approx(np.sum(left) / (len(left) + 1)), "one that fires alone counts as 0"


def test_what_agrees_on_the_training_rows_is_asked_of_rows_that_no_seed_has_seen() -> None:
    rng = np.random.default_rng(12)
    true, trained, rows = rng.normal(size=(24, 16)), rng.normal(size=(60, 16)), rng.normal(size=(40, 16))
    seen, unseen = (np.maximum(some @ unit(true).T, 0) for some in (trained, rows))
    orders = [rng.permutation(24) for _ in range(3)]
    same = [Dictionary.of(true[order], true[order], seen[:, order], unseen[:, order]) for order in orders]
    value = asked_unseen(same, trained, rows)
    assert (value.split, value.n) == ("crossfit", 3)
    assert value.value == pytest.approx(1.0)
    assert value.null_level < 0.9
    other = [np.maximum(rng.normal(size=(40, 24)), 0) for _ in orders]
    learned = [
        Dictionary.of(true[order], true[order], seen[:, order], by_heart)
        for order, by_heart in zip(orders, other, strict=True)
    ]
    assert abs(asked_unseen(learned, trained, rows).value) < 0.1, "the decoders are the same, and say nothing"
    assert asked_unseen(same, trained, rows, "train") is None, "one of the two"
    found = SimpleNamespace(reseeded=Reseeded(tuple(same), trained, trained), reseeded_unseen=None)
    assert value_of("seed_activation_agreement", found, "crossfit") is None  # type: ignore[arg-type]


def test_rows_that_no_seed_has_seen_may_be_too_few_or_silent() -> None:
    seeds = planted(13)
    short = [replace(one, acts=one.acts[:2]) for one in seeds]
    value = asked_unseen(short, np.zeros((60, 16)), np.zeros((2, 16)))
    assert value.reason == "2 rows that no seed has seen: too few to correlate on"
    silent = [replace(one, acts=0 * one.acts) for one in seeds]
    value = asked_unseen(silent, np.zeros((60, 16)), np.zeros((60, 16)))
    assert value.reason == "no matched latent fires on the 60 rows that no seed has seen"


def test_the_interval_leaves_out_a_seed_with_all_of_its_pairs() -> None:
    from scipy.stats import t

    seeds = planted(7, noise=0.4)
    a, b, c = (agreement(seeds[i], seeds[j]) for i, j in ((0, 1), (0, 2), (1, 2)))
    left = np.array([c, b, a])
    error = math.sqrt(2 / 3 * ((left - left.mean()) ** 2).sum())
    reach = t.ppf(0.975, 2) * error
    value = asked(seeds, np.random.default_rng(0).normal(size=(60, 16)))
    assert value.value == pytest.approx(np.mean([a, b, c]))
    assert value.interval == pytest.approx((np.mean([a, b, c]) - reach, min(1.0, np.mean([a, b, c]) + reach)))
    two = asked(seeds[:2], np.random.default_rng(0).normal(size=(60, 16)))
    assert (two.n, two.interval) == (2, None)


def test_what_cannot_be_matched_has_its_reason() -> None:
    rows = np.zeros((5, 16))
    assert value_of("seed_agreement", SimpleNamespace(reseeded=None, reseeded_unseen=None), "train") is None  # type: ignore[arg-type]
    dead = Dictionary.of(np.ones((3, 16)), np.ones((3, 16)), np.zeros((5, 3)))
    value = asked([*planted(8)[:1], dead], rows)
    assert value.value is None
    assert value.reason == "an SAE of another seed has no latent that fires on these rows"
