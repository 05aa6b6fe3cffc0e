"""Hooks by their names: what there is, what is a slip, and what may be somebody's own."""

from __future__ import annotations

import pytest

from hubkit.models.config import ModelShape, read_shape
from hubkit.models.known import known_config
from hubkit.models.sites import IN_BLOCK, misnamed


def shape(hub_id: str | None) -> ModelShape | None:
    config = known_config(hub_id) if hub_id else None
    assert config is not None or hub_id is None
    return read_shape(config) if config else None


GPT2, PYTHIA, LLAMA, GEMMA3 = (
    "gpt2",
    "EleutherAI/pythia-70m",
    "meta-llama/Llama-3.2-1B",
    "google/gemma-3-4b-it",
)
WRONG = [
    ("blocks.5.hook_resid_posts", GPT2, "blocks.5.hook_resid_post", True), ("block.5.hook_resid_post", GPT2, "blocks.5.hook_resid_post", True),
    ("Blocks.5.hook_resid_post", None, "blocks.5.hook_resid_post", False), ("blocks.5.hook_mlpout", None, "blocks.5.hook_mlp_out", False),
    ("blocks.5.hook_resid_pst", None, "blocks.5.hook_resid_post", False), ("blocks.5.hook_Resid_Post", None, "blocks.5.hook_resid_post", False),
    ("blocks.5.attn.hook_zz", GPT2, "blocks.5.attn.hook_z", True), ("blocks.5.attn.hookz", GPT2, "blocks.5.attn.hook_z", True),
    ("blocks.5.ln2.hook_normalised", None, "blocks.5.ln2.hook_normalized", False), ("blocks.5.resid_post", GPT2, "blocks.5.hook_resid_post", True),
    ("blocks.5.hook_post", GPT2, "blocks.5.mlp.hook_post", False), ("hook_embeds", None, "hook_embed", False),
    ("model.layer.5", LLAMA, "model.layers.5", True), ("model.layer.5", None, "model.layers.5", False), ("gpt_neox.layer.5", PYTHIA, "gpt_neox.layers.5", True),
    ("gpt_neox.layer.5.mlp", None, "gpt_neox.layers.5.mlp", False), ("transformers.h.5", GPT2, "transformer.h.5", True), ("models.layers.5", None, "model.layers.5", False),
    ("transformer.h.5", LLAMA, "model.layers.5", False), ("model.layers.5", GPT2, "transformer.h.5", False),
]  # fmt: skip
RIGHT = [
    ("blocks.5.hook_resid_mid", GPT2), ("blocks.5.hook_resid_mid", None), ("blocks.5.hook_cls_token", None), ("blocks.5.hook_resid_post_ln", None),
    ("blocks.5.hook_resid_post.hook_sae_acts_post", None), ("blocks.5.hook_resid_post2", None), ("blocks.5.attn.q.hook_out", None), ("blocks.5.mlp", None),
    ("blocks.5.hook_z", None), ("encoder.5.hook_resid_post", None), ("decoder.5.hook_resid_post", None), ("hook_full_embed", None), ("ln_final.hook_normalized", None),
    ("model.layers.5.mlp", LLAMA), ("layers.5", LLAMA), ("h.5", GPT2), ("base_model.model.model.layers.5", LLAMA), ("model.decoder.layers.5", None),
    ("vision_tower.layers.20", GPT2), ("model.layers.5.block_sparse_moe.experts.3", LLAMA), ("model.language_model.layers.5", GEMMA3), ("language_model.layers.5", GEMMA3),
    ("bert.encoder.layer.5", None), ("distilbert.transformer.layer.5", None), ("transformer.wte", GPT2), ("my_model.stack.5.out", None), ("we_will_override", None),
]  # fmt: skip


@pytest.mark.parametrize(("name", "model", "instead", "certain"), WRONG)
def test_a_slip_is_named_with_what_was_meant(
    name: str, model: str | None, instead: str, certain: bool
) -> None:
    found = misnamed(name, shape(model), model or "")
    assert found is not None
    assert (found.instead, found.certain) == (instead, certain)


@pytest.mark.parametrize(("name", "model"), RIGHT)
def test_what_is_there_and_what_may_be_somebodys_own_is_left_alone(name: str, model: str | None) -> None:
    assert misnamed(name, shape(model), model or "") is None


@pytest.mark.parametrize("site", sorted(IN_BLOCK))
def test_every_hook_of_a_block_is_known(site: str) -> None:
    assert misnamed(f"blocks.5.{site}") is None
    assert misnamed(f"blocks.5.{site}", shape(GPT2), GPT2) is None


@pytest.mark.parametrize("model", [PYTHIA, "microsoft/phi-2", "microsoft/phi-1_5"])
def test_parallel_blocks_have_nothing_between(model: str) -> None:
    found = misnamed("blocks.2.hook_resid_mid", shape(model), model)
    assert found is not None
    assert found.certain
    assert model in found.why
    assert misnamed("blocks.2.hook_resid_mid", shape("microsoft/phi-4"), "microsoft/phi-4") is None


def test_somebodys_own_model_code_has_its_own_names() -> None:
    from hubkit.models.known import nanochat_config

    own = read_shape(nanochat_config("nanochat-d20") or {})
    for name in ("transformer.h.5", "blocks.5.hook_z", "model.layers.5"):
        assert misnamed(name, own, "nanochat-d20") is None
