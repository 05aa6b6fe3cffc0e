"""The quick form of benchmarks/calibration.py: noise is noise, an effect is found."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from noise_pools import SETTINGS, Seen, Setting, band, chosen, kolmogorov, measure, summary

pytestmark = pytest.mark.train  # scipy comes with the train extra

POOLS = 80
NOISE = (SETTINGS[2], SETTINGS[3])


@pytest.fixture(scope="module", params=NOISE, ids=lambda setting: setting.name)
def seen(request: pytest.FixtureRequest) -> Seen:
    return measure(request.param, POOLS)


@pytest.mark.parametrize(
    "name",
    [
        "raw, folds dealt again",
        "raw, folds dealt again, AUROC",
        "mixed, folds held",
        "difference",
    ],
)
def test_intervals_hold_the_reference_as_often_as_they_say(seen: Seen, name: str) -> None:
    low, _ = band(POOLS, 0.95)
    assert np.mean(seen.covered[name]) >= low


def test_probes_of_a_few_features_hold_their_null_as_often_as_they_say() -> None:
    seen, pools = Seen(), POOLS // 2
    for seed in range(pools):
        seen.add(chosen(SETTINGS[1], seed, 59))
    low, _ = band(pools, 0.95)
    assert {name: one for name, one in seen.covered.items() if np.mean(one) < low} == {}
    widths = {name: np.mean(np.diff(np.array(one), axis=1)) for name, one in seen.intervals.items()}
    assert all(0.1 < width < 0.6 for width in widths.values()), "as wide as they need be"


def test_p_values_are_uniform_on_noise(seen: Seen) -> None:
    assert min(kolmogorov(values) for values in seen.p_values.values()) > 0.001


def test_no_more_stand_out_than_by_chance(seen: Seen) -> None:
    _, high = band(POOLS, 0.05)
    assert all(np.mean(seen.found[name]) <= high for name in ("raw, folds dealt again", "k of n", "max-T"))


def test_noise_is_nowhere_off_centre(seen: Seen) -> None:
    for name in ("raw, folds dealt again", "difference"):
        values = np.array(seen.values[name])
        centre = 0.0 if name == "difference" else 0.5
        assert abs(values.mean() - centre) < 3.5 * values.std() / POOLS**0.5


def test_an_effect_is_found_and_its_interval_holds_it() -> None:
    setting = replace(SETTINGS[-1], n=120)
    found = summary(setting, measure(setting, 25))
    assert found["found"]["raw, folds dealt again"] > 0.8
    assert found["covered"]["raw, folds dealt again"] >= band(25, 0.95)[0]


def test_what_cannot_be_measured_is_counted_and_not_left_out_in_silence() -> None:
    assert measure(Setting("few of one label", 40, 2, share=0.1), 6).unmeasured >= 4
