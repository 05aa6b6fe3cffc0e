"""Shapes from config.json: sizes, widths at hooks, parameter counts, and all of it against what transformers builds."""

from __future__ import annotations

from typing import Any

import pytest

from hubkit.models.ambiguous import ambiguity
from hubkit.models.architecture import BY_TYPE
from hubkit.models.config import ModelShape, read_shape
from hubkit.models.known import known_config, known_models, nanochat_config
from hubkit.models.modules import modules_of
from hubkit.models.names import hub_id, is_lens_only
from hubkit.models.widths import layer_at, spellings, strip_ending, widths_at


def shape(hub: str) -> ModelShape:
    config = known_config(hub)
    assert config is not None
    found = read_shape(config)
    assert found is not None
    return found


@pytest.mark.parametrize("model", known_models(), ids=lambda model: model.ids[0])
def test_every_shipped_model_has_the_parameters_that_its_files_have(model: Any) -> None:
    found = read_shape(model.config)
    assert found is not None
    if (
        found.model_type != "gemma4_text"
    ):  # its layers differ in all of these; vocabulary and count are not in the source of its entry
        assert None not in (found.d_mlp, found.n_heads, found.d_head, found.n_kv_heads, found.vocab)
    if model.parameters is not None:
        assert found.parameters == model.parameters


def test_no_id_stands_twice_in_the_table() -> None:
    ids = [name.lower() for model in known_models() for name in model.ids]
    assert len(ids) == len(set(ids)) > 40


def test_gemma_4() -> None:
    found = shape("google/gemma-4-E2B")
    assert (found.model_type, found.n_layers, found.d_model, found.parameters) == (
        "gemma4_text",
        35,
        1536,
        None,
    )
    assert set(widths_at(found, "model.language_model.layers.25")) == {1536}


@pytest.mark.parametrize(("depth", "millions"), [(20, 561), (32, 1879)])
def test_nanochat_by_its_dial(depth: int, millions: int) -> None:
    config = nanochat_config(f"karpathy/nanochat-d{depth}")
    assert config is not None
    found = read_shape(config)
    assert found is not None
    d = 64 * depth
    assert found.parameters == 12 * depth * d**2 + 2 * 65536 * d
    assert round(found.parameters / 1e6) == millions
    assert (found.n_layers, found.d_model, found.d_mlp) == (depth, d, 4 * d)


@pytest.mark.parametrize("name", ["nanochat-d0", "nanochat-d13", "nanochat", "nanochat-d20-rl", "gpt2"])
def test_what_is_no_nanochat(name: str) -> None:
    assert nanochat_config(name) is None


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"model_type": "gpt2"},
        {"model_type": "gpt2", "n_layer": 12},
        {"model_type": "gpt2", "n_layer": True, "n_embd": 768},
        {"model_type": "gpt2", "n_layer": 12.0, "n_embd": 768},
        {"model_type": "gpt2", "n_layer": 12, "n_embd": 1 << 60},
        {"model_type": ["gpt2"], "n_layer": 12, "n_embd": 768},
        {"model_type": "t5", "num_hidden_layers": 12, "hidden_size": 768},
        {"model_type": "llama", "text_config": []},
    ],
)
def test_what_states_no_shape(config: dict[str, Any]) -> None:
    assert read_shape(config) is None


def test_what_is_not_stated_is_not_known() -> None:
    found = read_shape(
        {"model_type": "mistral", "num_hidden_layers": 2, "hidden_size": 64, "num_attention_heads": 4}
    )
    assert found is not None
    assert (found.n_kv_heads, found.d_mlp, found.parameters, found.d_head) == (None, None, None, 16)
    assert widths_at(found, "blocks.0.attn.hook_k") == {}
    assert widths_at(found, "blocks.0.mlp.hook_post") == {}


def test_a_text_model_inside_another() -> None:
    found = shape("google/gemma-3-4b-it")
    assert (found.model_type, found.n_layers, found.d_model) == ("gemma3_text", 34, 2560)
    # As on the Hub: heads are left out where they are the class's own.
    config = {"model_type": "gemma3", "text_config": {"model_type": "gemma3_text", "num_hidden_layers": 34, "hidden_size": 2560}}  # fmt: skip
    short = read_shape(config)
    assert short is not None
    assert (short.n_heads, short.n_kv_heads, short.d_head) == (8, 4, 256)


