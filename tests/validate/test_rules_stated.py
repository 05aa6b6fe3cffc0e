"""evidence.yaml: a value whose name is a field of the SAEs is held against the files, and one that cannot be is found."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from builders import FOLDER, README, cfg, tensors, view

from hubkit.repo.memory import MemoryView
from hubkit.validate.coverage import Coverage
from hubkit.validate.finding import Finding, Severity
from hubkit.validate.gather import gather
from hubkit.validate.need import Need
from hubkit.validate.run import Selection, validate
from hubkit.validate.stated_values import judged as judged_of


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
        ("L0", 30, {}, "above the k = 4 of a TopK"),
        ("mean L0", 0.5, {"sae_id": FOLDER}, "evaluation.json has 3"),
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


FILES = "trained with l0 5.0 and 8 of 32 dead; evaluation.json has an l0 of 6.0 and an explained variance of 0.7, held out, n = 50"


def judged(**value: Any) -> tuple[list[Finding], Coverage]:
    """One stated value beside a JumpReLU of layer 2 whose files say what FILES does, and what the verdict says of evidence.yaml."""
    evidence = {"$schema": "urn:hubkit:evidence:1", "values": [{"source": "x", "n": None, **value}]}
    values = [
        {
            "measure": name,
            "version": 1,
            "split": "held_out",
            "value": number,
            "n": 50,
            "interval": [0.0, 99.0],
        }
        for name, number in (("l0", 6.0), ("explained_variance", 0.7), ("mse", 0.5))
    ]
    evaluation = {"$schema": "urn:hubkit:evaluation:2", "saes": [{"sae_id": FOLDER, "values": values}]}
    files = {
        "evidence.yaml": json.dumps(evidence).encode(),
        "evaluation.json": json.dumps(evaluation).encode(),
    }
    trained = {"model_name": "gpt2", "l0": 5.0, "num_dead_features": 8}
    report = validate(
        view(cfg("jumprelu", metadata=trained), tensors("jumprelu"), files=files), coverage=True
    )
    assert not report.crashes, report.crashes[0].traceback
    (there,) = [one for one in report.coverage if one.path == "evidence.yaml"]
    assert there.statements == there.agree + there.contradicted + len(there.unheld) == 1
    return [one for one in report.findings if one.path == "evidence.yaml"], there


@pytest.mark.parametrize(
    ("value", "code", "severity", "words"),
    [
        ({"name": "L0", "value": 7.0}, "EVL011", Severity.WARNING, "evaluation.json has 5 or 6"),
        ({"name": f"L0 of {FOLDER}", "value": 7.0}, "EVL011", Severity.WARNING, "evaluation.json has 5 or 6"),
        ({"name": "layer 2: mean L0", "value": 7.0}, "EVL011", Severity.WARNING, "evaluation.json has 5 or 6"),
        ({"name": "mean L0 over all layers", "value": 19.0, "n": 9}, "EVL011", Severity.WARNING, "evaluation.json has 5 or 6"),
        ({"measure": "l0", "sae_id": FOLDER, "value": 19.0, "n": 9}, "EVL011", Severity.WARNING, "evaluation.json has 5 or 6"),
        ({"measure": "l0", "sae_id": FOLDER, "value": 7.0, "n": 50}, "EVL011", Severity.WARNING, "evaluation.json has 6"),
        ({"measure": "l0", "sae_id": FOLDER, "split": "held_out", "value": 7.0, "n": 50}, "EVL011", Severity.ERROR, "l0 of lab_L2_mixed (held_out) is 7"),
        ({"measure": "l0", "sae_id": FOLDER, "split": "held_out", "value": 5.0, "n": 50}, "EVL011", Severity.ERROR, "(held_out) is 5"),
        ({"measure": "l0", "sae_id": FOLDER, "split": "held_out", "value": 7.0, "n": 50, "note": "ours"}, "EVL011", Severity.ERROR, "(held_out) is 7"),
        ({"name": "explained variance", "split": "held_out", "value": 0.9}, "EVL011", Severity.WARNING, "evaluation.json has 0.7"),
        ({"name": "MSE", "value": 3.0}, "EVL011", Severity.WARNING, "evaluation.json has 0.5 or 4"),
        ({"name": "FVU", "value": 0.2, "written": "20 %"}, "EVL011", Severity.WARNING, "evaluation.json has 0.7"),
        ({"name": "dead latents", "value": 0, "n": 2048}, "EVL011", Severity.WARNING, "metadata.num_dead_features says 25.0%"),
        ({"name": "alive latents", "value": 31}, "EVL011", Severity.WARNING, "metadata.num_dead_features has 0.75"),
        ({"measure": "alive_share", "sae_id": FOLDER, "value": 1.0, "n": 2048}, "EVL011", Severity.WARNING, "says 25.0%"),
        ({"name": "width of the dictionary", "value": 16384}, "EVL011", Severity.ERROR, "the configurations say 32"),
        ({"name": "expansion factor", "value": 16}, "EVL011", Severity.ERROR, "the configurations say 4"),
        ({"name": "mean threshold", "value": 9.5}, "EVL011", Severity.ERROR, "the weights say"),
        ({"name": "zero thresholds", "value": 12}, "EVL011", Severity.ERROR, "the weights say 0"),
        ({"name": "d_in", "layer": 2, "value": 9}, "EVL011", Severity.ERROR, "the configurations say 8"),
        ({"measure": "explained_variance", "layer": 6, "value": 0.7}, "EVL011", Severity.ERROR, "the release has them at layer 2"),
        ({"measure": "explained_variance", "value": 1.7}, "EVL002", Severity.ERROR, "above 1"),
        ({"name": "L0", "value": 7.0, "note": "about, line 7 of the earlier card"}, "EVL011", Severity.WARNING, "evaluation.json has 5 or 6"),
        ({"measure": "l0", "value": 33}, "EVL011", Severity.ERROR, "above 32"),
        ({"measure": "l0", "sae_id": FOLDER, "value": -3}, "EVL002", Severity.ERROR, "below 0"),
    ],
)  # fmt: skip
def test_a_stated_measure_that_the_files_contradict(
    value: dict[str, Any], code: str, severity: Severity, words: str
) -> None:
    (one,), there = judged(**value)
    assert (one.code, one.severity, there.contradicted) == (code, severity, 1)
    assert words in one.message
    assert one.line
    assert one.hint


@pytest.mark.parametrize(
    "value",
    [
        {"name": "L0", "value": 6.0},
        {"name": "L0", "value": 5},
        {"measure": "l0", "sae_id": FOLDER, "value": 5.0, "n": 2048},
        {"measure": "l0", "value": 6.0, "n": 9, "note": "on C4"},
        {"name": "explained variance", "value": 70.0, "written": "70.0 %"},
        {"name": "explained variance", "value": 0.7, "written": "70%"},
        {"name": "FVU", "value": 0.3},
        {"name": "dead latents", "value": 8},
        {"name": "share of dead latents", "value": 0.25},
        {"name": "dictionary size", "value": 32},
        {"name": "expansion factor", "value": 4},
        {"name": "zero thresholds", "value": 0},
        {"name": "MSE", "value": 4.0},
    ],
)  # fmt: skip
def test_a_stated_measure_that_is_what_the_files_say(value: dict[str, Any]) -> None:
    findings, there = judged(**value)
    assert (findings, there.agree) == ([], 1)


@pytest.mark.parametrize(
    "value",
    [
        {"measure": "l0", "sae_id": FOLDER, "value": 7.0, "n": 2048},
        {"measure": "l0", "sae_id": FOLDER, "value": 7.0, "n": 50, "note": "texts of C4"},
        {"measure": "l0", "sae_id": FOLDER, "value": 7.0, "n": 50, "split": "train"},
        {"measure": "explained_variance", "sae_id": FOLDER, "value": 0.7, "n": 9, "split": "train"},
        {"measure": "l0", "sae_id": FOLDER, "value": 7.0, "n": 9, "split": "held_out"},
        {"measure": "l0", "sae_id": FOLDER, "value": 30.0, "n": 9, "note": "on code"},
        {"measure": "l0", "sae_id": FOLDER, "value": 7.0, "version": 7},
        {"name": "L0 on code", "value": 30.0},
        {"measure": "alive_share", "sae_id": FOLDER, "value": 1.0, "n": 90_000_000},
        {"name": "dead latents", "value": 12, "n": 2048},
        {"name": "explained variance", "value": 95, "n": 9},
        {"name": "probe accuracy", "value": 0.8, "layer": 6},
        {"measure": "probe_balanced_accuracy", "value": 0.8, "layer": 6},
        {"measure": "explained_variance", "value": 0.8, "layer": 6, "note": "a PCA of the rows"},
        {"name": "CE loss recovered", "value": 0.97},
        {"name": "learning rate", "value": 0.3},
        {"name": "features that we found", "value": 900},
    ],
)  # fmt: skip
def test_what_may_be_of_other_rows_is_listed_and_no_finding(value: dict[str, Any]) -> None:
    findings, there = judged(**value)
    assert findings == []
    (one,) = there.unheld
    assert one.line
    assert str(value.get("name") or value.get("measure")) in one.quote


def test_many_values_and_long_names_take_time_that_grows_as_they_do() -> None:
    name = "mean L0 of layer " * 2_000
    stated = [{"name": f"{name}{at}", "value": 1.0, "n": None} for at in range(20)]
    stated += [{"measure": "l0", "sae_id": FOLDER, "value": 7.0, "n": 9} for _ in range(3_000)]
    values = [{"measure": "l0", "split": "train", "value": 6.0, "n": at} for at in range(3_000)]
    evaluation = {"$schema": "urn:hubkit:evaluation:2", "saes": [{"sae_id": FOLDER, "values": values}]}
    evidence = {"$schema": "urn:hubkit:evidence:1", "source": "x", "values": stated}
    files = {
        "evidence.yaml": json.dumps(evidence).encode(),
        "evaluation.json": json.dumps(evaluation).encode(),
    }
    facts = gather(view(files=files), Need.TREE | Need.CFG | Need.EVALUATION)
    begin = time.process_time()
    found = judged_of(facts)
    assert time.process_time() - begin < 20
    assert len(found) == 3_020
    assert max(len(one.quote) for one in found) < 400


def test_nothing_agrees_with_a_stated_value_that_the_files_contradict() -> None:
    """The card says the stated 19, and is held against the files."""
    evidence = "$schema: urn:hubkit:evidence:1\nsource: x\nvalues:\n- {measure: l0, sae_id: lab_L2_mixed, value: 19.0, n: 9}\n"
    trained = cfg("jumprelu", metadata={"l0": 5.0})
    card = f"{README}\nThe mean L0 is 19.\n"
    for stated in ({}, {"evidence.yaml": evidence.encode()}):
        report = validate(view(trained, tensors("jumprelu"), readme=card, files=stated))
        assert [one.code for one in report.findings if one.path == "README.md"] == ["CARD007"]


def test_experiments_are_listed_but_for_tallies_that_were_computed_too() -> None:
    tally = {
        "subject": "probes",
        "reference": "raw",
        "measure": "l0",
        "split": "held_out",
        "above": 3,
        "total": 4,
    }
    evidence = {
        "$schema": "urn:hubkit:evidence:1",
        "source": "x",
        "tallies": [tally, tally | {"above": 4}, tally | {"subject": "others"}],
        "tests": [{"subject": "probes", "reference": "raw", "test": "t", "correction": None, "p_value": 0.1}],
    }
    evaluation = {"$schema": "urn:hubkit:evaluation:2", "saes": [], "tallies": [tally]}
    files = {
        name: json.dumps(raw).encode()
        for name, raw in (("evidence.yaml", evidence), ("evaluation.json", evaluation))
    }
    report = validate(view(files=files), coverage=True)
    (there,) = [one for one in report.coverage if one.path == "evidence.yaml"]
    assert (there.agree, there.contradicted) == (1, 1)
    assert [one.quote for one in there.unheld] == [
        "tallies: others, raw, l0, held_out",
        "tests: probes, raw, t, 0.1",
    ]


@pytest.mark.parametrize(
    ("name", "value", "verdict"),
    [
        ("L0", 5.0, "agrees"),
        ("mean L0", 6.0, "agrees"),
        ("mean L0 over the layers", 6.0, "agrees"),
        ("mean L0 over the layers", 5.0, "wrong"),
        ("L0 of layer 4", 7.0, "agrees"),
        ("L0 of layer 4", 5.0, "wrong"),
        ("L0 of b_L4_mixed", 5.0, "wrong"),
        ("d_sae", 32.0, "agrees"),
        ("layer", 2.0, "open"),
        ("layer", 3.0, "wrong"),
        ("number of SAEs", 2.0, "agrees"),
    ],
)
def test_of_several_saes_a_value_is_of_the_one_that_it_names_or_of_all(
    name: str, value: float, verdict: str
) -> None:
    files: dict[str, bytes] = {}
    for folder, layer, l0 in (("a_L2_mixed", 2, 5.0), ("b_L4_mixed", 4, 7.0)):
        trained = {"hook_name": f"blocks.{layer}.hook_resid_post", "l0": l0}
        one = view(cfg("jumprelu", metadata=trained), tensors("jumprelu"), folder=folder)
        files |= one.files
    stated = [{"name": name, "value": value, "n": None}]
    evidence = {"$schema": "urn:hubkit:evidence:1", "source": "x", "values": stated}
    files["evidence.yaml"] = json.dumps(evidence).encode()
    facts = gather(
        MemoryView(name="memory", files=files),
        Need.TREE | Need.CFG | Need.HEADER | Need.EVALUATION | Need.README,
    )
    assert [one.verdict for one in judged_of(facts)] == [verdict]
