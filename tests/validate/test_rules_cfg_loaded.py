"""CFG009 to CFG021: what SAELens makes of a configuration in silence, and the legitimate cases beside each defect."""

from __future__ import annotations

import json
from typing import Any

import pytest
from builders import D_IN, FOLDER, GONE, README, cfg, check, codes, tensors, view
from safetensors.numpy import save

from hubkit.repo.memory import MemoryView
from hubkit.validate.finding import Severity

LEGACY: dict[str, Any] = {
    "architecture": "standard", "d_in": 8, "d_sae": 32, "dtype": "float32", "activation_fn_str": "relu", "activation_fn_kwargs": {},
    "apply_b_dec_to_input": True, "normalize_activations": "none", "prepend_bos": True, "model_name": "lab/tiny",
    "hook_name": "blocks.2.hook_resid_post", "hook_layer": 2,
}  # fmt: skip


def several(*saes: tuple[str, dict[str, Any]]) -> MemoryView:
    files = {"README.md": README.encode(), "evaluation.json": b"{}"}
    for folder, configuration in saes:
        files[f"{folder}/cfg.json"] = json.dumps(configuration).encode()
        files[f"{folder}/sae_weights.safetensors"] = save(
            tensors(configuration["architecture"], configuration["d_in"], configuration["d_sae"])
        )
    return MemoryView(name="memory", files=files)


def test_cfg009_is_for_the_v6_layout_and_no_transcoder() -> None:
    assert codes(view(LEGACY | {"apply_b_dec_to_input": True}, tensors("standard")), "CFG009") == []
    assert codes(view(cfg("transcoder", apply_b_dec_to_input=GONE)), "CFG009,CFG017") == ["CFG017"]
    for key in ("apply_b_dec_to_input", "normalize_activations"):
        (finding,) = check(view(cfg(**{key: GONE})), "CFG009").findings
        assert (finding.fix, finding.pointer) == ("unsafe", f"/{key}")
    assert codes(view(cfg("transcoder", normalize_activations=GONE)), "CFG009") == ["CFG009"]
    unstated = {k: v for k, v in LEGACY.items() if k != "normalize_activations"}
    assert codes(view(unstated, tensors("standard")), "CFG009") == []


def test_cfg010_the_factor_the_scaler_file_and_the_unknown_value() -> None:
    scaled = cfg(normalize_activations="expected_average_only_in")
    assert [f.severity for f in check(view(scaled), "CFG010").findings] == [Severity.WARNING]
    stored = view(scaled, files={f"{FOLDER}/activation_scaler.json": b"{}"})
    assert [f.severity for f in check(stored, "CFG010").findings] == [Severity.NOTE]
    unknown = check(view(cfg(normalize_activations="unit_norm")), "CFG003,CFG010").findings
    assert [(f.code, f.severity) for f in unknown] == [("CFG010", Severity.ERROR)]
    assert codes(view(LEGACY | {"normalize_activations": True}, tensors("standard")), "CFG010") == ["CFG010"]
    for fine in ("none", "layer_norm", "constant_norm_rescale"):
        assert codes(view(cfg(normalize_activations=fine)), "CFG010") == []


@pytest.mark.parametrize("key", ["hook_name", "model_name"])
def test_cfg011_missing_or_a_placeholder(key: str) -> None:
    for absent in (GONE, None, "", "we_will_override", "TODO"):
        (finding,) = check(view(cfg(metadata={key: absent})), "CFG011").findings
        assert finding.pointer == f"/metadata/{key}"
    assert codes(view({k: v for k, v in LEGACY.items() if k != key}, tensors("standard")), "CFG011") == [
        "CFG011"
    ]
    assert codes(view(LEGACY, tensors("standard")), "CFG011") == []


def test_cfg011_leaves_a_missing_version_to_cfg008_and_sees_flat_keys_under_version_6() -> None:
    assert codes(view(cfg(metadata={"sae_lens_version": GONE})), "CFG011,CFG008") == ["CFG008"]
    flat = LEGACY | {"sae_lens_version": "6.1.0"}
    found = check(view(flat, tensors("standard")), "CFG011,CFG014").findings
    assert [f.code for f in found] == ["CFG011", "CFG011"]
    assert "top level" in found[0].message


