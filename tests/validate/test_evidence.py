"""What was seen of each SAE: counts that add up, of what the files say, bounded, and told again from JSON."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import numpy as np
import pytest
from builders import FOLDER, cfg, tensors, view
from validate.pages import large, small

from hubkit.validate.evidence import BINS, Evidence
from hubkit.validate.read_back import report_of
from hubkit.validate.report_schema import Report
from hubkit.validate.reporters.verdict import closing
from hubkit.validate.run import validate

EDGES = [-6 + step / 2 for step in range(13)]
DENSITY = {"split": "held_out", "n": 90, "latents": 32, "dead": 3, "dense": 4, "edges": EDGES, "counts": [2] * 12}  # fmt: skip


def evidence(thresholds: Any = None, *, metadata: Any = None, **evaluation: Any) -> Evidence | None:
    changes = {"threshold": np.asarray(thresholds, np.float32)} if thresholds is not None else {}
    files = {}
    if evaluation:
        sae = {"sae_id": FOLDER, "values": [], "warnings": []} | evaluation
        files["evaluation.json"] = json.dumps({"$schema": "urn:hubkit:evaluation:2", "saes": [sae]}).encode()
    return validate(view(cfg(metadata=metadata), tensors(**changes), files=files)).evidence.get(FOLDER)


def values(number: int = 32) -> np.ndarray:
    return np.linspace(0.1, 0.5, number).astype(np.float32)


def test_what_is_zero_is_counted_apart_and_everything_is_counted() -> None:
    mixed = values()
    mixed[:7] = 0
    found = evidence(mixed)
    assert found is not None
    counted = found.thresholds
    assert counted is not None
    assert (counted.n, counted.zero, counted.not_finite) == (32, 7, 0)
    assert sum(counted.counts) == 25
    assert len(counted.counts) == BINS
    assert counted.high == 0.5
    assert not counted.logarithmic


@pytest.mark.parametrize(
    ("thresholds", "zero", "not_finite", "counts"),
    [
        (np.zeros(32), 32, 0, ()),
        (np.full(32, 0.25), 0, 0, (32,)),
        ([np.nan, np.inf, *[0.0] * 30], 30, 2, ()),
        ([-1.0, *[0.5] * 31], 0, 0, (1, *[0] * (BINS - 2), 31)),
    ],
)
def test_the_corners(thresholds: Any, zero: int, not_finite: int, counts: tuple[int, ...]) -> None:
    found = evidence(thresholds)
    assert found is not None
    assert found.thresholds is not None
    assert (found.thresholds.zero, found.thresholds.not_finite, found.thresholds.counts) == (zero, not_finite, counts)  # fmt: skip


def test_thresholds_over_decades_are_counted_by_their_logarithms() -> None:
    found = evidence(np.geomspace(1e-4, 10, 32))
    assert found is not None
    assert found.thresholds is not None
    assert found.thresholds.logarithmic
    assert max(found.thresholds.counts) <= 2


def test_counts_agree_with_numpy() -> None:
    drawn = np.random.default_rng(1).lognormal(-2, 0.5, 32).astype(np.float32)
    found = evidence(drawn)
    assert found is not None
    assert found.thresholds is not None
    assert list(found.thresholds.counts) == np.histogram(drawn.astype(np.float64), bins=BINS)[0].tolist()


def test_the_rows_that_the_sae_has_not_seen_come_first() -> None:
    several = [
        {"measure": "l0", "value": value, "n": 9, "split": split, **more}
        for value, split, more in (
            (1.0, "train", {}), (2.0, "crossfit", {}), (3.0, "held_out", {}), (4.0, "crossfit", {"label": "honest"}),
        )
    ]  # fmt: skip
    found = evidence(values=several, densities=[DENSITY | {"split": "train", "dead": 9}, DENSITY])
    assert found is not None
    assert [(one.measure, one.value, one.source) for one in found.values] == [("l0", 2.0, "evaluation.json")]
    assert found.firing is not None
    assert (found.firing.split, found.firing.dead) == ("held_out", 3)


def test_what_the_training_wrote_counts_where_nobody_measured() -> None:
    found = evidence(metadata={"l0": 12.5, "num_dead_features": 4})
    assert found is not None
    assert [(one.measure, one.value, one.split) for one in found.values] == [("l0", 12.5, None), ("dead", 4.0, None)]  # fmt: skip
    measured = evidence(metadata={"l0": 12.5}, values=[{"measure": "l0", "value": 3, "split": "train", "n": 1}])  # fmt: skip
    assert measured is not None
    assert [one.value for one in measured.values] == [3.0]


@pytest.mark.parametrize(
    "change",
    [
        {"edges": EDGES[:-1]}, {"edges": EDGES[::-1]}, {"edges": "x"}, {"edges": [*EDGES[:-1], "0"]}, {"counts": [-1] * 12},
        {"counts": [True] * 12}, {"dead": None}, {"n": 10**30}, {"counts": [2.5] * 12}, {"edges": [*range(200)], "counts": [1] * 199},
    ],
)  # fmt: skip
def test_what_is_no_histogram_is_none(change: dict[str, Any]) -> None:
    found = evidence(densities=[DENSITY | change])
    assert found is not None
    assert found.firing is None
    assert evidence(densities=[DENSITY]).firing is not None  # type: ignore[union-attr]


@pytest.mark.parametrize("raw", [7, None, "x", [7, None], [{"sae_id": 3, "densities": {}}]])
def test_files_of_any_form_bring_nothing_down(raw: object) -> None:
    files = {
        "evaluation.json": json.dumps(
            {"$schema": "urn:hubkit:evaluation:2", "saes": raw, "densities": [raw]}
        ).encode()
    }
    report = validate(view(files=files))
    assert "EVIDENCE" not in {crash.code for crash in report.crashes}
    assert FOLDER in report.evidence


def test_a_crash_is_told_and_hides_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("hubkit.validate.run.evidence_of", crash)
    report = validate(view(cfg("topk", k="8"), tensors("topk")))
    assert [one.code for one in report.crashes] == ["EVIDENCE"]
    assert not report.complete
    assert report.findings


@pytest.mark.parametrize("report", [small(), large(50)], ids=["small", "large"])
def test_a_report_comes_back_from_its_json(report: Any) -> None:
    written = report.to_json()
    jsonschema.validate(written, Report.model_json_schema())
    raw = json.loads(json.dumps(written))
    again = report_of(raw)
    assert again.evidence == report.evidence
    assert json.loads(json.dumps(again.to_json())) == raw | {"coverage": []}
    assert closing(again) == closing(report)
