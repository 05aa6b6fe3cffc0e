"""How many parameters a decoder has, from its sizes: embedding + layers x (attention + MLP + norms) + head."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hubkit.models.architecture import Counting


def count_parameters(
    counting: Counting | None,
    config: Mapping[str, Any],
    n_layers: int,
    d_model: int,
    **parts: int | None,
) -> int | None:
    """Parameters, tied matrices once; None without a formula, or with a part (d_mlp, n_heads, d_head, n_kv_heads, vocab) that is not known.

    For nanochat this is 12 x layers x d^2 + 2 x vocab x d: four d x d matrices of attention and two d x 4 d of the MLP in a layer, embedding and head.
    """
    sizes = {name: value for name, value in parts.items() if value is not None}
    if counting is None or len(sizes) < len(parts):
        return None
    q, kv = sizes["n_heads"] * sizes["d_head"], sizes["n_kv_heads"] * sizes["d_head"]
    d_mlp, vocab = sizes["d_mlp"], sizes["vocab"]
    layer = _attention(counting, config, d_model, q, kv, sizes["d_head"]) + _mlp(
        counting, config, d_model, d_mlp
    )
    norm = d_model * (2 if counting.norm_bias else 1)
    layer += int(counting.norms * norm)
    total = vocab * d_model + n_layers * layer + norm * (counting.final_norm + counting.embedding_norm)
    if counting.positions_key is not None:
        positions = config.get(counting.positions_key)
        if not isinstance(positions, int):
            return None
        total += (positions + counting.extra_positions) * d_model
    stated = config.get("tie_word_embeddings")
    tied = stated if isinstance(stated, bool) else counting.tied
    if not tied:
        total += vocab * d_model
    return total + (vocab if counting.head_bias else 0)


def _attention(
    counting: Counting, config: Mapping[str, Any], d_model: int, q: int, kv: int, d_head: int
) -> int:
    biased = counting.attention_bias_key is not None and bool(config.get(counting.attention_bias_key))
    total = 2 * d_model * q + 2 * d_model * kv
    total += (q + 2 * kv) if counting.qkv_bias or biased else 0
    total += d_model if counting.o_bias or biased else 0
    return total + {"none": 0, "head": 2 * d_head, "full": q + kv}[counting.qk_norm]


def _mlp(counting: Counting, config: Mapping[str, Any], d_model: int, d_mlp: int) -> int:
    inward = 2 if counting.gated else 1
    total = (inward + 1) * d_model * d_mlp
    if counting.mlp_bias or (counting.mlp_bias_key is not None and config.get(counting.mlp_bias_key)):
        total += inward * d_mlp + d_model
    return total
