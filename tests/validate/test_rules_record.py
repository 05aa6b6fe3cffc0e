"""provenance.json is held against what it counts itself, what was measured, and what the configurations say."""

from __future__ import annotations

import json
from typing import Any

import pytest
from builders import FOLDER, cfg, view

from hubkit.release.provenance import Grid, Provenance
from hubkit.repo.memory import MemoryView
from hubkit.validate.run import Selection, validate

COUNTS = {"sampled": 120, "decisive": 100, "labelled a": 60, "labelled b": 40}
SCENARIOS = [
    {"scenario_id": "one", "counts": {"a": 30, "b": 20}, "sampled": 60},
    {"scenario_id": "two", "counts": {"a": 30, "b": 20}, "sampled": 60},
]


def release(
    metadata: dict[str, Any] | None = None,
    n: int = 100,
    split: str = "crossfit",
    measure: str = "l0",
    report: dict[str, Any] | None = None,
    **changes: Any,
) -> MemoryView:
    """A release with a record, what was measured of it, and perhaps the report of its pool."""
    record = Provenance(
        hubkit_version="1", study="lab", study_sha256="0", base_model="lab/tiny", base_model_revision=None, precision="float32",
        grid=Grid(layers=[2], architectures=["jumprelu"], conditions=["mixed"]), seeds={}, software={}, hardware="x", created="2026-01-01", pool_sha256="0", completions=COUNTS, files={},
    )  # fmt: skip
    written = {**json.loads(record.model_dump_json(by_alias=True)), "scenarios": SCENARIOS, **changes}
    values = [{"measure": measure, "version": 1, "split": split, "value": 3.0, "n": n}]
    evaluation = {"$schema": "urn:hubkit:evaluation:2", "saes": [{"sae_id": FOLDER, "values": values}]}
    files = {
        "provenance.json": json.dumps(written).encode(),
        "evaluation.json": json.dumps(evaluation).encode(),
    }
    if report is not None:
        report = {"$schema": "urn:hubkit:pool-report:1", "pool_sha256": "0", **report}
        files["pool_report.json"] = json.dumps(report).encode()
    return view(cfg(metadata=metadata or {}), files=files)


def found(**given: Any) -> list[str]:
    outcome = validate(release(**given), Selection(select=("REL006",)))
    assert not outcome.crashes, outcome.crashes[0].traceback
    assert all(one.line and one.hint for one in outcome.findings)
    return [one.message for one in outcome.findings]


def judged(**changes: Any) -> dict[str, Any]:
    """The labelling of a record."""
    pair = {"judges": ["words", "Gemini"], "share": 0.9, "n": 80, "kappa": 0.8, "kappa_n": 90, "kappa_interval": [0.7, 0.9]}  # fmt: skip
    return {"judge": "words", "agreements": [pair | changes]}


def agreement(share: float = 0.9) -> dict[str, Any]:
    """The same in pool_report.json."""
    judges = [
        {"judge": name, "role": role, "description": said, "labels": {}, "ambiguous": 0}
        for name, role, said in (("a", "decides", "words"), ("b", "second", "Gemini"))
    ]
    pairs = [
        {"judges": ["a", "b"], "counted": "decisive", "same": {"value": share, "n": 80}, "kappa": {"value": 0.85, "n": 80}},
        {"judges": ["a", "b"], "counted": "with ambiguous", "same": {"value": 0.88, "n": 90}, "kappa": {"value": 0.8, "n": 90}},
    ]  # fmt: skip
    return {
        "judges": {
            "$schema": "urn:hubkit:agreement:1",
            "n": 90,
            "scenarios": 2,
            "resampled": "completions",
            "judges": judges,
            "pairs": pairs,
        }
    }


POOL = {"sampled": 120, "decisive": 100, "counts": {"a": 60, "b": 40}}
BF16 = {"model_from_pretrained_kwargs": {"torch_dtype": "bfloat16"}}
NF4 = {
    "model_from_pretrained_kwargs": {
        "quantization_config": {"load_in_4bit": True, "bnb_4bit_compute_dtype": "bfloat16"}
    }
}
LOADED = {
    "steps": [{"type": "float32", "bits": 32}],
    "parameters": 9,
    "repeatable": True,
    "device": "cpu",
    "software": {},
    "hardware": "x",
}
OF_HUBKIT = {"hubkit": {"version": "0.1.0"}}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"completions": COUNTS | {"decisive": 99}}, "the labels add up to 100"),
        ({"completions": COUNTS | {"sampled": 90}, "scenarios": []}, "more than the 90"),
        ({"completions": COUNTS | {"labelled a": 50, "labelled b": 50}}, "as a, completions has 50"),
        ({"completions": COUNTS | {"sampled": 500}}, "120 sampled completions, completions has 500"),
        ({"n": 101}, "values on 101 rows"),
        ({"n": 60}, "no pool_report.json that would say where the other 40 are"),
        ({"n": 30}, "no value of evaluation.json stands on more than 30"),
        ({"report": POOL | {"decisive": 90}}, "decisive is 100, pool_report.json has 90"),
        ({"report": POOL | {"counts": {"a": 61, "b": 39}}}, "labelled a is 60, pool_report.json has 61"),
        ({"report": {"pool_sha256": "1"}}, "different pools"),
        ({"labelling": judged(n=121)}, "on 121 completions, 120 were sampled"),
        ({"labelling": judged(kappa=0.95)}, "outside its own interval"),
        (
            {"labelling": judged(), "report": agreement(0.7)},
            "share of words and Gemini is 0.9, pool_report.json has 0.7",
        ),
        ({"precision": "float16", "metadata": BF16}, "says bfloat16"),
        ({"precision": "bfloat16", "metadata": NF4}, "says a quantized model"),
        ({"precision": "nf4 (compute bfloat16)", "metadata": BF16}, "says bfloat16"),
        ({"precision": "bfloat16", "metadata": OF_HUBKIT, "loaded": LOADED}, "says float32"),
    ],
)
def test_what_contradicts_is_found(given: dict[str, Any], words: str) -> None:
    assert any(words in one for one in found(**given)), found(**given)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"completions": {}},
        {"completions": {"decisive": 100}, "scenarios": []},
        {"scenarios": [{"scenario_id": "one"}, *SCENARIOS]},
        {"n": 96, "report": POOL},
        {"report": POOL},
        {"report": POOL | agreement(), "labelling": judged()},
        {"labelling": judged(kappa=None, kappa_n=None, kappa_interval=None)},
        {"n": 60, "report": POOL},
        {"n": 400, "split": "held_out"},
        {"precision": "bfloat16", "metadata": BF16},
        {"precision": "nf4 (double quantization, compute bfloat16)", "metadata": NF4},
        {"precision": "bnb-nf4", "metadata": NF4},
        {"precision": "bfloat16"},
        {"precision": "Q4_1 -> float32", "metadata": BF16},
        {"precision": "float32", "metadata": OF_HUBKIT, "loaded": LOADED},
        {"precision": "bfloat16", "metadata": OF_HUBKIT},
        {"n": 8192, "measure": "dead_share"},
    ],
)
def test_what_holds_is_not(given: dict[str, Any]) -> None:
    assert found(**given) == []
