"""How wide the activations at a hook are, and which layer it is in, for both grammars of hook names."""

from __future__ import annotations

import re

from hubkit.models.config import ModelShape
from hubkit.models.hooks import LENS_LAYER, parse_hook

ENDINGS = (".output", ".input")
"""What some converters append to a module path."""
AT_D_MODEL = {
    "hook_resid_pre", "hook_resid_mid", "hook_resid_post", "hook_attn_out", "hook_mlp_out", "ln1.hook_normalized", "ln2.hook_normalized",
    "attn.hook_out", "mlp.hook_out", "mlp.hook_in", "hook_in", "hook_out",
}  # fmt: skip
RESIDUAL = {"hook_resid_pre", "hook_resid_mid", "hook_resid_post"}
AT_D_MLP = {"mlp.hook_pre", "mlp.hook_pre_linear", "mlp.hook_post"}
QUERIES = {"attn.hook_q", "attn.hook_z", "attn.hook_rot_q"}
KEYS_VALUES = {"attn.hook_k", "attn.hook_v", "attn.hook_rot_k"}
EMBEDDING = {"hook_embed"}


def widths_at(shape: ModelShape, hook_name: str, head_index: int | None = None) -> dict[int, str]:
    """The widths that the activations at `hook_name` may have, with what each is called; empty where that cannot be told.

    There are two for keys and values under grouped-query attention, which TransformerLens can repeat to the number of heads. With `head_index`
    SAELens takes one head of the hooks that have heads.
    """
    hook = parse_hook(hook_name)
    if hook.form == "transformer_lens":
        return _lens(shape, LENS_LAYER.sub("", hook_name, count=1), head_index)
    if hook.form == "module_path" and head_index is None:
        return _module(shape, hook_name)
    return {}


def layer_at(shape: ModelShape, hook_name: str) -> int | None:
    """The index of the block that `hook_name` is in; None where it is in none, or in blocks of something else (a vision tower)."""
    hook = parse_hook(hook_name)
    if hook.form == "transformer_lens":
        match = LENS_LAYER.match(hook_name)
        return int(match.group(1)) if match else None
    inner = _within_blocks(shape, hook_name) if hook.form == "module_path" else None
    return inner[0] if inner else None


def spellings(shape: ModelShape, path: str) -> list[str]:
    """`path` as the versions of transformers have spelt it: the blocks of a text model inside another have moved."""
    inner = _within_blocks(shape, path)
    if inner is None:
        return [path]
    rest = f".{inner[1]}" if inner[1] else ""
    return [f"{blocks}.{inner[0]}{rest}" for blocks in shape.architecture.blocks]


def strip_ending(module: str) -> str:
    """A module path without `.output` or `.input`."""
    for ending in ENDINGS:
        module = module.removesuffix(ending)
    return module


def _lens(shape: ModelShape, site: str, head_index: int | None) -> dict[int, str]:
    if site in QUERIES | KEYS_VALUES:
        return _per_head(shape, site, head_index)
    if head_index is not None:
        return {}
    if site in EMBEDDING:
        return {shape.d_embed: "the width of the embedding"}
    if site in RESIDUAL or (site in AT_D_MODEL and shape.architecture.attn is not None):
        return {shape.d_model: "the hidden size"}
    if site in AT_D_MLP and shape.d_mlp is not None:
        return {shape.d_mlp: "the MLP width"}
    return {}


def _per_head(shape: ModelShape, site: str, head_index: int | None) -> dict[int, str]:
    if shape.n_heads is None or shape.d_head is None:
        return {}
    if head_index is not None:
        return {shape.d_head: "the head dimension"}
    heads = {shape.n_heads * shape.d_head: "heads x head dimension"}
    if site in QUERIES:
        return heads
    if shape.n_kv_heads is None:
        return {}
    return {shape.n_kv_heads * shape.d_head: "key-value heads x head dimension"} | heads


def _module(shape: ModelShape, path: str) -> dict[int, str]:
    if path.endswith(".input"):  # what a module is given is in no table
        return {}
    inner = _within_blocks(shape, path.removesuffix(".output"))
    if inner is None:
        return {}
    if not inner[1]:
        return {shape.d_model: "the hidden size"}
    kind = shape.architecture.modules.get(inner[1])
    if kind is None:
        return {}
    q = shape.n_heads * shape.d_head if shape.n_heads and shape.d_head else None
    kv = shape.n_kv_heads * shape.d_head if shape.n_kv_heads and shape.d_head else None
    found = {
        "d_model": (shape.d_model, "the hidden size"),
        "d_mlp": (shape.d_mlp, "the MLP width"),
        "2mlp": (shape.d_mlp and 2 * shape.d_mlp, "twice the MLP width"),
        "q": (q, "heads x head dimension"),
        "kv": (kv, "key-value heads x head dimension"),
        "qkv": (q + 2 * kv if q and kv else None, "queries, keys and values together"),
        "3q": (3 * q if q else None, "queries, keys and values together"),
    }[kind]
    return {found[0]: found[1]} if found[0] is not None else {}


def _within_blocks(shape: ModelShape, path: str) -> tuple[int, str] | None:
    """Layer and path within the block."""
    for blocks in shape.architecture.blocks:
        if match := re.fullmatch(rf"{re.escape(blocks)}\.(\d{{1,9}})(?:\.(.+))?", path):
            return int(match.group(1)), match.group(2) or ""
    return None
