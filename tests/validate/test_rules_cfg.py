"""CFG: a bad and a good twin for every rule."""

from __future__ import annotations

import json

import pytest
from builders import FOLDER, GONE, README, cfg, check, codes, tensors, view

from hubkit.formats.architectures import INFERENCE
from hubkit.validate.finding import Severity


@pytest.mark.parametrize("architecture", [a for a in INFERENCE if a not in {"temporal", "matching_pursuit"}])
def test_a_good_folder_of_every_architecture_has_no_finding(architecture: str) -> None:
    folder = f"lab_{architecture}_L2_mixed"
    assert codes(view(cfg(architecture), folder=folder)) == []


def test_cfg001_weights_without_configuration() -> None:
    assert codes(view(GONE)) == ["CFG001"]


@pytest.mark.parametrize(
    ("text", "line", "part"),
    [
        (b'{\n "d_in": 8,\n "d_in": 9\n}', 3, "twice"),
        (b'{\n "x": NaN}', 2, "NaN"),
        (b'{"x": -Infinity}', 1, "Infinity"),
        (b'\xef\xbb\xbf{"d_in": 1}', 1, "byte order mark"),
        (b'{\n\n"x": "\xff"}', 3, "UTF-8"),
        (b"[1, 2]", 1, "list"),
        (b'{"x": 1,}', 1, "key"),
        (b'{"x": 1} {', 1, "after the end"),
        (b"", 1, "ends"),
        (b'{"x": 1e999}', 1, "range"),
        (b"[" * 5000, 1, "deeper"),
        (b" " * (1 << 20) + b"{}", 1, "bytes"),
    ],
)
def test_cfg002_says_what_is_no_json_and_where(text: bytes, line: int, part: str) -> None:
    (finding,) = check(view(text), "CFG002").findings
    assert finding.code == "CFG002"
    assert finding.line == line
    assert part in finding.message


def test_cfg002_is_silent_on_crlf_and_nested_json() -> None:
    text = (
        json.dumps(cfg(metadata={"deep": {"a": [1, {"b": None}]}}), indent=2).replace("\n", "\r\n").encode()
    )
    assert codes(view(text)) == []


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"k": 8.0}, "/k"),
        ({"k": "8"}, "/k"),
        ({"k": 0}, "/k"),
        ({"k": True}, "/k"),
        ({"d_in": 8.0}, "/d_in"),
        ({"d_sae": -1}, "/d_sae"),
        ({"dtype": "fp32"}, "/dtype"),
        ({"apply_b_dec_to_input": "false"}, "/apply_b_dec_to_input"),
        ({"normalize_activations": None}, "/normalize_activations"),
        ({"reshape_activations": "hook_q"}, "/reshape_activations"),
    ],
)
def test_cfg003_one_finding_with_its_pointer_and_line(change: dict[str, object], pointer: str) -> None:
    text = json.dumps(cfg("topk", **change), indent=1).encode()
    (finding,) = check(view(text, tensors("topk")), "CFG003").findings
    assert (finding.code, finding.pointer) == ("CFG003", pointer)
    key = pointer[1:]
    assert text.decode().split("\n")[(finding.line or 0) - 1].strip().startswith(f'"{key}"')


def test_cfg003_two_mistakes_are_two_findings() -> None:
    assert codes(view(cfg("topk", k="8", dtype="fp32"), tensors("topk")), "CFG003") == ["CFG003", "CFG003"]


def test_cfg003_legacy_layout_may_have_null_and_boolean_normalisation() -> None:
    legacy = {
        "architecture": "standard",
        "d_in": 8,
        "d_sae": 32,
        "dtype": "torch.float32",
        "activation_fn_str": "relu",
    }
    for value in (None, False, "none"):
        assert codes(view(legacy | {"normalize_activations": value}, tensors("standard")), "CFG003") == []
    assert codes(view(legacy | {"normalize_activations": 3}, tensors("standard")), "CFG003") == ["CFG003"]


@pytest.mark.parametrize(
    ("written", "part", "fix"),
    [
        ("JumpReLU", "'jumprelu' is meant", "safe"),
        ("TopK", "'topk' is meant", "safe"),
        ("relu", "does not know", None),
        ("batchtopk", "training architecture", None),
        ("matryoshka_batchtopk", "training architecture", None),
        (None, "null", None),
        (7, "7", None),
    ],
)
def test_cfg004_unknown_architecture(written: object, part: str, fix: str | None) -> None:
    (finding,) = check(view(cfg(architecture=written)), "CFG004").findings  # type: ignore[arg-type]
    assert part in finding.message
    assert finding.fix == fix


