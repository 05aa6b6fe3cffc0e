"""Every family by its keys, and those without a configuration by the names of their files."""

from __future__ import annotations

import pytest

from hubkit.formats.detect import FAMILIES, detect, detect_files
from hubkit.formats.family import threshold_of
from hubkit.tensors.header import Header, TensorInfo

CONFIGURATIONS: dict[str, dict[str, object]] = {
    "saelens": {"architecture": "topk", "d_in": 4, "d_sae": 8, "metadata": {}},
    "sparsify": {"expansion_factor": 32, "num_latents": 0, "k": 32, "d_in": 4},
    "dictionary_learning": {"trainer": {"dict_class": "AutoEncoderTopK"}, "buffer": {}},
    "llama_scope": {"hook_point_in": "a", "hook_point_out": "a", "d_model": 4, "expansion_factor": 8},
    "gemma_scope_2": {"hf_hook_point_in": "model.layers.1.output", "architecture": "jump_relu"},
    "crosscoder": {"model_name_A": "a", "model_name_B": "b", "dict_size": 4},
    "saex": {"d_in": 4, "d_sae": 8, "train_batch_size": 1, "dead_feature_window": 1},
    "transformers_or_vision": {"latent_size": 4, "hidden_size": 4, "k": 1},
    "connor_rob_hook_z": {"act_name": "blocks.0.attn.hook_z", "act_size": 768, "dict_size": 24576, "seed": 1},
    "mwhanna_transcoder": {"d_model": {"value": 4}, "d_feature": {"value": 8}, "batch_size": {"value": 1}},
    "cross_layer_transcoder": {"model_kind": "cross_layer_transcoder", "feature_input_hook": "a", "feature_output_hook": "b"},
    "circuit_tracer": {"model_kind": "transcoder_set", "feature_input_hook": "a", "feature_output_hook": "b", "transcoders": []},
    "temporal": {"llm": {"dimin": 4}, "sae": {"exp_factor": 4}, "data": {"dtype": "float32"}},
}  # fmt: skip
FILES: dict[str, list[str]] = {
    "gemma_scope": ["params.npz"],
    "gemma_scope_2": ["params.safetensors"],
    "qwen_scope": ["README.md", "layer0.sae.pt", "layer27.sae.pt"],
    "deepseek_r1": ["DeepSeek-R1-Distill-Llama-8B-SAE-l19.pt", "README.md"],
    "goodfire": ["Llama-3.1-8B-Instruct-SAE-l19.pth", "feature_labels.csv"],
    "mwhanna_transcoder": ["config.yaml", "layer_0.safetensors", "wanb-config.yaml"],
    "circuit_tracer": ["config.yaml", "layer_0.safetensors"],
    "cross_layer_transcoder": ["config.yaml", "W_enc_0.safetensors", "W_dec_0.safetensors"],
    "temporal": ["conf.yaml", "latest_ckpt.safetensors"],
    "connor_rob_hook_z": ["gpt2-small_L0_Hcat_z_v9.pt", "gpt2-small_L0_Hcat_z_v9_cfg.json"],
}


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_a_configuration_is_known_by_its_keys(name: str) -> None:
    family = detect(CONFIGURATIONS[name])
    assert family is not None
    assert family.name == name


@pytest.mark.parametrize("name", FILES)
def test_a_folder_without_a_configuration_is_known_by_its_files(name: str) -> None:
    family = detect_files(FILES[name])
    assert family is not None
    assert family.name == name


def test_every_family_has_a_test_a_loader_and_a_name_of_its_own() -> None:
    assert {family.name for family in FAMILIES} == CONFIGURATIONS.keys() | FILES.keys()
    assert len({family.name for family in FAMILIES}) == len(FAMILIES)
    assert all(family.loader for family in FAMILIES)


@pytest.mark.parametrize(
    "names",
    [
        ["README.md"],
        ["model.safetensors", "config.json", "tokenizer.json"],
        ["pytorch_model.bin"],
        ["sae_weights.safetensors"],
        ["layer_0.pt"],
        ["model.pt", "cfg.json"],
        [],
    ],
)
def test_other_folders_are_nobodys(names: list[str]) -> None:
    assert detect_files(names) is None


def header(**shapes: tuple[int, ...]) -> Header:
    return Header({name: TensorInfo(name, "F32", shape, 0, 4) for name, shape in shapes.items()}, {}, 0)


def test_the_threshold_of_a_family() -> None:
    families = {family.name: family for family in FAMILIES}
    for name in ("saelens", "gemma_scope", "gemma_scope_2", "dictionary_learning"):
        found = threshold_of(families[name], header(w_enc=(4, 8), threshold=(8,)))
        assert found is not None
        assert (found.info.name, found.is_log, found.is_scalar) == ("threshold", False, False)
    running = threshold_of(families["dictionary_learning"], header(threshold=()))
    assert running is not None
    assert running.is_scalar
    log = threshold_of(families["llama_scope"], header(log_jumprelu_threshold=(8,)))
    assert log is not None
    assert log.is_log
    assert threshold_of(families["sparsify"], header(threshold=(8,))) is None
    assert threshold_of(families["saelens"], header(threshold=(0,))) is None
