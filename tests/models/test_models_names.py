"""Names of models and hooks."""

from __future__ import annotations

import pytest

from hubkit.models.hooks import layers_named, parse_hook, same_place, width_kind
from hubkit.models.names import is_placeholder, model_key


@pytest.mark.parametrize(
    ("text", "layers"),
    [
        ("lab_L21_mixed", {21}),
        ("layer_12/width_16k", {12}),
        ("layers.5", {5}),
        ("blocks.3.hook_resid_post", {3}),
        ("h.7.mlp", {7}),
        ("resid_post_layer_50", {50}),
        ("gemma_2b_blocks.10.hook_resid_post_16384", {10}),
        ("L0_mixed", {0}),
        ("l0_40", set()),
        ("average_l0_82", set()),
        ("L0-100", set()),
        ("l1_8e-05", set()),
        ("L1_coeff_5", set()),
        ("l1=0.5", set()),
        ("L1_mixed", {1}),
        ("a_h100_run", set()),
        ("topk_k64_x4", set()),
        ("v5_32k_layer_2", {2}),
    ],
)
def test_layers_that_a_name_states(text: str, layers: set[int]) -> None:
    assert layers_named(text) == layers


@pytest.mark.parametrize(
    ("name", "form", "layer"),
    [
        ("blocks.21.hook_resid_post", "transformer_lens", 21),
        ("blocks.8.ln2.hook_normalized", "transformer_lens", 8),
        ("hook_embed", "transformer_lens", None),
        ("model.layers.21", "module_path", 21),
        ("model.layers.21.hook_resid_post", "mixed", 21),
        ("blocks.10.hook_resid_post", "transformer_lens", 10),
        ("blocks.0.hook_resid_post", "transformer_lens", 0),
        ("model.layers.0.mlp", "module_path", 0),
        ("blocks.09.hook_resid_post", "unknown", 9),
        ("model.layers.009", "unknown", 9),
        ("blocks.\u0669.hook_resid_post", "unknown", None),
        ("we_will_override", "unknown", None),
    ],
)
def test_hook_grammars(name: str, form: str, layer: int | None) -> None:
    hook = parse_hook(name)
    assert (hook.form, hook.layer) == (form, layer)


def test_resid_pre_is_the_output_of_the_block_before() -> None:
    assert same_place(parse_hook("blocks.5.hook_resid_pre")) == {4, 5}
    assert same_place(parse_hook("blocks.5.hook_resid_post")) == {5}


def test_hooks_of_equal_width() -> None:
    assert width_kind("blocks.2.hook_resid_pre") == width_kind("blocks.9.hook_resid_post") == "resid"
    assert width_kind("blocks.2.attn.hook_z") == width_kind("blocks.7.attn.hook_z") != "resid"
    assert width_kind("model.layers.2") == width_kind("model.layers.11") == "model.layers"
    assert width_kind("model.layers.2.mlp") != width_kind("model.layers.2")
    assert width_kind("model.layers.2.hook_resid_post") is None


def test_one_model_under_several_names() -> None:
    assert model_key("openai-community/gpt2") == model_key("gpt2-small") == "gpt2"
    assert model_key("meta-llama/Llama-3.2-1B") == model_key("Llama-3.2-1B")
    assert model_key("gpt2") != model_key("gpt2-medium")


@pytest.mark.parametrize(
    ("name", "empty"),
    [("we_will_override", True), ("TODO", True), (" ", True), ("gpt2", False), ("attn-only-2l-demo", False)],
)
def test_placeholders(name: str, empty: bool) -> None:
    assert is_placeholder(name) is empty
