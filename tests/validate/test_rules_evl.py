"""EVL007: the form of an evaluation file, its neighbours, and what is no fault."""

from __future__ import annotations

import json
from typing import Any

import pytest
from builders import GONE, cfg, check, codes, tensors, view
from validate.twins import evaluated, value

from hubkit.repo.memory import MemoryView


def evaluation(**changes: Any) -> MemoryView:
    """An evaluation.json of hubkit's with keys changed; GONE removes one."""
    repository = evaluated(value())
    whole = json.loads(repository.files["evaluation.json"]) | changes
    repository.files["evaluation.json"] = json.dumps(
        {k: v for k, v in whole.items() if v is not GONE}
    ).encode()
    return repository


BAD = {
    "a value as text": lambda: evaluated(value(number="5")),
    "no measure": lambda: evaluated(value(measure=GONE)),
    "no number and no reason": lambda: evaluated(value(number=None)),
    "an empty value": lambda: evaluated({}),
    "saes as a table": lambda: evaluation(saes={"a": 1}),
    "no saes": lambda: evaluation(saes=GONE),
    "an sae that is none": lambda: evaluation(saes=["x"]),
    "a layer without its hook": lambda: evaluation(layers=[{"layer": 3, "values": []}]),
    "a comparison with nothing": lambda: evaluation(comparisons=[{"sae_id": "x"}]),
    "a form of a later hubkit": lambda: evaluation(**{"$schema": "urn:hubkit:evaluation:99", "saes": 7}),
    "a slip in the form": lambda: evaluation(**{"$schema": "urn:hubkit:evaluation"}),
    "an unknown split": lambda: evaluated(value(split="test")),
}
GOOD = {
    "as hubkit writes it": lambda: evaluated(value()),
    "no n: EVL003 says so": lambda: evaluated(value(n=GONE)),
    "null with a reason": lambda: evaluated(value(number=None, reason="too few rows")),
    "keys of a later hubkit": lambda: evaluation(of_a_later_hubkit=1),
    "somebody else's": lambda: evaluation(**{"$schema": "urn:other:1", "saes": 7}),
    "no JSON: EVL002 says so": lambda: view(
        files={"evaluation.json": b'{"$schema": "urn:hubkit:evaluation:1", '}
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_not_of_its_form_is_said_once(name: str) -> None:
    (finding,) = check(BAD[name](), "EVL007").findings
    assert (finding.code, finding.path) == ("EVL007", "evaluation.json")
    assert "EVL007" in codes(BAD[name](), "EVL,CARD")


@pytest.mark.parametrize("name", GOOD)
def test_what_is_no_fault_of_its_form(name: str) -> None:
    assert codes(GOOD[name](), "EVL007") == []


def test_the_place_is_named() -> None:
    (finding,) = check(evaluated(value(), value(number="5")), "EVL007").findings
    assert finding.pointer == "/saes/0/values/1/value"
    assert "valid number" in finding.message


@pytest.mark.parametrize(
    ("metadata", "words"),
    [
        ({"num_dead_features": 33}, "more than the 32 latents"), ({"num_dead_features": -3}, "below 0"), ({"l0": 5.0}, "above the k = 4"), ({"l0": 40}, "more than the 32"),
        ({"num_dead_features": 32, "l0": 4.0}, None), ({"l0": None, "num_dead_features": "many"}, None), ({"l0": True}, None),
    ],
)  # fmt: skip
def test_what_a_training_cannot_have_counted(metadata: dict[str, Any], words: str | None) -> None:
    findings = check(view(cfg("topk", metadata=metadata), tensors("topk")), "EVL002").findings
    assert [words in one.message for one in findings if words] == ([True] if words else [])
    assert len(findings) == (words is not None)
    assert all(one.path and one.path.endswith("cfg.json") and one.line for one in findings)
