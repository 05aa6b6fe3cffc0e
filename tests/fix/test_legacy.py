"""Legacy and training configurations, written as SAELens has them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from builders import cfg, tensors
from fix.folders import codes, contents, fixed, read, sae

from hubkit.fix.legacy import migrated_to_v6
from hubkit.fix.registry import Refusal

HOOK = "blocks.2.hook_resid_post"


def legacy(**changes: Any) -> dict[str, Any]:
    """As SAELens 3 to 5 wrote it."""
    return {
        "architecture": "jumprelu", "d_in": 8, "d_sae": 32, "dtype": "float32", "device": "cuda", "model_name": "gpt2",
        "hook_name": HOOK, "hook_layer": 2, "hook_head_index": None, "activation_fn_str": "relu", "activation_fn_kwargs": {},
        "finetuning_scaling_factor": False, "context_size": 128, "normalize_activations": "none", "sae_lens_training_version": "5.2.1",
        "sae_lens_version": "5.2.1", "dataset_path": "a/b",
    } | changes  # fmt: skip


def test_cfg014_makes_every_default_explicit_and_keeps_the_rest(tmp_path: Path) -> None:
    place = sae(tmp_path, legacy(), tensors("jumprelu"))
    plan = fixed(tmp_path, "CFG014")
    assert plan.refused == []
    assert read(place) == {
        "architecture": "jumprelu", "d_in": 8, "d_sae": 32, "dtype": "float32", "device": "cuda", "apply_b_dec_to_input": True,
        "normalize_activations": "none", "reshape_activations": "none",
        "metadata": {
            "sae_lens_version": "6.0.0", "sae_lens_training_version": "5.2.1", "neuronpedia_id": None, "model_name": "gpt2",
            "hook_name": HOOK, "hook_head_index": None, "prepend_bos": True, "context_size": 128, "dataset_path": "a/b",
            "hubkit": {
                "legacy": {
                    "hook_layer": 2, "activation_fn_str": "relu", "activation_fn_kwargs": {}, "finetuning_scaling_factor": False,
                    "sae_lens_version": "5.2.1",
                }
            },
        },
    }  # fmt: skip
    assert fixed(tmp_path).fixes == []


def test_no_training_version_is_claimed_that_the_file_did_not_state() -> None:
    raw = legacy()
    del raw["sae_lens_training_version"]
    assert migrated_to_v6(raw)["metadata"]["sae_lens_training_version"] is None


def test_every_value_of_the_file_is_still_somewhere() -> None:
    raw = legacy(hook_point="x", lr=3e-4, normalize_activations=None, custom={"a": [1, 2.0]})
    v6 = migrated_to_v6(raw)
    kept = v6["metadata"]["hubkit"]["legacy"]
    for key, value in raw.items():
        assert any(key in place and place[key] == value for place in (v6, v6["metadata"], kept)), key


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"architecture": "topk", "activation_fn_str": "topk", "activation_fn_kwargs": {"k": 4}}, {"architecture": "topk", "k": 4, "rescale_acts_by_decoder_norm": False}),
        ({"architecture": "standard", "activation_fn_str": "topk", "activation_fn_kwargs": {"k": 4}}, {"architecture": "topk", "k": 4}),
        ({"normalize_activations": True}, {"normalize_activations": "expected_average_only_in"}),
        ({"hook_name": "blocks.2.attn.hook_z"}, {"reshape_activations": "hook_z"}),
        ({"apply_b_dec_to_input": False}, {"apply_b_dec_to_input": False}),
    ],
)  # fmt: skip
def test_what_the_migration_decides(changes: dict[str, Any], expected: dict[str, Any]) -> None:
    v6 = migrated_to_v6(legacy(**changes))
    assert {key: v6[key] for key in expected} == expected


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"architecture": "topk", "activation_fn_kwargs": {}}, "CFG007"),
        ({"architecture": "topk", "activation_fn_kwargs": {"k": 4}, "k": 8}, "CFG007"),
        ({"architecture": "crosscoder"}, "crosscoder"),
        ({"architecture": "transcoder"}, "transcoder"),
    ],
)
def test_what_is_not_migrated(changes: dict[str, Any], part: str) -> None:
    with pytest.raises(Refusal, match=part):
        migrated_to_v6(legacy(**changes))


def test_a_topk_without_k_is_refused_and_a_missing_size_comes_from_the_weights_first(tmp_path: Path) -> None:
    raw = legacy(architecture="topk")
    del raw["activation_fn_kwargs"]
    sae(tmp_path, raw, tensors("topk"))
    assert "CFG006" in fixed(tmp_path, "CFG014").refused[0].reason
    raw = legacy()
    del raw["d_sae"]
    place = sae(tmp_path / "other", raw, tensors("jumprelu"))
    assert fixed(tmp_path / "other", "CFG005,CFG014").fixes[0].codes == ("CFG005", "CFG014")
    assert read(place)["d_sae"] == 32


def test_cfg015_moves_training_keys_as_the_export_does(tmp_path: Path) -> None:
    training = {"decoder_init_norm": 0.1, "l1_coefficient": 5.0, "lp_norm": 1.0, "l1_warm_up_steps": 0}
    place = sae(tmp_path, cfg("standard", **training, lr=3e-4, wandb_project="x"), folder="one")
    plan = fixed(tmp_path, "CFG015")
    assert plan.refused == []
    found = read(place)
    assert found["metadata"]["training_architecture"] == "standard"
    assert found["metadata"]["training_architecture_details"] == training
    assert found["metadata"]["hubkit"]["training"] == {"lr": 3e-4, "wandb_project": "x"}
    assert not {*training, "lr", "wandb_project"} & found.keys()
    assert codes(tmp_path) == []


def test_cfg015_does_not_guess_the_training_and_does_not_overwrite(tmp_path: Path) -> None:
    place = sae(tmp_path, cfg("standard", l1_coefficient=5.0))
    fixed(tmp_path, "CFG015")
    assert "training_architecture" not in read(place)["metadata"]
    sae(
        tmp_path,
        cfg(
            "standard",
            l1_coefficient=5.0,
            metadata={"training_architecture_details": {"l1_coefficient": 4.0}},
        ),
    )
    before = contents(tmp_path)
    plan = fixed(tmp_path, "CFG015")
    assert plan.fixes == []
    assert "4.0" in plan.refused[0].reason
    assert contents(tmp_path) == before
