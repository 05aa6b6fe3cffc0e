from __future__ import annotations

import math

import pytest

from hubkit.measures.catalogue import CATALOGUE, get


def test_every_measure_is_under_its_own_name_and_complete() -> None:
    for name, measure in CATALOGUE.items():
        assert measure.name == name
        assert measure.version >= 1
        assert all((measure.title, measure.formula, measure.unit, measure.source))


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("explained_variance", 1.2, "above 1"),
        ("probe_balanced_accuracy", -0.01, "below 0"),
        ("probe_balanced_accuracy_difference", 1.5, "above 1"),
        ("alive_share", 1.01, "above 1"),
        ("l0", -1.0, "below 0"),
        ("l0", 65.0, "above 64"),
        ("l0", math.nan, "not a number"),
        ("explained_variance", -math.inf, "not a number"),
    ],
)
def test_impossible_values_are_told(name: str, value: float, told: str) -> None:
    assert told in str(get(name).impossible(value, d_sae=64))


@pytest.mark.parametrize(
    ("name", "value"),
    [("explained_variance", -30.0), ("explained_variance", 1.0), ("l0", 64.0), ("alive_share", 1.0 + 1e-12)],
)
def test_possible_values_are_not(name: str, value: float) -> None:
    assert get(name).impossible(value, d_sae=64) is None


def test_l0_without_a_known_width_has_no_upper_bound() -> None:
    assert get("l0").impossible(1e6) is None


def test_an_unknown_measure_names_the_known_ones() -> None:
    with pytest.raises(KeyError, match="explained_variance"):
        get("loss_recovered")
