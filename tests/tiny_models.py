"""Untrained models of every family that hubkit names, three blocks of width 32, with the lab's tokenizer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hubkit.lab import text
from hubkit.lab.model import tokenizer

if TYPE_CHECKING:
    from pathlib import Path


def random_model_in(shared: Path, family: str) -> Path:
    """The folder of the model of `family` below `shared`; made when it is first asked for."""
    import torch
    import transformers

    from hubkit.inference.load import quiet_transformers

    folder = shared / f"random-{family}"
    if not folder.exists():
        with torch.random.fork_rng(devices=[]):
            torch.random.default_generator.manual_seed(3)
            model = transformers.AutoModelForCausalLM.from_config(_config(family))
            # Some classes begin with blocks that add next to nothing: no test would notice what is left out.
            for matrix in (one for one in model.parameters() if one.ndim > 1):
                torch.nn.init.normal_(matrix, std=0.1)
        with quiet_transformers():
            model.save_pretrained(folder)
            tokenizer().save_pretrained(folder)
    return folder


SHAPE: dict[str, Any] = {
    "hidden_size": 32, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 48, "max_position_embeddings": 64,
}  # fmt: skip
TOKENS: dict[str, Any] = {
    "vocab_size": len(text.VOCABULARY), "bos_token_id": None, "pad_token_id": 0, "eos_token_id": 1,
}  # fmt: skip
EYES: dict[str, Any] = {
    "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 3, "num_attention_heads": 2, "image_size": 28, "patch_size": 14,
}  # fmt: skip
"""A vision tower as deep as the language model: its list of layers has as many members as the blocks."""
OF_FAMILY: dict[str, tuple[str, dict[str, Any]]] = {
    "gpt2": ("gpt2", {"n_embd": 32, "n_layer": 3, "n_head": 2, "n_positions": 64}),
    "gpt_neox": ("gpt_neox", SHAPE),
    "mixtral": ("mixtral", {**SHAPE, "num_key_value_heads": 2, "num_local_experts": 3, "num_experts_per_tok": 1}),
    "llama": ("llama", {**SHAPE, "num_key_value_heads": 1, "tie_word_embeddings": True}),
    "nanochat": ("nanochat", {**SHAPE, "num_key_value_heads": 2}),
    "qwen3": ("qwen3", {**SHAPE, "num_key_value_heads": 1, "head_dim": 16}),
    "phi": ("phi", SHAPE),
    "phi3": ("phi3", {**SHAPE, "num_key_value_heads": 1}),
    "gemma3_text": ("gemma3_text", {**SHAPE, "num_key_value_heads": 1, "head_dim": 16, "sliding_window": 8, "layer_types": ["sliding_attention", "full_attention", "sliding_attention"]}),
    "gemma4_text": ("gemma4_text", {
        **SHAPE, "num_key_value_heads": 1, "head_dim": 16, "global_head_dim": 32, "sliding_window": 8, "hidden_size_per_layer_input": 8,
        "vocab_size_per_layer_input": len(text.VOCABULARY), "num_kv_shared_layers": 1,
        "layer_types": ["sliding_attention", "full_attention", "full_attention"],
    }),
}  # fmt: skip
"""`model_type` and the sizes of its configuration."""
WRAPPED = {"gemma3": "gemma3_text", "gemma4": "gemma4_text"}
"""A multimodal class to the text model inside it."""
FAMILIES = (*OF_FAMILY, *WRAPPED)


def _config(family: str) -> Any:
    from transformers import AutoConfig

    if family in WRAPPED:
        inside = _config(WRAPPED[family])
        return AutoConfig.for_model(
            family, text_config=inside.to_dict(), vision_config=dict(EYES), **MARKS[family]
        )
    model_type, sizes = OF_FAMILY[family]
    return AutoConfig.for_model(model_type, **sizes, **TOKENS)


MARKS: dict[str, dict[str, Any]] = {
    "gemma3": {"mm_tokens_per_image": 4, "image_token_index": 4, "boi_token_index": 5, "eoi_token_index": 6},
    "gemma4": {"image_token_id": 4, "boi_token_id": 5, "eoi_token_id": 6, "audio_config": None},
}
"""Which tokens stand for pictures: none that the tests use."""
