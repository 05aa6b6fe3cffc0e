"""Every metric against the ten lines one would write by hand."""

from __future__ import annotations

import math
from statistics import mean
from types import SimpleNamespace

import numpy as np
import pytest

from hubkit.evaluate.values import measured, value_of
from hubkit.measures.bootstrap import RESAMPLES, normal_interval, percentile_interval, row_counts
from hubkit.measures.estimate import Estimate
from hubkit.measures.families.density import density
from hubkit.measures.reconstructed import Encoded, Reconstructed, Streamed
from hubkit.release.metrics import MetricValue


def value(name: str, *parts: Encoded) -> MetricValue:
    subject = SimpleNamespace(reconstructed=lambda _: Reconstructed(parts))
    return value_of(name, subject, "train")  # type: ignore[arg-type, return-value]


def number(name: str, *parts: Encoded) -> float:
    found = value(name, *parts).value
    return math.nan if found is None else found


MEASURES = ("explained_variance", "l0", "alive_share")


def encoded(seed: int, n: int = 40, mean: float = 0.0) -> Encoded:
    rng = np.random.default_rng(seed)
    x = (rng.normal(size=(n, 6)) * rng.uniform(0.5, 3, size=6) + mean).astype(np.float32)
    acts = np.maximum(rng.normal(size=(n, 9)) - rng.uniform(0, 3.2, size=9), 0).astype(np.float32)
    return Encoded(x, x + rng.normal(size=x.shape).astype(np.float32) * 0.3, acts)


def naive_explained(x: np.ndarray, x_hat: np.ndarray) -> float:
    means = [sum(float(row[j]) for row in x) / len(x) for j in range(x.shape[1])]
    lost = total = 0.0
    for row, guess in zip(x.tolist(), x_hat.tolist(), strict=True):
        for j, value in enumerate(row):
            lost += (value - guess[j]) ** 2
            total += (value - means[j]) ** 2
    return 1 - lost / total


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("mean", [0.0, 100.0])
def test_explained_variance(seed: int, mean: float) -> None:
    part = encoded(seed, mean=mean)
    assert number("explained_variance", part) == pytest.approx(naive_explained(part.x, part.x_hat), rel=1e-9)


def test_explained_variance_is_0_for_the_mean_and_1_for_the_rows() -> None:
    x, acts = encoded(0).x.astype(np.float64), encoded(0).acts
    centre, ones = np.broadcast_to(x.mean(axis=0), x.shape), np.ones((4, 2))
    assert number("explained_variance", Encoded(x, x, acts)) == 1.0
    assert number("explained_variance", Encoded(x, centre, acts)) == pytest.approx(0.0, abs=1e-12)
    assert math.isnan(number("explained_variance", Encoded(ones, ones, ones))), (
        "nothing varies, nothing to explain"
    )


@pytest.mark.parametrize("seed", range(5))
def test_l0_and_alive_share(seed: int) -> None:
    part = encoded(seed)
    fired = [sum(1 for act in row if act != 0) for row in part.acts.tolist()]
    alive = [any(act != 0 for act in column) for column in part.acts.T.tolist()]
    assert number("l0", part) == pytest.approx(sum(fired) / len(fired))
    assert number("alive_share", part) == pytest.approx(sum(alive) / len(alive))


NAIVE = {
    "mse": lambda x, y, z: mean((a - b) ** 2 for r, s in zip(x, y, strict=True) for a, b in zip(r, s, strict=True)),
    "mse_sum": lambda x, y, z: mean(sum((a - b) ** 2 for a, b in zip(r, s, strict=True)) for r, s in zip(x, y, strict=True)),
    "cosine": lambda x, y, z: mean(dot(r, s) / math.sqrt(dot(r, r) * dot(s, s)) for r, s in zip(x, y, strict=True)),
    "l2_ratio": lambda x, y, z: mean(math.sqrt(dot(s, s) / dot(r, r)) for r, s in zip(x, y, strict=True)),
    "relative_bias": lambda x, y, z: sum(dot(s, s) for s in y) / sum(dot(r, s) for r, s in zip(x, y, strict=True)),
    "l1": lambda x, y, z: mean(sum(abs(act) for act in row) for row in z),
    "dense_share": lambda x, y, z: mean(sum(act != 0 for act in column) > 0.1 * len(x) for column in zip(*z, strict=True)),
}  # fmt: skip