@pytest.mark.parametrize(
    ("hub", "hook", "widths"),
    [
        ("gpt2", "blocks.3.hook_resid_pre", {768}),
        ("gpt2", "blocks.3.mlp.hook_post", {3072}),
        ("gpt2", "transformer.h.3", {768}),
        ("gpt2", "transformer.h.3.mlp.c_fc", {3072}),
        ("gpt2", "transformer.h.3.mlp.c_fc.output", {3072}),
        ("gpt2", "transformer.h.3.mlp.c_proj.input", set()),
        ("gpt2", "hook_embed", {768}),
        ("gpt2", "blocks.3.attn.hook_pattern", set()),
        ("gpt2", "blocks.3.attn.hook_result", set()),
        ("gpt2", "model.layers.3", set()),
        ("gpt2", "model.layers.3.hook_resid_post", set()),
        ("google/gemma-2-2b", "blocks.3.attn.hook_z", {2048}),
        ("google/gemma-2-2b", "blocks.3.hook_attn_out", {2304}),
        ("google/gemma-2-2b", "blocks.3.attn.hook_v", {1024, 2048}),
        ("google/gemma-2-2b", "model.layers.3.self_attn.v_proj", {1024}),
        ("Qwen/Qwen3-0.6B", "blocks.3.attn.hook_q", {2048}),
        ("Qwen/Qwen3-0.6B", "model.layers.3.self_attn.o_proj", {1024}),
        ("microsoft/Phi-4-mini-instruct", "model.layers.3.self_attn.qkv_proj", {24 * 128 + 2 * 8 * 128}),
        ("google/gemma-3-4b-pt", "model.language_model.layers.3.mlp.up_proj", {10240}),
        ("google/gemma-3-4b-pt", "vision_tower.encoder.layers.26", set()),
    ],
)
def test_width_at_a_hook(hub: str, hook: str, widths: set[int]) -> None:
    assert set(widths_at(shape(hub), hook)) == widths


def test_one_head_has_the_head_dimension() -> None:
    found = shape("gpt2")
    assert set(widths_at(found, "blocks.3.attn.hook_z", 5)) == {64}
    assert widths_at(found, "blocks.3.hook_resid_post", 5) == {}


@pytest.mark.parametrize(
    ("hook", "layer"),
    [
        ("blocks.12.hook_resid_pre", 12),
        ("transformer.h.7.mlp", 7),
        ("hook_embed", None),
        ("vision.encoder.layers.26", None),
        ("decoder.blocks.3.hook_mlp_out", None),
        ("we_will_override", None),
    ],
)
def test_layer_at_a_hook(hook: str, layer: int | None) -> None:
    assert layer_at(shape("gpt2"), hook) == layer


def test_module_paths() -> None:
    found = shape("gpt2")
    assert (found.block(3), found.mlp_module(3), found.attn_module(3)) == (
        "transformer.h.3",
        "transformer.h.3.mlp",
        "transformer.h.3.attn",
    )
    assert strip_ending("model.layers.3.output") == "model.layers.3"
    assert spellings(found, "model.layers.3") == ["model.layers.3"]
    nested = spellings(shape("google/gemma-3-4b-it"), "language_model.model.layers.3.mlp")
    assert {"model.layers.3.mlp", "model.language_model.layers.3.mlp"} <= set(nested)


@pytest.mark.parametrize(
    ("model_type", "hook", "unclear"),
    [
        ("bloom", "blocks.3.hook_mlp_out", True),
        ("granite", "blocks.3.hook_attn_out", True),
        ("olmo2", "blocks.3.hook_mlp_out", True),
        ("olmo", "blocks.3.hook_mlp_out", False),
        ("bloom", "blocks.3.hook_resid_post", False),
        ("bloom", "hook_mlp_out", False),
        ("gpt2", "blocks.3.hook_mlp_out", False),
    ],
)
def test_ambiguous_hooks(model_type: str, hook: str, unclear: bool) -> None:
    assert (ambiguity(model_type, hook) is not None) is unclear


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("gpt2-small", "openai-community/gpt2"),
        ("gpt2", "openai-community/gpt2"),
        ("gpt2-xl", "openai-community/gpt2-xl"),
        ("pythia-160m", "EleutherAI/pythia-160m"),
        ("pythia-125m", "EleutherAI/pythia-160m"),
        ("EleutherAI/pythia-70m-deduped", "EleutherAI/pythia-70m-deduped"),
        ("pythia-70m-deduped", "EleutherAI/pythia-70m-deduped"),
        ("gemma-2-2b", "google/gemma-2-2b"),
        ("gemma-2b", "google/gemma-2b"),
        ("Llama-3.2-1B", "meta-llama/Llama-3.2-1B"),
        ("mistral-7b", "mistralai/Mistral-7B-v0.1"),
        ("tiny-stories-33M", "roneneldan/TinyStories-33M"),
        ("somebody/their-model", "somebody/their-model"),
        ("attn-only-2l-demo", None),
        ("othello-gpt", None),
        ("/home/me/model", None),
        ("../model", None),
        ("C:\\models\\x", None),
        ("my-finetune", None),
    ],
)
def test_what_the_hub_calls_it(name: str, found: str | None) -> None:
    assert hub_id(name) == found


