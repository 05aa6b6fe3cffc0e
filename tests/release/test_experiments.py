"""What evaluation.json and provenance.json hold beyond single values: strict, bounded, and not there while they say nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from hubkit.release.experiments import Steering, Tally, TestResult
from hubkit.release.metrics import Evaluation, MetricValue, SaeMetrics, Spread
from hubkit.release.provenance import Agreement, Labelling

TALLY: dict[str, Any] = {
    "subject": "SAE probes", "reference": "raw activations", "measure": "probe_cv_balanced_accuracy", "above": 3, "total": 5, "split": "train",
}  # fmt: skip


def test_what_says_nothing_is_not_written(tmp_path: Path) -> None:
    """A file of an earlier hubkit, and one of today without experiments, are the same bytes."""
    Evaluation(saes=[], layers=[], comparisons=[], inputs_sha256="0").save(tmp_path / "e.json")
    assert set(json.loads((tmp_path / "e.json").read_bytes())) == {
        "$schema",
        "saes",
        "layers",
        "comparisons",
        "inputs_sha256",
    }
    value = MetricValue(measure="l0", version=1, value=0.0, n=3, split="train")
    assert set(value.model_dump()) == {
        "measure",
        "version",
        "value",
        "n",
        "split",
        "interval",
        "null",
        "reason",
    }


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    spread = Spread(kind="standard deviation over 5 folds", value=0.1)
    value = MetricValue(measure="d_max", version=1, value=0.5, n=38, split="train", contrast="a against b", spread=spread)  # fmt: skip
    steering = Steering(direction="d", label="yes", p_value=0.57, bound=">")
    evaluation = Evaluation(
        saes=[SaeMetrics(sae_id="x", values=[value])], layers=[], comparisons=[], inputs_sha256="0", tallies=[Tally(**TALLY)], steering=[steering],
    )  # fmt: skip
    evaluation.save(tmp_path / "e.json")
    assert Evaluation.load(tmp_path / "e.json") == evaluation


def test_a_value_of_a_contrast_is_not_the_value(tmp_path: Path) -> None:
    other = MetricValue(measure="d_max", version=1, value=9.0, n=38, split="train", contrast="prompts")
    own = MetricValue(measure="d_max", version=1, value=0.5, n=38, split="train")
    assert SaeMetrics(sae_id="x", values=[other, own]).get("d_max", "train") == own


@pytest.mark.parametrize(
    "changes", [{"above": 6}, {"above": -1}, {"total": 0}, {"above": 4, "inconclusive": 2}, {"split": "test"}]
)
def test_impossible_tallies(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Tally(**(TALLY | changes))


def test_impossible_shares_and_p_values() -> None:
    with pytest.raises(ValidationError):
        TestResult(subject="a", reference="b", test="t", correction=None, p_value=1.5)
    with pytest.raises(ValidationError):
        Steering(direction="d", label="yes", cosine=1.2)
    with pytest.raises(ValidationError):
        Labelling(judge="x", agreements=[Agreement(judges=("a", "b"), share=90)])
