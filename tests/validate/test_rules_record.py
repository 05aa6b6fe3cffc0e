"""provenance.json is held against what it counts itself, what was measured, and what the configurations say."""

from __future__ import annotations

import json
from typing import Any

import pytest
from builders import FOLDER, cfg, view

from hubkit.release.provenance import Grid, Provenance
from hubkit.validate.run import Selection, validate

COUNTS = {"sampled": 120, "decisive": 100, "labelled a": 60, "labelled b": 40}
SCENARIOS = [
    {"scenario_id": "one", "counts": {"a": 30, "b": 20}, "sampled": 60},
    {"scenario_id": "two", "counts": {"a": 30, "b": 20}, "sampled": 60},
]


def found(
    metadata: dict[str, Any] | None = None,
    n: int = 100,
    split: str = "crossfit",
    measure: str = "l0",
    **changes: Any,
) -> list[str]:
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
    report = validate(view(cfg(metadata=metadata or {}), files=files), Selection(select=("REL006",)))
    assert not report.crashes, report.crashes[0].traceback
    assert all(one.line and one.hint for one in report.findings)
    return [one.message for one in report.findings]


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
        ({"n": 30}, "no value of evaluation.json stands on more than 30"),
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
        {"n": 96},
        {"n": 60},
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
