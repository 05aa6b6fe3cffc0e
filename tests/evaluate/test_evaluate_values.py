"""A measure declares itself in the catalogue, with the function that computes it."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace

import pytest

from hubkit.evaluate.values import computed_versions, value_of, values_of
from hubkit.measures.catalogue import CATALOGUE, get
from hubkit.measures.estimate import Estimate, NotMeasured

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
    monkeypatch.setitem(CATALOGUE, "loss_recovered", dataclasses.replace(get("d"), name="loss_recovered"))
    monkeypatch.setitem(CATALOGUE, "d", dataclasses.replace(get("d"), version=9))
    assert computed_versions() == before
    monkeypatch.setitem(CATALOGUE, "l0", dataclasses.replace(get("l0"), version=9))
    assert computed_versions() == before | {"l0": 9}


def test_an_evaluation_is_no_older_for_a_measure_that_it_would_not_take() -> None:
    every, given = computed_versions(), computed_versions(["held_out"])
    assert "membership_auroc" in every.keys() - given.keys(), "there is no control on given rows"
    unlabelled = computed_versions(["held_out"], labelled=False)
    assert {"l0", "density"} <= unlabelled.keys()
    assert all(not get(name).of_labels for name in unlabelled)
    assert "probe_balanced_accuracy_difference" not in unlabelled


def test_what_hubkit_does_not_compute_is_told() -> None:
    with pytest.raises(KeyError, match="d is not computed"):
        value_of("d", NOBODY, "train")  # type: ignore[arg-type]
    with pytest.raises(KeyError, match="no measure `loss_recovered`"):
        value_of("loss_recovered", NOBODY, "train")  # type: ignore[arg-type]


def test_values_are_written_split_by_split_in_the_order_of_the_columns(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told = {"l0": Estimate(3.0, 7, (2.0, 4.0)), "mse": Estimate(float("nan"), 7), "alive_share": None}
    for name, one in CATALOGUE.items():
        function = (lambda *_, found=told[name]: found) if name in told else None
        monkeypatch.setitem(CATALOGUE, name, dataclasses.replace(one, compute=function, by_label=False))
    found = values_of(NOBODY, ["train", "crossfit", "control"])  # type: ignore[arg-type]
    assert [(one.measure, one.split) for one in found] == [
        ("l0", "train"), ("mse", "train"), ("l0", "crossfit"), ("mse", "crossfit"),
    ]  # fmt: skip
    assert (found[0].value, found[0].n, found[0].interval) == (3.0, 7, (2.0, 4.0))
    assert (found[1].value, found[1].reason) == (None, "the computation gave nan")
    assert values_of(NOBODY, ["train"], layers=True) == []  # type: ignore[arg-type]


def test_what_was_not_measured_is_null_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(*_: object) -> Estimate:
        raise NotMeasured("not trained", 5)

    monkeypatch.setitem(CATALOGUE, "l0", dataclasses.replace(get("l0"), compute=nothing))
    value = value_of("l0", NOBODY, "crossfit")  # type: ignore[arg-type]
    assert value is not None
    assert (value.value, value.n, value.reason) == (None, 5, "not trained")