def test_cfg014_says_what_the_migration_assumes() -> None:
    bare = {key: LEGACY[key] for key in ("d_in", "d_sae", "dtype", "activation_fn_str", "model_name")}
    (finding,) = check(
        view(bare | {"hook_point": "blocks.2.attn.hook_z"}, tensors("standard")), "CFG014"
    ).findings
    for word in (
        "architecture standard",
        "apply_b_dec_to_input true",
        "prepend_bos true",
        "hook_z",
        "normalize_activations none",
    ):
        assert word in finding.message
    (explicit,) = check(view(LEGACY, tensors("standard")), "CFG014").findings
    assert explicit.severity is Severity.NOTE
    assert "assumes" not in explicit.message
    assert codes(view(), "CFG014") == []


def test_cfg015_and_cfg016_share_the_keys_between_them() -> None:
    both = view(cfg(l1_coefficient=5, aply_b_dec_to_input=True, training_condition="mixed", hook_layer=2))
    found = {f.pointer: f for f in check(both, "CFG015,CFG016").findings}
    assert {pointer: f.code for pointer, f in found.items()} == {
        "/l1_coefficient": "CFG015", "/aply_b_dec_to_input": "CFG016", "/training_condition": "CFG016",
    }  # fmt: skip
    assert "metadata" in found["/training_condition"].hint


def test_cfg016_suggests_the_field_that_is_meant() -> None:
    misspelled = cfg("topk", rescale_acts_by_decoder_norm=GONE, rescale_act_by_decoder_norm=True)
    (finding,) = check(view(misspelled), "CFG016").findings
    assert "'rescale_acts_by_decoder_norm' is meant" in finding.message
    assert codes(view(LEGACY | {"anything": 1}, tensors("standard")), "CFG016") == []
    assert codes(view(cfg(_comment="mine", **{"$schema": "x"})), "CFG016") == []


def test_cfg017_error_on_a_transcoder_that_subtracts() -> None:
    found = check(view(cfg("transcoder", apply_b_dec_to_input=True)), "CFG003,CFG017").findings
    assert [(f.code, f.severity) for f in found] == [("CFG017", Severity.ERROR)]


@pytest.mark.parametrize(
    ("changes", "folder", "fires"),
    [
        ({"use_b_dec_out": True}, "x_L2", True),
        ({"d_out": 16}, "x_L2", True),
        ({"metadata": {"hook_name_out": "blocks.2.hook_mlp_out"}}, "x_L2", True),
        ({}, "gpt2-layer-2-mlp-transcoder", True),
        ({"d_out": D_IN}, "x_L2", True),
        ({"d_out": None}, "x_L2", False),
        ({}, "crosscoder_L2", False),
    ],
)
def test_cfg017_marks_of_a_transcoder(changes: dict[str, Any], folder: str, fires: bool) -> None:
    assert codes(view(cfg("standard", **changes), folder=folder), "CFG017") == (["CFG017"] if fires else [])


def test_cfg018_by_window_and_kind() -> None:
    def keys(architecture: str, version: object, **more: object) -> set[str]:
        metadata = {"sae_lens_training_version": version, **more}
        found = check(view(cfg(architecture, metadata=metadata), folder="x_L2"), "CFG018").findings
        assert all((f.confidence, f.severity) == ("low", Severity.NOTE) for f in found)
        return {f.message.split(": ", 1)[1].split(" (#")[0] for f in found}

    assert any("logarithm" in text for text in keys("jumprelu", "6.47.9"))
    assert keys("jumprelu", "6.48.0") == set()
    assert keys("jumprelu", "6.47.9", training_architecture="batchtopk") != keys("jumprelu", "6.47.9")
    assert keys("standard", "6.10.0") == set()
    assert keys("jumprelu", None) == keys("jumprelu", "eleuther") == set()


def test_cfg019_new_and_old_forms() -> None:
    topk = LEGACY | {"activation_fn_str": "topk", "activation_fn_kwargs": {"k": 4}}
    old = check(view(topk, tensors("topk")), "CFG019").findings
    assert [f.severity for f in old] == [Severity.NOTE]
    new = check(view(topk | {"sae_lens_training_version": "5.3.0"}, tensors("topk")), "CFG019").findings
    assert [f.severity for f in new] == [Severity.WARNING]
    assert codes(view(topk | {"architecture": "jumprelu"}, tensors("topk")), "CFG019") == ["CFG019"]
    assert codes(view(LEGACY, tensors("standard")), "CFG019") == []


