"""evidence.yaml: a value whose name is a field of the SAEs is held against the files, and one that cannot be is found."""

from __future__ import annotations

import json
from typing import Any

import pytest
from builders import FOLDER, cfg, tensors, view

from hubkit.validate.run import Selection, validate


def found(name: str, value: float, **more: Any) -> list[str]:
    one = {"name": name, "value": value, "n": 10, "source": "x"} | more
    evidence = {"$schema": "urn:hubkit:evidence:1", "values": [one]}
    values = [{"measure": "l0", "version": 1, "split": "held_out", "value": 3.0, "n": 50}]
    evaluation = {"$schema": "urn:hubkit:evaluation:2", "saes": [{"sae_id": FOLDER, "values": values}]}
    files = {
        "evidence.yaml": json.dumps(evidence).encode(),
        "evaluation.json": json.dumps(evaluation).encode(),
    }
    report = validate(view(cfg("topk"), tensors("topk"), files=files), Selection(select=("EVL011", "EVL009")))
    assert not report.crashes, report.crashes[0].traceback
    assert all(one.line and one.hint and one.path == "evidence.yaml" for one in report.findings)
    return [one.message for one in report.findings]


@pytest.mark.parametrize(
    ("name", "value", "more", "words"),
    [
        ("k", 64, {}, "k is 64, the configurations say 4"),
        ("top-k", 64, {"sae_id": FOLDER}, "the configurations say 4"),
        ("number of SAEs", 12, {}, "the repository has 1"),
        ("SAEs", 12, {}, "the repository has 1"),
        ("number of latents", 2304, {}, "the configurations say 32"),
        ("latents", 2304, {}, "the configurations say 32"),
        ("layer", 9, {}, "the configurations say"),
        ("dead latents", 33, {}, "more than the 32 latents"),
        ("mean L0", 40, {}, "more than the 32 latents"),
        ("L0", 30, {}, "hubkit computed 3"),
        ("mean L0", 0.5, {"sae_id": FOLDER}, "hubkit computed 3"),
        ("explained variance", 1.2, {"written": "120%"}, "120 %, more than all"),
        ("probe accuracy", 869, {}, "more than all"),
        ("share of dead latents", 1.5, {"written": "150 %"}, "more than all"),
        ("share of dead latents", 11.5, {"written": "1,150.00 per cent"}, "1150 %, more than all"),
    ],
)
def test_what_the_files_contradict_is_found(
    name: str, value: float, more: dict[str, Any], words: str
) -> None:
    (message,) = found(name, value, **more)
    assert words in message


@pytest.mark.parametrize(
    ("name", "value", "more"),
    [
        ("k", 4, {}),
        ("number of SAEs", 1, {}),
        ("latents", 32, {}),
        ("layer", 2, {}),
        ("dead latents", 3, {}),
        ("dead latents", 0.4, {"written": "40%"}),
        ("mean L0", 3.4, {}),
        ("CE loss recovered", 1.02, {"written": "102%"}),
        ("increase of the perplexity in per cent", 140, {}),
        ("probe accuracy", 0.869, {"written": "86.9%"}),
        ("probe accuracy", 86.9, {}),
        ("features that we found", 900, {}),
        ("fraction of variance unexplained", 1.3, {"written": "130%"}),
        ("learning rate", 300, {}),
    ],
)
def test_what_may_be_is_not(name: str, value: float, more: dict[str, Any]) -> None:
    assert found(name, value, **more) == []


@pytest.mark.parametrize(("layer", "outside"), [(12, True), (99, True), (11, False), (0, False)])
def test_a_layer_that_the_base_model_has_not(layer: int, outside: bool) -> None:
    evidence = {
        "$schema": "urn:hubkit:evidence:1",
        "values": [{"name": "probe", "layer": layer, "value": 0.8, "n": 9, "source": "x"}],
    }
    files = {"evidence.yaml": json.dumps(evidence).encode()}
    repository = view(cfg("topk", metadata={"model_name": "gpt2"}), tensors("topk"), files=files)
    findings = validate(repository, Selection(select=("EVL011",))).findings
    assert [f"is of layer {layer}; gpt2 has 12 layers, 0 to 11" in one.message for one in findings] == [
        True
    ] * outside