def test_cfg004_is_silent_where_the_legacy_migration_knows_better() -> None:
    legacy = {
        "architecture": "whatever",
        "d_in": 8,
        "d_sae": 32,
        "dtype": "float32",
        "activation_fn_str": "topk",
        "activation_fn_kwargs": {"k": 4},
    }
    assert codes(view(legacy, tensors("topk")), "CFG004") == []


@pytest.mark.parametrize(("key", "value"), [("d_in", 8), ("d_sae", 32), ("dtype", "float32")])
def test_cfg005_missing_key_with_the_value_that_the_tensors_prove(key: str, value: object) -> None:
    (finding,) = check(view(cfg(**{key: GONE})), "CFG005").findings
    assert finding.pointer == f"/{key}"
    assert finding.measured == {"header": value}
    assert finding.fix == "safe"


def test_cfg005_missing_architecture_is_never_guessed() -> None:
    (finding,) = check(view(cfg(architecture=GONE), tensors("topk")), "CFG005").findings  # type: ignore[arg-type]
    assert finding.pointer == "/architecture"
    assert finding.fix is None
    flat = {"d_in": 8, "d_sae": 32, "dtype": "float32", "hook_name": "blocks.2.hook_resid_post"}
    assert codes(view(flat, tensors("topk")), "CFG005") == ["CFG005"]


def test_cfg005_is_silent_on_saelens_2_which_knew_one_architecture() -> None:
    old = {
        "d_in": 8,
        "d_sae": 32,
        "dtype": "torch.float32",
        "hook_point": "blocks.2.hook_resid_post",
        "hook_point_layer": 2,
    }
    assert codes(view(old, tensors("standard")), "CFG005") == []


def test_cfg006_topk_without_k() -> None:
    assert codes(view(cfg("topk", k=GONE)), "CFG006") == ["CFG006"]
    assert codes(view(cfg("topk", k=GONE, activation_fn_kwargs={"k": 4})), "CFG006") == ["CFG006"]
    assert codes(view(cfg("topk", k=GONE, top_k=4)), "CFG006") == ["CFG006"]
    assert codes(view(cfg("topk")), "CFG006") == []


def test_cfg006_legacy_keeps_k_in_the_kwargs() -> None:
    legacy = {
        "architecture": "topk",
        "d_in": 8,
        "d_sae": 32,
        "dtype": "float32",
        "activation_fn_str": "topk",
        "activation_fn_kwargs": {"k": 4},
    }
    assert codes(view(legacy, tensors("topk")), "CFG006") == []
    assert codes(view(legacy | {"activation_fn_kwargs": {}}, tensors("topk")), "CFG006") == ["CFG006"]


def test_cfg007_k_out_of_range_or_twice() -> None:
    assert codes(view(cfg("topk", k=33)), "CFG007") == ["CFG007"]
    assert codes(view(cfg("topk", k=32)), "CFG007") == ["CFG007"], "all of them: nothing is selected"
    assert codes(view(cfg("topk", k=31)), "CFG007") == []
    legacy = {"architecture": "topk", "d_in": 8, "d_sae": 32, "dtype": "float32", "activation_fn_str": "topk"}
    assert codes(view(legacy | {"k": 4, "activation_fn_kwargs": {}}, tensors("topk")), "CFG007") == ["CFG007"]
    assert codes(view(legacy | {"k": 4, "activation_fn_kwargs": {"k": 5}}, tensors("topk")), "CFG007") == [
        "CFG007"
    ]
    assert codes(view(legacy | {"activation_fn_kwargs": {"k": 5}}, tensors("topk")), "CFG007") == []


@pytest.mark.parametrize(
    ("metadata", "fix"),
    [
        ({"sae_lens_version": GONE}, "safe"),
        ({"sae_lens_version": ""}, "safe"),
        ({"sae_lens_version": "5.9.0"}, "safe"),
    ],
)
def test_cfg008_metadata_that_is_lost(metadata: dict[str, object], fix: str) -> None:
    (finding,) = check(view(cfg(metadata=metadata)), "CFG008").findings
    assert "hook_name and model_name are None" in finding.message
    assert finding.fix == fix


