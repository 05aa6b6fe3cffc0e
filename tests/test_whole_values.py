"""The walk over an evaluation's values finds what is taken away, and a reason that no value needs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from whole_values import WITHOUT_INTERVAL, WITHOUT_N_EFFECTIVE, WITHOUT_NULL, lacking, values

from hubkit.measures.catalogue import CATALOGUE

EXAMPLE = Path(__file__).parents[1] / "docs" / "examples" / "smollm2-135m-instruct-q4" / "evaluation.json"


def example() -> dict[str, Any]:
    return json.loads(EXAMPLE.read_text(encoding="utf-8"))


def test_the_published_example_lacks_nothing() -> None:
    assert lacking(example()) == []
    assert len(list(values(example()))) > 2000


@pytest.mark.parametrize(
    ("measure", "key", "gone"),
    [
        ("explained_variance", "interval", None),
        ("probe_auroc", "n_effective", None),
        ("d_max", "null", None),
        ("l0", "n", 0),
        ("probe_new_scenarios_balanced_accuracy", "reason", None),
    ],
)
def test_what_is_taken_away_is_named(measure: str, key: str, gone: int | None) -> None:
    there = example()
    value = next(
        one
        for _, one in values(there["saes"])
        if one["measure"] == measure and (key == "reason" or one["value"] is not None)
    )
    value[key] = gone
    said = {"n": "n is 0", "reason": "null without a reason"}.get(key, f"no {key}")
    assert lacking(there) == [f"/saes/values {measure}, {value['split']}: {said}"]


def test_a_reason_that_no_value_needs_is_named() -> None:
    there = example()
    for _, value in values(there):
        if value["measure"] == "d_max":
            value["n_effective"] = 80
    assert lacking(there) == ["d_max: has n_effective everywhere, its reason is not needed"]


def test_reasons_are_of_measures_that_there_are() -> None:
    for reasons in (WITHOUT_N_EFFECTIVE, WITHOUT_INTERVAL, WITHOUT_NULL):
        assert reasons.keys() <= CATALOGUE.keys()
        assert all(len(reason) > 20 for reason in reasons.values())