def test_models_of_transformer_lens_alone() -> None:
    assert is_lens_only("gelu-1l")
    assert is_lens_only("NeelNanda/Attn_Only_2L512W_C4_Code") or hub_id("NeelNanda/Attn_Only_2L512W_C4_Code")
    assert not is_lens_only("gpt2")


SMALL: dict[str, dict[str, Any]] = {
    "gpt2": {"n_layer": 2, "n_embd": 32, "n_head": 4, "n_positions": 64},
    "gptj": {"n_layer": 2, "n_embd": 32, "n_head": 4, "n_positions": 64, "rotary_dim": 4},
    "gpt_neo": {
        "num_layers": 2, "hidden_size": 32, "num_heads": 4, "max_position_embeddings": 64, "attention_types": [[["global", "local"], 1]],
    },
    "bloom": {"n_layer": 2, "hidden_size": 32, "n_head": 4},
    "falcon": {"num_hidden_layers": 2, "hidden_size": 32, "num_attention_heads": 4},
    "opt": {
        "num_hidden_layers": 2, "hidden_size": 32, "num_attention_heads": 4, "ffn_dim": 80, "max_position_embeddings": 64, "word_embed_proj_dim": 32,
    },
    "mamba": {"num_hidden_layers": 2, "hidden_size": 32},
}  # fmt: skip
USUAL = {
    "num_hidden_layers": 2, "hidden_size": 32, "intermediate_size": 80, "num_attention_heads": 4, "num_key_value_heads": 2,
    "max_position_embeddings": 64, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2,
}  # fmt: skip
OWN_HEADS = {"gemma", "gemma2", "gemma3_text", "qwen3"}
NO_GROUPS = {"gpt_neox"}
COUNTED = sorted(name for name, architecture in BY_TYPE.items() if architecture.modules)


def small_config(model_type: str) -> dict[str, Any]:
    config = {"model_type": model_type, "vocab_size": 100, **SMALL.get(model_type, USUAL)}
    if model_type in OWN_HEADS:
        config["head_dim"] = 16
    if model_type in NO_GROUPS:
        del config["num_key_value_heads"]
    if model_type in {"mixtral", "qwen2_moe", "qwen3_moe", "olmoe"}:
        config |= {
            "num_local_experts": 2,
            "num_experts": 2,
            "num_experts_per_tok": 1,
            "moe_intermediate_size": 16,
        }
    if model_type == "gemma4_text":
        config |= {"vocab_size_per_layer_input": 100, "hidden_size_per_layer_input": 8}
    return config


@pytest.mark.train
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("model_type", COUNTED)
def test_against_what_transformers_builds(model_type: str) -> None:
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    config = small_config(model_type)
    found = read_shape(config)
    assert found is not None
    stated = {key: value for key, value in config.items() if key != "model_type"}
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model(model_type, **stated)).eval()
    if found.architecture.counting is not None:
        assert found.parameters == sum(p.numel() for p in model.parameters())
    modules = dict(model.named_modules())
    assert len(modules[found.blocks]) == found.n_layers
    widths: dict[str, int] = {}

    def remember(name: str) -> Any:
        def hook(_module: Any, _inputs: Any, output: Any) -> None:
            widths[name] = (output[0] if isinstance(output, tuple) else output).shape[-1]

        return hook

    paths = [found.block(1), *(f"{found.block(1)}.{inner}" for inner in found.architecture.modules)]
    for path in paths:
        modules[path].register_forward_hook(remember(path))
    with torch.no_grad():
        model(torch.tensor([[3, 4, 5]]))
    for path in paths:
        expected = widths_at(found, path)
        assert not expected or set(expected) == {widths[path]}, path
        assert layer_at(found, path) == 1
    for module in (found.mlp_module(1), found.attn_module(1)):
        assert module is None or module in modules


@pytest.mark.train
def test_modules_of_a_model_that_is_never_downloaded() -> None:
    config = known_config("google/gemma-3-1b-it")
    assert config is not None
    found = modules_of({**config, "auto_map": {"AutoModelForCausalLM": "evil--repo.Model"}})
    assert found is not None
    assert "model.layers.25.mlp.down_proj" in found.names
    assert "model.layers.26" not in found.names
    assert "Gemma3ForCausalLM" in found.classes
    assert modules_of({"model_type": "no_such_type"}) is None
