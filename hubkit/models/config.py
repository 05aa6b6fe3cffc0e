"""The shape of a base model from its config.json: layers, widths, heads, where its blocks are, how many parameters. No torch, no weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hubkit.models.architecture import BY_TYPE, LLAMA_SIZES, WRAPPED, Architecture
from hubkit.models.parameters import count_parameters

MOST = 1 << 24
"""No size of a model is larger; what is, is no size."""
POSITIONS = ("max_position_embeddings", "n_positions")


@dataclass(frozen=True, slots=True)
class ModelShape:
    """What a base model is, as far as its config.json says; None where it does not."""

    model_type: str
    """Of the text model."""
    n_layers: int
    d_model: int
    """Width of the residual stream."""
    d_mlp: int | None
    n_heads: int | None
    d_head: int | None
    n_kv_heads: int | None
    vocab: int | None
    parameters: int | None
    """By formula, tied matrices once; None where the formula does not apply."""
    d_embed: int
    """Width of the token embedding; not d_model in OPT-350m alone."""
    architecture: Architecture
    positions: int | None = None
    """The longest text that it was made for, in tokens."""

    @property
    def blocks(self) -> str:
        """Module path of the list of blocks in today's class, `model.layers`."""
        return self.architecture.blocks[0]

    def block(self, layer: int) -> str:
        """Module path of one block."""
        return f"{self.blocks}.{layer}"

    def mlp_module(self, layer: int) -> str | None:
        """Module path of its MLP, where that is one module."""
        return f"{self.block(layer)}.{self.architecture.mlp}" if self.architecture.mlp else None

    def attn_module(self, layer: int) -> str | None:
        """Module path of its attention."""
        return f"{self.block(layer)}.{self.architecture.attn}" if self.architecture.attn else None


def text_config(config: Mapping[str, Any]) -> Mapping[str, Any]:
    """The part of a config.json that describes the language model, with its `model_type`."""
    inner = config.get("text_config")
    if not isinstance(inner, Mapping):
        return config
    outer = config.get("model_type")
    fallback = WRAPPED.get(outer, outer) if isinstance(outer, str) else outer
    # Some exporters write the wrapper's own name inside, too.
    stated = inner.get("model_type", fallback)
    return {**inner, "model_type": WRAPPED.get(stated, stated) if isinstance(stated, str) else stated}


def read_shape(config: Mapping[str, Any]) -> ModelShape | None:
    """The shape that a config.json states, or None for a type that is not known here, or sizes that are missing or impossible."""
    text = text_config(config)
    model_type = text.get("model_type")
    architecture = BY_TYPE.get(model_type) if isinstance(model_type, str) else None
    if not isinstance(model_type, str) or architecture is None:
        return None
    sizes = {name: _size(text, architecture, name) for name in LLAMA_SIZES}
    layers, width = sizes["n_layers"], sizes["d_model"]
    if layers is None or width is None:
        return None
    heads, d_head = _heads(sizes, width, architecture)
    kv = sizes["n_kv_heads"]
    if kv is None and architecture.kv_are_heads:
        kv = heads
    d_mlp = sizes["d_mlp"]
    if d_mlp is None and architecture.mlp_factor is not None:
        d_mlp = architecture.mlp_factor * width
    parts = {"d_mlp": d_mlp, "n_heads": heads, "d_head": d_head, "n_kv_heads": kv, "vocab": sizes["vocab"]}
    tied = config.get("tie_word_embeddings", text.get("tie_word_embeddings"))
    counted = {**text, "tie_word_embeddings": tied}
    d_embed = _whole(text.get("word_embed_proj_dim")) or width
    whole = d_embed == width  # else there are projections that the formula does not have
    parameters = count_parameters(architecture.counting, counted, layers, width, **parts) if whole else None
    positions = next((size for key in POSITIONS if (size := _whole(text.get(key)))), None)
    return ModelShape(
        model_type=model_type, n_layers=layers, d_model=width, parameters=parameters, d_embed=d_embed, architecture=architecture, positions=positions, **parts
    )  # fmt: skip


def _heads(
    sizes: Mapping[str, int | None], width: int, architecture: Architecture
) -> tuple[int | None, int | None]:
    """Heads and their dimension: stated, or the width divided evenly."""
    heads, d_head = sizes["n_heads"], sizes["d_head"]
    if heads is None or d_head is not None or "n_heads" not in architecture.sizes:
        return heads, d_head
    return heads, width // heads if width % heads == 0 else None


def _size(text: Mapping[str, Any], architecture: Architecture, name: str) -> int | None:
    if name not in architecture.sizes:
        return None
    for key in LLAMA_SIZES[name]:
        if text.get(key) is not None:
            return _whole(text[key])
    return architecture.defaults.get(name)


def _whole(value: object) -> int | None:
    """A size: a whole number of at least 1."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= MOST else None
