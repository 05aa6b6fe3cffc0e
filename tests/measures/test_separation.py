"""Cohen's d of many latents and labellings at once, against one after the other; and what the largest is where labels mean nothing."""

from __future__ import annotations

import math
from statistics import mean, variance
from types import SimpleNamespace

import numpy as np
import pytest

from hubkit.measures.catalogue import get
from hubkit.measures.estimate import Estimate, NotMeasured
from hubkit.measures.separation import (
    Labelled,
    effect_of_each,
    effects,
    largest,
    strongest,
    strongest_resampled,
)

N, M = 60, 40


def acts(seed: int, n: int = N, m: int = M, mean: float = 0.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (np.maximum(rng.normal(size=(n, m)) - rng.uniform(0, 1, size=m), 0) + mean).astype(np.float32)


def naive_d(values: list[float], positive: list[bool]) -> float:
    ones = [v for v, y in zip(values, positive, strict=True) if y]
    zeros = [v for v, y in zip(values, positive, strict=True) if not y]
    pooled = ((len(ones) - 1) * variance(ones) + (len(zeros) - 1) * variance(zeros)) / (len(values) - 2)
    return (mean(ones) - mean(zeros)) / math.sqrt(pooled)


@pytest.mark.parametrize("offset", [0.0, 1000.0])
def test_d_of_each_latent_and_labelling(offset: float) -> None:
    z, rng = acts(0, mean=offset), np.random.default_rng(1)
    columns = np.stack([rng.permutation(N) < 25 for _ in range(3)], axis=1)
    found = np.concatenate([block for _, block in effects(z, columns)], axis=1)
    for b in range(3):
        naive = [naive_d(z[:, j].astype(float).tolist(), columns[:, b].tolist()) for j in range(M)]
        assert np.allclose(found[b], naive, rtol=1e-4, atol=1e-5)
        best, which = largest(z, columns)
        assert which[b] == int(np.abs(naive).argmax())
        assert best[b] == pytest.approx(naive[which[b]], rel=1e-4)
        assert effect_of_each(z, columns, which)[b] == pytest.approx(naive[which[b]], rel=1e-6)


def test_blocks_of_latents_are_one_maximum(monkeypatch: pytest.MonkeyPatch) -> None:
    z, positive = acts(2), (np.arange(N) < 30)[:, None]
    whole = largest(z, positive)
    monkeypatch.setattr("hubkit.measures.separation.BLOCK", 7)
    found = largest(z, positive)
    assert found[0] == pytest.approx(whole[0], rel=1e-5)
    assert found[1].tolist() == whole[1].tolist()


def test_the_strongest_of_resamples_are_those_of_the_rows_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    z, positive, rng = acts(5, mean=3.0), np.arange(N) < 25, np.random.default_rng(6)
    z[:, 7] = np.where(
        positive, 9.0, 2.0
    )  # within the labels it does not vary: nothing tells them apart further
    z[:, 8] = 4.0 * (np.arange(N) < 5)  # on some resamples it does not fire
    counts = rng.multinomial(N, np.full(N, 1 / N), size=20).astype(np.uint16)
    counts[0], counts[1, :5] = 1, 0
    part = Labelled.of(z, positive)
    monkeypatch.setattr("hubkit.measures.separation.BLOCK", 7)
    found = strongest_resampled(part, 6, counts)
    assert found[0].tolist() == strongest(part, 6)[0].tolist()
    for row, times in zip(found, counts, strict=True):
        drawn = np.repeat(np.arange(N), times)
        naive = [
            math.inf if j == 7 else 0.0 if np.ptp(z[drawn, j]) == 0
            else abs(naive_d(z[drawn, j].astype(float).tolist(), positive[drawn].tolist()))
            for j in range(M)
        ]  # fmt: skip
        assert row.tolist() == np.argsort(-np.array(naive), kind="stable")[:6].tolist()


def test_a_resample_of_one_label_and_few_latents_have_no_strongest() -> None:
    z, positive = acts(7, m=4), np.arange(N) < 25
    counts = np.ones((2, N), dtype=np.uint16)
    counts[1, 25:] = 0
    found = strongest_resampled(Labelled.of(z, positive), 6, counts)
    assert sorted(found[0].tolist()) == [-1, -1, 0, 1, 2, 3]
    assert found[1].tolist() == [-1] * 6


def test_latents_that_are_constant_or_hardly_fire_are_not_looked_at() -> None:
    z = acts(3)
    z[:, 0], z[:, 1] = 2.0, 0.0
    z[:4, 1] = 5.0
    labelled = Labelled(z, np.arange(N) < 30, np.zeros(N, dtype=np.int64))
    assert not {0, 1} & set(labelled.looked_at().tolist())
    assert largest(np.full((N, 3), 2.0), (np.arange(N) < 30)[:, None])[0].tolist() == [0.0]


def measured(name: str, z: np.ndarray, positive: np.ndarray, strata: np.ndarray | None = None) -> Estimate:
    within = np.zeros(len(z), dtype=np.int64) if strata is None else strata
    fold = np.arange(len(z)) % 3

    def part(chosen: np.ndarray) -> Labelled:
        return Labelled(z[chosen], positive[chosen], within[chosen])

    subject = SimpleNamespace(
        labelled=lambda _: (part(fold < 3),),
        labelled_folds=lambda: [(part(fold != one), part(fold == one)) for one in range(3)],
    )
    found = get(name).compute(subject, "held_out")  # type: ignore[misc, arg-type]
    assert found is not None
    return found


def test_a_maximum_over_noise_is_no_more_than_noise_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hubkit.measures.families.latents.DRAWS", 99)
    found = [
        measured(name, acts(seed), np.random.default_rng(seed).random(N) < 0.5).null.p_value  # type: ignore[union-attr]
        for seed in range(40)
        for name in ("d_max", "d_unseen")
    ]
    assert np.mean(np.array(found) <= 0.05) <= 0.13
    assert 0.35 < np.mean(found) < 0.65


def test_a_latent_that_tells_the_labels_apart_is_found_with_its_sign() -> None:
    positive = np.random.default_rng(0).random(N) < 0.5
    z = acts(4)
    z[:, 7] += np.where(positive, 0.0, 2.5)
    largest_one, carried = measured("d_max", z, positive), measured("d_unseen", z, positive)
    for found in (largest_one, carried):
        assert found.null is not None
        assert found.value > found.null.quantiles["0.95"]
        assert found.null.p_value == 0.001
        assert found.interval[0] < found.value < found.interval[1]  # type: ignore[index]
    assert carried.value > 1.5, "positive where the sign is kept, whichever it is"


def test_what_the_label_chose_has_no_permutation_and_one_row_a_cell_none_either() -> None:
    nothing = SimpleNamespace(labelled=lambda _: None, labelled_folds=lambda: None)
    for name in ("d_max", "d_unseen"):
        assert get(name).compute(nothing, "crossfit") is None  # type: ignore[misc, arg-type]
        with pytest.raises(NotMeasured, match="none to permute"):
            measured(name, acts(5), np.arange(N) % 2 == 0, np.arange(N))


def test_how_many_latents_are_beyond_1_and_the_largest_auroc() -> None:
    """Against one after the other, with latents that tie and fire for the other label."""
    from hubkit.measures.separation import count_beyond, largest_auroc

    z, rng = acts(5), np.random.default_rng(2)
    columns = np.stack([rng.permutation(N) < 25 for _ in range(3)], axis=1)
    z[:, 0] = 3.0 * ~columns[:, 1]
    for b in range(3):
        naive = [abs(naive_d(z[:, j].astype(float).tolist(), columns[:, b].tolist())) for j in range(1, M)]
        beyond = sum(one > 0.2 for one in naive)
        assert count_beyond(z[:, 1:], columns, 0.2)[b] == beyond
        one, two = z[columns[:, b]].T, z[~columns[:, b]].T
        each = [
            np.mean([(a > c) + (a == c) / 2 for a in one[j] for c in two[j]], dtype=float) for j in range(M)
        ]
        assert largest_auroc(z, columns)[b] == pytest.approx(max(max(a, 1 - a) for a in each), abs=1e-12)
    assert largest_auroc(z, columns)[1] == 1.0
    assert count_beyond(np.full((N, 3), 2.0), columns, 1.0).tolist() == [0.0, 0.0, 0.0]


def test_counts_and_aurocs_stand_beside_those_of_permuted_labels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hubkit.measures.families.latents.DRAWS", 99)
    positive = np.arange(N) % 2 == 0
    noise = [measured(name, acts(6), positive) for name in ("d_above_1", "auroc_max")]
    assert [one.null is not None and (one.null.p_value or 0) > 0.05 for one in noise] == [True, True]
    z = acts(6)
    z[positive, :3] += 3.0
    count, best = (measured(name, z, positive) for name in ("d_above_1", "auroc_max"))
    assert count.value >= 3
    assert count.null is not None
    assert count.null.p_value == pytest.approx(0.01)
    each = np.array([abs(naive_d(z[:, j].astype(float).tolist(), positive.tolist())) for j in range(M)])
    reach = 1.959964 * np.sqrt(4 / N + each**2 / (2 * N))
    assert count.value == (each > 1).sum()
    assert count.interval == ((each - reach > 1).sum(), (each + reach > 1).sum())
    assert best.interval is not None
    assert 0.9 < best.interval[0] < best.value <= best.interval[1] <= 1.0