@pytest.mark.parametrize(
    ("sentence", "fires"),
    [
        ("Activations were collected from the model loaded in bitsandbytes 4-bit nf4.", True),
        ("Residual stream activations, extracted during 4-bit quantized inference.", True),
        ("The base model was run in 8-bit.", True),
        ("The activations are in full precision; nothing was 4-bit.", False),
        ("The SAE weights are quantized to 8-bit.", False),
        ("A 4-bit version of the SAE may follow.", False),
        ("Activations have 16 bits.", False),
    ],
)
def test_cfg020_sentences(sentence: str, fires: bool) -> None:
    card = f"{README}\n{sentence}\n"
    assert codes(view(readme=card), "CFG020") == (["CFG020"] if fires else [])
    said = cfg(metadata={"model_from_pretrained_kwargs": {"load_in_4bit": True}})
    assert codes(view(said, readme=card), "CFG020") == []


@pytest.mark.parametrize(
    ("folder", "architecture", "changes", "fires"),
    [
        ("topk_k64", "topk", {"k": 4}, True),
        ("batch_topk_x4", "topk", {}, True),
        ("topk64_L2", "topk", {"k": 4}, True),
        ("topk4_L2", "topk", {"k": 4}, False),
        ("topk_16384", "topk", {"k": 4}, False),
        ("w_16k_k4", "topk", {"k": 4}, False),
        ("jumprelu_L2", "gated", {}, True),
        (
            "jumprelu_L2",
            "standard",
            {
                "metadata": {
                    "training_architecture": "jumprelu",
                    "hubkit": {"rewritten": {"rule": "THR001", "from": "jumprelu", "to": "standard"}},
                }
            },
            False,
        ),
        ("batchtopk_k40", "jumprelu", {"metadata": {"training_architecture": "batchtopk"}}, False),
        ("batch-topk-k40", "jumprelu", {}, False),
        (
            "matryoshka_k40",
            "jumprelu",
            {"metadata": {"training_architecture": "matryoshka_batchtopk"}},
            False,
        ),
        ("gated_L2", "jumprelu", {}, True),
        ("propagated_L2", "jumprelu", {}, False),
        ("jumprelu_transcoder", "jumprelu_transcoder", {}, False),
        ("standard_setting", "topk", {}, False),
        ("width_16k_L2", "standard", {"d_sae": 64}, True),
        ("width_64", "standard", {"d_sae": 64}, False),
        ("d_sae_32", "standard", {"d_sae": 32}, False),
    ],
)
def test_cfg021_what_a_name_states(
    folder: str, architecture: str, changes: dict[str, Any], fires: bool
) -> None:
    configuration = cfg(architecture, **changes)
    weights = tensors(architecture, d_sae=configuration["d_sae"])
    assert codes(view(configuration, weights, folder=folder), "CFG021") == (["CFG021"] if fires else [])


def test_cfg021_sixteen_k_is_either_of_two_numbers() -> None:
    for d_sae in (16_000, 16_384):
        configuration = cfg("standard", d_sae=d_sae)
        assert (
            codes(view(configuration, tensors("standard", d_sae=d_sae), folder="width_16k"), "CFG021") == []
        )


def test_cfg021_one_width_for_one_kind_of_hook() -> None:
    odd = several(
        ("a", cfg("standard")),
        ("b", cfg("standard", metadata={"hook_name": "blocks.5.hook_resid_pre"})),
        ("c", cfg("standard", d_in=16)),
    )
    (finding,) = check(odd, "CFG021").findings
    assert finding.message.startswith("c: d_in is 16")
    mlp = several(
        ("a", cfg("standard")),
        ("b", cfg("standard", d_in=32, metadata={"hook_name": "blocks.2.mlp.hook_post"})),
    )
    assert codes(mlp, "CFG021") == []
    other = several(
        ("a", cfg("standard")), ("b", cfg("standard", d_in=16, metadata={"model_name": "gpt2-xl"}))
    )
    assert codes(other, "CFG021") == []


def test_cfg005_a_transcoder_without_d_out_is_given_768() -> None:
    (finding,) = check(view(cfg("transcoder", d_out=GONE)), "CFG005").findings
    assert "768" in finding.message
    assert (finding.measured, finding.fix) == ({"header": 8}, None)


@pytest.mark.parametrize("k", [0, -1, "4", 4.0])
def test_cfg007_k_inside_the_kwargs_of_a_legacy_file(k: object) -> None:
    topk = LEGACY | {"architecture": "topk", "activation_fn_str": "topk"}
    assert codes(view(topk | {"activation_fn_kwargs": {"k": k}}, tensors("topk")), "CFG007") == ["CFG007"]
    assert codes(view(topk | {"activation_fn_kwargs": {"k": 4}}, tensors("topk")), "CFG007") == []
