"""Every metric against the ten lines one would write by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from hubkit.evaluate.bootstrap import RESAMPLES, normal_interval, percentile_interval, row_counts
from hubkit.evaluate.reconstruction import Encoded, alive_share, explained_variance, l0, reconstruction_values
from hubkit.evaluate.values import measured


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
    assert explained_variance(part.x, part.x_hat) == pytest.approx(
        naive_explained(part.x, part.x_hat), rel=1e-9
    )


def test_explained_variance_is_0_for_the_mean_and_1_for_the_rows() -> None:
    x = encoded(0).x.astype(np.float64)
    assert explained_variance(x, x) == 1.0
    assert explained_variance(x, np.broadcast_to(x.mean(axis=0), x.shape)) == pytest.approx(0.0, abs=1e-12)
    assert math.isnan(explained_variance(np.ones((4, 2)), np.ones((4, 2)))), (
        "nothing varies, nothing to explain"
    )


@pytest.mark.parametrize("seed", range(5))
def test_l0_and_alive_share(seed: int) -> None:
    acts = encoded(seed).acts
    fired = [sum(1 for value in row if value != 0) for row in acts.tolist()]
    alive = [any(value != 0 for value in column) for column in acts.T.tolist()]
    assert l0(acts) == pytest.approx(sum(fired) / len(fired))
    assert alive_share(acts) == pytest.approx(sum(alive) / len(alive))


def test_nan_stays_nan_and_is_written_as_null() -> None:
    part = encoded(0)
    part.x_hat[3, 2] = np.nan
    part.acts[3, 2] = np.nan
    assert math.isnan(explained_variance(part.x, part.x_hat))
    assert math.isnan(l0(part.acts))
    assert math.isnan(alive_share(part.acts))
    for value in reconstruction_values([part], "train"):
        assert value.value is None
        assert "nan" in str(value.reason)


def test_values_of_one_part() -> None:
    part = encoded(1)
    by_name = {value.measure: value for value in reconstruction_values([part], "train")}
    assert by_name["explained_variance"].value == pytest.approx(naive_explained(part.x, part.x_hat))
    assert by_name["l0"].value == pytest.approx(l0(part.acts))
    assert by_name["alive_share"].value == pytest.approx(alive_share(part.acts))
    for value in by_name.values():
        assert (value.n, value.split) == (40, "train")
        assert value.interval is not None
        assert value.interval[0] <= value.value <= value.interval[1]


def test_values_of_several_parts_are_pooled() -> None:
    parts = [encoded(1, n=10), encoded(2, n=30)]
    values = {value.measure: value.value for value in reconstruction_values(parts, "crossfit")}
    x = np.concatenate([part.x for part in parts])
    assert values["explained_variance"] == pytest.approx(
        naive_explained(x, np.concatenate([part.x_hat for part in parts]))
    )
    assert values["l0"] == pytest.approx(l0(np.concatenate([part.acts for part in parts])))
    assert values["alive_share"] == pytest.approx(
        (10 * alive_share(parts[0].acts) + 30 * alive_share(parts[1].acts)) / 40
    )


def test_the_bootstrap_of_explained_variance_is_the_one_of_drawn_rows() -> None:
    from hubkit.evaluate.reconstruction import _explained_resampled, squared_residuals

    part = encoded(3)
    x = part.x.astype(np.float64)
    counts = row_counts([""] * len(x), "rows")
    fast = _explained_resampled(counts, squared_residuals(part.x, part.x_hat), x - x.mean(axis=0))
    for resample in (0, 1, RESAMPLES - 1):
        drawn = np.repeat(np.arange(len(x)), counts[resample].astype(int))
        assert fast[resample] == pytest.approx(naive_explained(part.x[drawn], part.x_hat[drawn]))


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
        measured("loss_recovered", 1.0, 1, "train", None)