def dot(one: list[float], other: list[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", NAIVE)
def test_every_other_measure_by_hand(name: str, seed: int) -> None:
    part = encoded(seed, mean=2.0)
    naive = NAIVE[name](part.x.tolist(), part.x_hat.tolist(), part.acts.tolist())
    assert number(name, part) == pytest.approx(naive, rel=1e-6)
    found = value(name, part)
    assert found.interval is not None
    assert found.interval[0] <= found.value <= found.interval[1]


def test_a_perfect_and_a_shrunken_reconstruction() -> None:
    part = encoded(0)
    perfect, half = Encoded(part.x, part.x, part.acts), Encoded(part.x, part.x / 2, part.acts)
    found = {name: (number(name, perfect), number(name, half)) for name in NAIVE}
    assert found["mse"][0] == found["mse_sum"][0] == 0.0
    assert found["cosine"] == pytest.approx((1.0, 1.0))
    assert found["l2_ratio"] == pytest.approx((1.0, 0.5))
    assert found["relative_bias"] == pytest.approx((1.0, 0.5))
    assert found["mse_sum"][1] == pytest.approx(6 * found["mse"][1])
    nothing = Encoded(part.x, part.x * 0, part.acts)
    assert value("cosine", nothing).value is None, "a row that is said back as 0 has no direction"


def test_nan_stays_nan_and_is_written_as_null() -> None:
    part = encoded(0)
    part.x_hat[3, 2] = np.nan
    part.acts[3, 2] = np.nan
    for name in MEASURES:
        assert value(name, part).value is None
        assert "nan" in str(value(name, part).reason)


def test_values_of_one_part() -> None:
    part = encoded(1)
    assert number("explained_variance", part) == pytest.approx(naive_explained(part.x, part.x_hat))
    for one in (value(name, part) for name in MEASURES):
        assert (one.n, one.split) == (40, "train")
        assert one.value is not None
        assert one.interval is not None
        assert one.interval[0] <= one.value <= one.interval[1]


def test_values_of_several_parts_are_pooled() -> None:
    parts = [encoded(1, n=10), encoded(2, n=30)]
    values = {name: number(name, *parts) for name in MEASURES}
    x = np.concatenate([part.x for part in parts])
    assert values["explained_variance"] == pytest.approx(
        naive_explained(x, np.concatenate([part.x_hat for part in parts]))
    )
    assert values["l0"] == pytest.approx(
        float((np.concatenate([part.acts for part in parts]) != 0).sum(axis=1).mean())
    )
    assert values["alive_share"] == pytest.approx(
        (10 * number("alive_share", parts[0]) + 30 * number("alive_share", parts[1])) / 40
    )


def test_the_bootstrap_of_explained_variance_is_the_one_of_drawn_rows() -> None:
    from hubkit.measures.families.reconstruction import explained_resampled

    part = encoded(3)
    x = part.x.astype(np.float64)
    counts = row_counts([""] * len(x), "rows")
    fast = explained_resampled(Reconstructed((part,)))
    for resample in (0, 1, RESAMPLES - 1):
        drawn = np.repeat(np.arange(len(x)), counts[resample].astype(int))
        assert fast[resample] == pytest.approx(naive_explained(part.x[drawn], part.x_hat[drawn]))


@pytest.mark.parametrize("step", [1, 7, 40, 1024])
def test_what_is_made_anew_piece_by_piece_is_what_is_kept(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two parts, of rows far from 0: nothing may cancel, and no more than a piece of latents is asked for at once."""
    whole, asked = (encoded(4, mean=50.0), encoded(5, n=23, mean=50.0)), []
    kept = {name: value(name, *whole) for name in (*MEASURES, "mse", *NAIVE)}
    counted = density(SimpleNamespace(reconstructed=lambda _: Reconstructed(whole)), "train")  # type: ignore[arg-type]
    monkeypatch.setattr("hubkit.measures.reconstructed.STEP", step)

    def streamed(part: Encoded) -> Streamed:
        places = {row.tobytes(): at for at, row in enumerate(part.x)}

        def run(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            asked.append(len(x))
            chosen = [places[row.tobytes()] for row in x]
            return part.acts[chosen], part.x_hat[chosen]

        return Streamed(part.x, run)

    parts = tuple(streamed(part) for part in whole)
    for name, one in kept.items():
        found = value(name, *parts)  # type: ignore[arg-type]
        assert found.value == pytest.approx(one.value, rel=1e-12)
        assert found.interval == pytest.approx(one.interval, rel=1e-9)
    assert density(SimpleNamespace(reconstructed=lambda _: Reconstructed(parts)), "train") == counted  # type: ignore[arg-type]
    assert max(asked) == min(step, 40)


def test_rows_are_drawn_within_groups_and_the_same_every_time() -> None:
    groups = ["a"] * 3 + ["b"] * 5
    counts = row_counts(groups, "purpose")
    assert counts.shape == (RESAMPLES, 8)
    assert (counts[:, :3].sum(axis=1) == 3).all()
    assert (counts[:, 3:].sum(axis=1) == 5).all()
    assert (counts == row_counts(groups, "purpose")).all()
    assert (counts != row_counts(groups, "another")).any()


def test_intervals() -> None:
    assert percentile_interval(np.linspace(0, 1, 1001)) == pytest.approx((0.025, 0.975))
    assert percentile_interval(np.array([0.1, np.nan])) is None
    assert normal_interval(0.99, np.array([0.9, 1.0, 0.95])) == pytest.approx((0.99 - 1.96 * 0.05, 1.0))


def test_a_measure_outside_the_catalogue_is_refused() -> None:
    with pytest.raises(KeyError, match="no measure"):
        measured("loss_recovered", Estimate(1.0, 1), "train")