def test_cfg008_null_metadata_and_legacy_keys_need_a_person() -> None:
    null = json.dumps(cfg() | {"metadata": None}).encode()
    assert check(view(null), "CFG008").findings[0].fix is None
    mixed = cfg(metadata={"sae_lens_version": GONE}, hook_name="blocks.2.hook_resid_post")
    assert check(view(mixed), "CFG008").findings[0].fix is None
    assert codes(view(cfg()), "CFG008") == []
    assert codes(view(cfg(metadata={"sae_lens_version": GONE}, sae_lens_version="6.1.0")), "CFG008") == []


@pytest.mark.parametrize(
    ("folder", "hook", "fires"),
    [
        ("lab_L2_mixed", "blocks.3.hook_resid_post", True),
        ("layer_12/width_16k", "blocks.2.hook_resid_post", True),
        ("blocks.2.hook_resid_post", "blocks.10.hook_resid_post", True),
        ("lab_L2_mixed", "blocks.2.hook_resid_post", False),
        ("lab_L2_mixed", "blocks.3.hook_resid_pre", False),
        ("lab_L3_mixed", "blocks.3.hook_resid_pre", False),
        ("l0_40", "blocks.2.hook_resid_post", False),
        ("average_l0_82", "blocks.2.hook_resid_post", False),
        ("topk_k64_x4", "model.layers.2", False),
        ("layers.7", "model.layers.7", False),
        ("h.7.mlp", "transformer.h.6", True),
    ],
)
def test_cfg012_layers(folder: str, hook: str, fires: bool) -> None:
    found = codes(view(cfg(metadata={"hook_name": hook}), folder=folder), "CFG012")
    assert found == (["CFG012"] if fires else [])


def test_cfg012_is_an_error_inside_one_configuration() -> None:
    legacy = {
        "architecture": "standard",
        "d_in": 8,
        "d_sae": 32,
        "dtype": "float32",
        "activation_fn_str": "relu",
        "hook_name": "blocks.2.hook_resid_post",
    }
    (finding,) = check(view(legacy | {"hook_layer": 5}, tensors("standard"), folder="x"), "CFG012").findings
    assert finding.severity is Severity.ERROR
    assert codes(view(legacy | {"hook_layer": 2}, tensors("standard"), folder="x"), "CFG012") == []


@pytest.mark.parametrize(
    ("hook", "fires"),
    [
        ("model.layers.2.hook_resid_post", True),
        ("we_will_override", True),
        ("", False),
        ("blocks.2.hook_resid_post", False),
        ("blocks.2.attn.hook_z", False),
        ("hook_embed", False),
        ("model.layers.2", False),
        ("gpt_neox.layers.2.mlp", False),
    ],
)
def test_cfg013_hook_name_form(hook: str, fires: bool) -> None:
    assert codes(view(cfg(metadata={"hook_name": hook})), "CFG013") == (["CFG013"] if fires else [])


def test_findings_name_the_sae_and_keep_their_fingerprint_when_lines_move() -> None:
    one = check(view(json.dumps(cfg("topk", k="8")).encode(), tensors("topk"))).findings
    two = check(view(json.dumps(cfg("topk", k="8"), indent=4).encode(), tensors("topk"))).findings
    assert [f.sae_id for f in one] == [FOLDER]
    assert [f.fingerprint for f in one] == [f.fingerprint for f in two]
    assert [f.line for f in one] != [f.line for f in two]


@pytest.mark.parametrize(
    ("hook", "told"),
    [("blocks.2.hook_resid_post", True), ("blocks.2.attn.hook_z", False), ("blocks.2.attn.hook_q", True)],
)
def test_cfg003_only_a_hook_z_is_reshaped_as_one(hook: str, told: bool) -> None:
    found = check(view(cfg(reshape_activations="hook_z", metadata={"hook_name": hook})), "CFG003").findings
    assert ["loading raises ValueError" in one.message for one in found] == ([True] if told else [])


@pytest.mark.parametrize("digits", [9, 10, 4400])
def test_numbers_of_any_length_crash_no_rule(digits: int) -> None:
    number = "9" * digits
    for metadata in (
        {"hook_name": f"blocks.{number}.hook_resid_post"}, {"hook_name": f"model.layers.{number}"}, {"hf_hook_name": f"model.layers.{number}.mlp"},
        {"neuronpedia_id": f"gpt2-small/{number}-res-jb"}, {"model_name": f"pythia-{number}m"}, {"hook_name": f"model.layers.{number}.hook_resid_post"},
    ):  # fmt: skip
        check(view(cfg(metadata=metadata)))
    check(
        view(
            readme=README
            + f"```python\nx = out.hidden_states[{number}]\ny = out.hidden_states[0x{number}]\n```\n"
        )
    )
