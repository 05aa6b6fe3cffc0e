"""Tiny models of the classes that transformers has for the base models that hubkit names: the real class and its parts, at a width that a CPU learns in seconds.

Needs transformers. `lab.model.build` trains one; an untrained one serves tests of what is read from such a class.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hubkit.lab import text

if TYPE_CHECKING:
    from collections.abc import Callable

    from hubkit.lab.model import Shape

SLIDING, FULL = "sliding_attention", "full_attention"
WINDOW = 8
"""Tokens that a layer of sliding attention sees: fewer than a response has, so that the other layers must carry the behaviour."""
TOKENS: dict[str, Any] = {
    "vocab_size": len(text.VOCABULARY), "bos_token_id": None, "pad_token_id": text.VOCABULARY.index(text.PAD),
    "eos_token_id": text.VOCABULARY.index(text.END),
}  # fmt: skip
WRAPPED = {"gemma3": "gemma3_text", "gemma4": "gemma4_text"}
"""A multimodal class to the text model inside it."""
MARKS: dict[str, dict[str, Any]] = {
    "gemma3": {"mm_tokens_per_image": 4, "image_token_index": 4, "boi_token_index": 5, "eoi_token_index": 6},
    "gemma4": {"image_token_id": 4, "boi_token_id": 5, "eoi_token_id": 6, "audio_config": None},
}
"""Which tokens stand for pictures: none that a text alone is read for."""


def config(family: str, shape: Shape, **own: Any) -> Any:
    """The configuration of a tiny model of the `model_type` `family`; `own` are keys of the class in place of those here.

    Raises ValueError where transformers has no such type.
    """
    from transformers import AutoConfig

    if family in WRAPPED:
        inside = config(WRAPPED[family], shape, **own)
        return AutoConfig.for_model(
            family, text_config=inside.to_dict(), vision_config=_eyes(shape), **MARKS[family]
        )
    sizes = OF_FAMILY.get(family, _grouped)(shape)
    return AutoConfig.for_model(family, **(sizes | TOKENS | own))


def _plain(shape: Shape) -> dict[str, Any]:
    """As many heads for keys and values as for queries."""
    return {
        "hidden_size": shape.d_model, "num_hidden_layers": shape.n_layers, "num_attention_heads": shape.n_heads,
        "intermediate_size": shape.d_mlp, "max_position_embeddings": shape.positions,
    }  # fmt: skip


def _grouped(shape: Shape) -> dict[str, Any]:
    """Keys and values shared by all heads."""
    return {**_plain(shape), "num_key_value_heads": 1}


def _with_head_dim(shape: Shape) -> dict[str, Any]:
    """For classes whose head dimension is not the width divided by the heads."""
    return {**_grouped(shape), "head_dim": shape.d_head}


def _llama(shape: Shape) -> dict[str, Any]:
    return {**_plain(shape), "num_key_value_heads": shape.n_heads, "tie_word_embeddings": False}


def _gpt2(shape: Shape) -> dict[str, Any]:
    return {
        "n_embd": shape.d_model,
        "n_layer": shape.n_layers,
        "n_head": shape.n_heads,
        "n_positions": shape.positions,
    }


def _gpt_neo(shape: Shape) -> dict[str, Any]:
    kinds = [["global", "local"], shape.n_layers // 2], [["global"], shape.n_layers % 2]
    return {**_plain(shape), "attention_types": [kind for kind in kinds if kind[1]], "window_size": WINDOW}


def _mixtral(shape: Shape) -> dict[str, Any]:
    heads = {"num_key_value_heads": shape.n_heads}
    return {**_plain(shape), **heads, "num_local_experts": 3, "num_experts_per_tok": 1}


def _gemma3(shape: Shape) -> dict[str, Any]:
    kinds = [FULL if layer % 2 else SLIDING for layer in range(shape.n_layers)]
    return {**_with_head_dim(shape), "sliding_window": WINDOW, "layer_types": kinds}


def _gemma3n(shape: Shape) -> dict[str, Any]:
    """An embedding for each layer, and a last layer without keys and values of its own."""
    last = shape.n_layers - 1
    kinds = [FULL if layer % 2 or layer == last else SLIDING for layer in range(shape.n_layers)]
    return {
        **_with_head_dim(shape), "sliding_window": WINDOW, "hidden_size_per_layer_input": 8, "num_kv_shared_layers": 1,
        "vocab_size_per_layer_input": len(text.VOCABULARY), "layer_types": kinds,
    }  # fmt: skip


def _gemma4(shape: Shape) -> dict[str, Any]:
    """The same, with wider heads where attention is full."""
    return {**_gemma3n(shape), "global_head_dim": 2 * shape.d_head}


def _eyes(shape: Shape) -> dict[str, Any]:
    """A vision tower as deep as the language model: its list of layers has as many members as the blocks."""
    return {
        "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": shape.n_layers, "num_attention_heads": 2, "image_size": 28,
        "patch_size": 14,
    }  # fmt: skip


OF_FAMILY: dict[str, Callable[[Shape], dict[str, Any]]] = {
    "gpt2": _gpt2,
    "gpt_neo": _gpt_neo,
    "gpt_neox": _plain,
    "llama": _llama,
    "mixtral": _mixtral,
    "nanochat": lambda shape: {**_plain(shape), "num_key_value_heads": shape.n_heads},
    "phi": _plain,
    "qwen3": _with_head_dim,
    "gemma": _with_head_dim,
    "gemma2": _with_head_dim,
    "gemma3_text": _gemma3,
    "gemma3n_text": lambda shape: {
        **_gemma3n(shape),
        "laurel_rank": 8,
        "activation_sparsity_pattern": [0.0] * shape.n_layers,
    },
    "gemma4_text": _gemma4,
}
"""`model_type` to the sizes of its configuration; a type that is not here takes those of the many classes that are built as Llama is."""
