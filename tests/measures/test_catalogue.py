from __future__ import annotations

import math

import pytest

from hubkit.measures.catalogue import CATALOGUE, columns, definitions, get


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


def test_the_best_is_the_largest_but_where_lower_is_better() -> None:
    several = [("a", 2.0), ("b", 3.0), ("c", 1.0), ("d", 3.0)]
    assert get("explained_variance").best(several, lambda one: one[1]) == ("b", 3.0)
    assert get("mse").best(several, lambda one: one[1]) == ("c", 1.0)
    assert get("d_max").best(several, lambda one: one[1]) == ("b", 3.0), "neither is better: the largest"


def test_a_definition_that_steps_in_comes_behind_the_one_it_steps_in_for() -> None:
    assert definitions("probe_balanced_accuracy") == (
        ("probe_balanced_accuracy", "crossfit"),
        ("probe_balanced_accuracy", "held_out"),
        ("probe_cv_balanced_accuracy", "crossfit"),
        ("probe_cv_balanced_accuracy", "held_out"),
        ("probe_cv_balanced_accuracy", "train"),
    )
    assert all(
        measure.instead_of is None or measure.instead_of in CATALOGUE for measure in CATALOGUE.values()
    )


def test_the_columns_stand_in_the_order_that_the_measures_declare() -> None:
    for table in ("saes", "quality", "index"):
        shown = [get(column[0][0]) for column in columns(table)]  # type: ignore[arg-type]
        orders = [measure.on_card.order for measure in shown]
        assert orders == sorted(set(orders)), f"two columns of {table} have one place"
        assert shown == [
            one
            for one in sorted(CATALOGUE.values(), key=lambda one: one.on_card.order)
            if table in one.on_card.tables
        ]
    assert [column[0][0] for column in columns("index")] == [
        "explained_variance",
        "l0",
        "probe_balanced_accuracy",
    ]
