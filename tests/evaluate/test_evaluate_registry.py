"""A measure declares itself in the catalogue and is bound to one function by name."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace

import pytest

from hubkit.evaluate import registry
from hubkit.evaluate.registry import Estimate, NotMeasured, computed_versions, computes, value_of, values_of
from hubkit.measures.catalogue import CATALOGUE, get

NOBODY = SimpleNamespace()


def test_every_computed_measure_is_declared_with_its_version_and_its_splits() -> None:
    versions = computed_versions()
    assert versions == {name: get(name).version for name in versions}
    assert all(get(name).splits for name in versions)
    assert {"l0", "probe_balanced_accuracy", "probe_balanced_accuracy_difference"} <= versions.keys()


def test_another_entry_of_the_catalogue_changes_nothing_and_another_version_of_a_computed_one_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = computed_versions()
    monkeypatch.setitem(CATALOGUE, "loss_recovered", dataclasses.replace(get("mse"), name="loss_recovered"))
    monkeypatch.setitem(CATALOGUE, "d_max", dataclasses.replace(get("d_max"), version=9))
    assert computed_versions() == before
    monkeypatch.setitem(CATALOGUE, "l0", dataclasses.replace(get("l0"), version=9))
    assert computed_versions() == before | {"l0": 9}


def test_a_name_is_bound_once_and_only_if_it_is_declared() -> None:
    computed_versions()
    with pytest.raises(ValueError, match="l0 is computed by two functions"):
        computes("l0")
    with pytest.raises(KeyError, match="no measure `loss_recovered`"):
        computes("loss_recovered")


def test_values_are_written_split_by_split_in_the_order_of_the_columns(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    computed_versions()
    told = {"l0": Estimate(3.0, 7, (2.0, 4.0)), "mse": Estimate(float("nan"), 7), "alive_share": None}
    table = {name: lambda *_, found=found: found for name, found in told.items()}
    monkeypatch.setattr(registry, "_COMPUTES", table)
    found = values_of(NOBODY, ["train", "crossfit", "control"])  # type: ignore[arg-type]
    assert [(one.measure, one.split) for one in found] == [
        ("l0", "train"), ("mse", "train"), ("l0", "crossfit"), ("mse", "crossfit"),
    ]  # fmt: skip
    assert (found[0].value, found[0].n, found[0].interval) == (3.0, 7, (2.0, 4.0))
    assert (found[1].value, found[1].reason) == (None, "the computation gave nan")
    assert values_of(NOBODY, ["train"], layers=True) == []  # type: ignore[arg-type]


def test_what_was_not_measured_is_null_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    computed_versions()

    def nothing(*_: object) -> Estimate:
        raise NotMeasured("not trained", 5)

    monkeypatch.setattr(registry, "_COMPUTES", {"l0": nothing})
    value = value_of("l0", NOBODY, "crossfit")  # type: ignore[arg-type]
    assert value is not None
    assert (value.value, value.n, value.reason) == (None, 5, "not trained")
