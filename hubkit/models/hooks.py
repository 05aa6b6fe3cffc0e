"""Hook names: the two grammars, the layer each names, and the translation between them.

TransformerLens form: `blocks.21.hook_resid_post`. Module path of transformers: `model.layers.21` (the output of that module).
Facts: the output of block N is `hook_resid_post` of N, which equals `hook_resid_pre` of N + 1.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

NO_ZERO_BEFORE = r"(?!\S*\.0\d)"
"""`blocks.09` is no block: both libraries find a module by its number as Python writes it."""
TRANSFORMER_LENS = re.compile(NO_ZERO_BEFORE + r"(blocks\.\d{1,9}\.)?([A-Za-z0-9_]+\.)*hook_\w+", re.ASCII)
MODULE_PATH = re.compile(NO_ZERO_BEFORE + r"[A-Za-z_]\w*(\.[A-Za-z0-9_]\w*)+|lm_head|embed_tokens", re.ASCII)
MODULE_LAYERS = re.compile(r"(?:^|\.)(?:layers|h|layer|decoder_layers)\.(\d{1,9})(?:\.|$)")
LENS_LAYER = re.compile(r"(?:^|\.)blocks\.(\d{1,9})\.")
ANY_LAYER = re.compile(r"\.(\d{1,9})(?:\.|$)", re.ASCII)

HookForm = Literal["transformer_lens", "module_path", "mixed", "unknown"]


@dataclass(frozen=True, slots=True)
class Hook:
    """A parsed hook name."""

    name: str
    form: HookForm
    layer: int | None
    site: str | None
    """`resid_post`, `mlp_out`, ... of the TransformerLens form; None for a module path."""


def parse_hook(name: str) -> Hook:
    """What `name` says. Never raises: a name of neither form has the form `unknown`."""
    layer = hook_layer(name)
    module_layer = MODULE_LAYERS.search(name)
    if TRANSFORMER_LENS.fullmatch(name):
        form: HookForm = "mixed" if module_layer and not LENS_LAYER.search(name) else "transformer_lens"
        return Hook(name, form, layer, name.rsplit("hook_", 1)[1])
    if MODULE_PATH.fullmatch(name):
        return Hook(name, "mixed" if "hook_" in name else "module_path", layer, None)
    return Hook(name, "unknown", layer, None)


def hook_layer(name: str) -> int | None:
    """The layer that SAELens reads out of either form: the first part that is a number."""
    match = ANY_LAYER.search(name)
    return int(match.group(1)) if match else None


def same_place(hook: Hook) -> set[int]:
    """The layer numbers by which people call this place: resid_pre N is the output of block N - 1."""
    if hook.layer is None:
        return set()
    return {hook.layer, hook.layer - 1} if hook.site == "resid_pre" and hook.layer > 0 else {hook.layer}


ID_LAYER = re.compile(
    r"(?<![A-Za-z0-9])(?:[Ll](?P<short>\d{1,9})|(?:(?:layers?|blocks)[._\-]?|h[._\-])(?P<long>\d{1,9}))(?![A-Za-z0-9])",
)
SPARSITY = re.compile(r"[Ll][01](?:[._\-=]\d|[._\-](?:coef|small|medium|big|large))")
"""The norms: L0 as a sparsity (a number, or Gemma Scope 2's words), L1 as a penalty."""


def layers_named(text: str) -> set[int]:
    """Layer numbers that a folder name or sae_id states: L21, layer_21, layers.21, blocks.21, h.21.

    `l0_40` and `average_l0_40` are sparsities, `l1_5` and `l1_coeff` are penalties, never layers.
    """
    found = set()
    for match in ID_LAYER.finditer(text):
        if match.group("short") is not None and SPARSITY.match(text, match.start()):
            continue
        found.add(int(match.group("short") or match.group("long")))
    return found


NUMBERS = re.compile(r"\.\d+(?=\.|$)")


def width_kind(name: str) -> str | None:
    """What hooks of equal width within one model have in common, or None where that cannot be told.

    `resid` for the residual stream in every form, else the name without its layer: `blocks.attn.hook_z`, `model.layers.mlp`.
    """
    hook = parse_hook(name)
    if hook.form in {"unknown", "mixed"}:
        return None
    if hook.site in {"resid_pre", "resid_mid", "resid_post"}:
        return "resid"
    return NUMBERS.sub("", name)
