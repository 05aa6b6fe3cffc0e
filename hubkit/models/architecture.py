"""What a model type of transformers is made of: where its blocks are, what its config.json calls the sizes, and how wide each module's output is.

One entry a `model_type`; a type that is not here is not judged. `tests/models/test_models_shape.py` builds a small model of each with transformers and
compares every width and the parameter count.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Width = Literal["d_model", "d_mlp", "q", "kv", "qkv", "3q", "2mlp"]
"""What the size of an output is called: q is heads x head dim, kv is key-value heads x head dim, qkv both together, 2mlp gate and up in one."""


@dataclass(frozen=True)
class Counting:
    """What the parameter count depends on beside the sizes. Booleans may be overruled by the config key that is named."""

    gated: bool = True
    """Three matrices in the MLP instead of two."""
    norms: float = 2
    """Norms of width d_model in a block."""
    norm_bias: bool = False
    final_norm: bool = True
    qkv_bias: bool = False
    o_bias: bool = False
    attention_bias_key: str | None = None
    """The config key that gives all four projections a bias."""
    mlp_bias: bool = False
    mlp_bias_key: str | None = None
    qk_norm: Literal["none", "head", "full"] = "none"
    """RMSNorm on queries and keys: of width head dim, or over all heads."""
    positions_key: str | None = None
    """Learned positions: the config key with their number."""
    extra_positions: int = 0
    embedding_norm: bool = False
    head_bias: bool = False
    tied: bool = False
    """Whether the class ties embedding and head where config.json does not say."""


LLAMA_SIZES: Mapping[str, tuple[str, ...]] = {
    "n_layers": ("num_hidden_layers", "n_layer", "num_layers"),
    "d_model": ("hidden_size", "n_embd", "n_embed"),
    "d_mlp": ("intermediate_size", "n_inner", "ffn_dim", "ffn_hidden_size"),
    "n_heads": ("num_attention_heads", "n_head", "num_heads"),
    "n_kv_heads": ("num_key_value_heads",),
    "d_head": ("head_dim",),
    "vocab": ("vocab_size",),
}
"""The names that config.json uses, in the order they are looked for."""


@dataclass(frozen=True)
class Architecture:
    """One way of building a decoder."""

    blocks: tuple[str, ...]
    """Module paths of the list of blocks in the classes that transformers has, or had, for it."""
    attn: str | None
    mlp: str | None
    modules: Mapping[str, Width]
    """Path within a block to the width of what that module returns."""
    sizes: tuple[str, ...] = ("n_layers", "d_model", "d_mlp", "n_heads", "n_kv_heads", "d_head", "vocab")
    """The sizes that config.json determines for every layer alike."""
    defaults: Mapping[str, int] = field(default_factory=dict)
    """What the class takes for a size that config.json leaves out."""
    kv_are_heads: bool = True
    """Without `num_key_value_heads` there are as many as heads."""
    mlp_factor: int | None = None
    """Without a stated MLP width it is this many times d_model."""
    counting: Counting | None = None
    """None where the count does not follow from the sizes alone."""


MODEL_LAYERS = ("model.layers",)
NESTED_LAYERS = (
    "model.layers",
    "model.language_model.layers",
    "language_model.model.layers",
    "language_model.layers",
)
"""A text model inside a multimodal one: transformers moved it over the years."""  # fmt: skip
ATTENTION: Mapping[str, Width] = {
    "self_attn": "d_model", "self_attn.q_proj": "q", "self_attn.k_proj": "kv", "self_attn.v_proj": "kv", "self_attn.o_proj": "d_model",
}  # fmt: skip
GATED: Mapping[str, Width] = {
    "mlp": "d_model", "mlp.gate_proj": "d_mlp", "mlp.up_proj": "d_mlp", "mlp.act_fn": "d_mlp", "mlp.down_proj": "d_model",
}  # fmt: skip
TWO_NORMS: Mapping[str, Width] = {"input_layernorm": "d_model", "post_attention_layernorm": "d_model"}
AFTER: Mapping[str, Width] = {"post_attention_layernorm": "d_model", "post_feedforward_layernorm": "d_model"}
GEMMA_NORMS: Mapping[str, Width] = {**TWO_NORMS, **AFTER, "pre_feedforward_layernorm": "d_model"}
LLAMA: Mapping[str, Width] = {**ATTENTION, **GATED, **TWO_NORMS}
RESIDUAL_ONLY = ("n_layers", "d_model", "vocab")


def _llama(counting: Counting | None = None, **changes: object) -> Architecture:
    base = {"blocks": MODEL_LAYERS, "attn": "self_attn", "mlp": "mlp", "modules": LLAMA}
    return Architecture(**{**base, "counting": counting, **changes})  # type: ignore[arg-type]


BIASED = Counting(gated=False, norm_bias=True, qkv_bias=True, o_bias=True, mlp_bias=True)


def _biased(**changes: object) -> Counting:
    return Counting(**{**BIASED.__dict__, **changes})


GPT2 = Architecture(
    blocks=("transformer.h", "h"),
    attn="attn",
    mlp="mlp",
    modules={
        "attn": "d_model", "attn.c_attn": "3q", "attn.c_proj": "d_model", "ln_1": "d_model", "ln_2": "d_model",
        "mlp": "d_model", "mlp.c_fc": "d_mlp", "mlp.act": "d_mlp", "mlp.c_proj": "d_model",
    },
    mlp_factor=4,
    counting=_biased(positions_key="n_positions", tied=True),
)  # fmt: skip
GPT_NEO = Architecture(
    blocks=("transformer.h",),
    attn="attn",
    mlp="mlp",
    modules={
        "attn": "d_model", "attn.attention": "d_model", "attn.attention.q_proj": "q", "attn.attention.k_proj": "q", "attn.attention.v_proj": "q",
        "attn.attention.out_proj": "d_model", "ln_1": "d_model", "ln_2": "d_model",
        "mlp": "d_model", "mlp.c_fc": "d_mlp", "mlp.act": "d_mlp", "mlp.c_proj": "d_model",
    },
    mlp_factor=4,
    counting=_biased(qkv_bias=False, positions_key="max_position_embeddings", tied=True),
)  # fmt: skip
GPTJ = Architecture(
    blocks=("transformer.h",),
    attn="attn",
    mlp="mlp",
    modules={
        "attn": "d_model", "attn.q_proj": "q", "attn.k_proj": "q", "attn.v_proj": "q", "attn.out_proj": "d_model", "ln_1": "d_model",
        "mlp": "d_model", "mlp.fc_in": "d_mlp", "mlp.act": "d_mlp", "mlp.fc_out": "d_model",
    },
    mlp_factor=4,
    counting=_biased(qkv_bias=False, o_bias=False, norms=1, head_bias=True),
)  # fmt: skip
GPT_NEOX = Architecture(
    blocks=("gpt_neox.layers",),
    attn="attention",
    mlp="mlp",
    modules={
        "attention": "d_model", "attention.query_key_value": "3q", "attention.dense": "d_model", **TWO_NORMS,
        "mlp": "d_model", "mlp.dense_h_to_4h": "d_mlp", "mlp.act": "d_mlp", "mlp.dense_4h_to_h": "d_model",
    },
    counting=_biased(),
)  # fmt: skip
OPT = Architecture(
    blocks=("model.decoder.layers",),
    attn="self_attn",
    mlp=None,
    modules={
        "self_attn": "d_model", "self_attn.q_proj": "q", "self_attn.k_proj": "q", "self_attn.v_proj": "q", "self_attn.out_proj": "d_model",
        "fc1": "d_mlp", "activation_fn": "d_mlp", "fc2": "d_model", "self_attn_layer_norm": "d_model", "final_layer_norm": "d_model",
    },
    counting=_biased(positions_key="max_position_embeddings", extra_positions=2, tied=True),
)  # fmt: skip
BLOOM = Architecture(
    blocks=("transformer.h",),
    attn="self_attention",
    mlp="mlp",
    modules={
        "self_attention": "d_model", "self_attention.query_key_value": "3q", "self_attention.dense": "d_model", **TWO_NORMS,
        "mlp": "d_model", "mlp.dense_h_to_4h": "d_mlp", "mlp.gelu_impl": "d_mlp", "mlp.dense_4h_to_h": "d_model",
    },
    sizes=("n_layers", "d_model", "n_heads", "vocab"),
    mlp_factor=4,
    counting=_biased(embedding_norm=True, tied=True),
)  # fmt: skip
FALCON = Architecture(
    blocks=("transformer.h",),
    attn="self_attention",
    mlp="mlp",
    modules={
        "self_attention": "d_model", "self_attention.dense": "d_model",
        "mlp": "d_model", "mlp.dense_h_to_4h": "d_mlp", "mlp.act": "d_mlp", "mlp.dense_4h_to_h": "d_model",
    },
    kv_are_heads=False,
    mlp_factor=4,
)  # fmt: skip
PHI = Architecture(
    blocks=MODEL_LAYERS,
    attn="self_attn",
    mlp="mlp",
    modules={
        "self_attn": "d_model", "self_attn.q_proj": "q", "self_attn.k_proj": "kv", "self_attn.v_proj": "kv", "self_attn.dense": "d_model",
        "mlp": "d_model", "mlp.fc1": "d_mlp", "mlp.activation_fn": "d_mlp", "mlp.fc2": "d_model", "input_layernorm": "d_model",
    },
    counting=_biased(norms=1, head_bias=True),
)  # fmt: skip
PHI3 = Architecture(
    blocks=MODEL_LAYERS,
    attn="self_attn",
    mlp="mlp",
    modules={
        "self_attn": "d_model", "self_attn.qkv_proj": "qkv", "self_attn.o_proj": "d_model", **TWO_NORMS,
        "mlp": "d_model", "mlp.gate_up_proj": "2mlp", "mlp.activation_fn": "d_mlp", "mlp.down_proj": "d_model",
    },
    counting=Counting(),
)  # fmt: skip
NANOCHAT = Architecture(
    blocks=MODEL_LAYERS,
    attn="self_attn",
    mlp="mlp",
    modules={**ATTENTION, **TWO_NORMS, "mlp": "d_model", "mlp.fc1": "d_mlp", "mlp.activation_fn": "d_mlp", "mlp.fc2": "d_model"},
    counting=Counting(gated=False, norms=0, final_norm=False, attention_bias_key="attention_bias"),
)  # fmt: skip
MAMBA = Architecture(
    blocks=("backbone.layers",),
    attn=None,
    mlp=None,
    modules={"mixer": "d_model", "norm": "d_model"},
    sizes=RESIDUAL_ONLY,
)
MIXTURE = Architecture(
    blocks=MODEL_LAYERS,
    attn="self_attn",
    mlp=None,
    modules={**ATTENTION, **TWO_NORMS},
    sizes=("n_layers", "d_model", "n_heads", "n_kv_heads", "d_head", "vocab"),
    kv_are_heads=False,
)
"""Experts instead of one MLP: the widths inside depend on what the hook means."""

BY_TYPE: Mapping[str, Architecture] = {
    "llama": _llama(Counting(attention_bias_key="attention_bias", mlp_bias_key="mlp_bias")),
    "mistral": _llama(Counting(), kv_are_heads=False, blocks=NESTED_LAYERS),
    "qwen2": _llama(Counting(qkv_bias=True), kv_are_heads=False),
    "qwen3": _llama(Counting(qk_norm="head", attention_bias_key="attention_bias"), kv_are_heads=False, defaults={"d_head": 128}),
    "gemma": _llama(Counting(tied=True), kv_are_heads=False, defaults={"d_head": 256}),
    "gemma2": _llama(Counting(norms=4, tied=True), kv_are_heads=False, defaults={"d_head": 256}, modules={**LLAMA, **GEMMA_NORMS}),
    "gemma3_text": _llama(
        Counting(norms=4, qk_norm="head", tied=True),
        blocks=NESTED_LAYERS,
        defaults={"n_heads": 8, "n_kv_heads": 4, "d_head": 256},
        modules={**LLAMA, **GEMMA_NORMS},
    ),
    # Layers differ from each other in head dimension and MLP width.
    "gemma3n_text": Architecture(NESTED_LAYERS, "self_attn", "mlp", {}, RESIDUAL_ONLY),
    "gemma4_text": Architecture(
        NESTED_LAYERS, "self_attn", "mlp", {"self_attn": "d_model", "mlp": "d_model", **GEMMA_NORMS}, RESIDUAL_ONLY
    ),
    "phi": PHI,
    "phi3": PHI3,
    "olmo": _llama(Counting(norms=0, final_norm=False)),
    "olmo2": _llama(Counting(qk_norm="full"), modules={**ATTENTION, **GATED, **AFTER}),
    "olmo3": _llama(Counting(qk_norm="full"), modules={**ATTENTION, **GATED, **AFTER}),
    "granite": _llama(Counting(attention_bias_key="attention_bias", mlp_bias_key="mlp_bias")),
    "smollm3": _llama(Counting(tied=True, attention_bias_key="attention_bias", mlp_bias_key="mlp_bias"), kv_are_heads=False),
    "nanochat": NANOCHAT,
    "gpt2": GPT2,
    "gpt_neo": GPT_NEO,
    "gptj": GPTJ,
    "gpt_neox": GPT_NEOX,
    "opt": OPT,
    "bloom": BLOOM,
    "falcon": FALCON,
    "mamba": MAMBA,
    "mixtral": MIXTURE,
    "qwen2_moe": MIXTURE,
    "qwen3_moe": MIXTURE,
    "olmoe": MIXTURE,
}  # fmt: skip
"""`model_type` of config.json to what it is."""

WRAPPED: Mapping[str, str] = {
    "gemma3": "gemma3_text", "gemma3n": "gemma3n_text", "gemma4": "gemma4_text", "mistral3": "mistral", "llava": "llama",
}  # fmt: skip
"""Multimodal types, and the type of the text model in their `text_config` where it does not say."""
