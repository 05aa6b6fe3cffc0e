"""Hooks whose name means different tensors in different loaders or releases, by model type."""

from __future__ import annotations

from dataclasses import dataclass

from hubkit.models.hooks import LENS_LAYER


@dataclass(frozen=True, slots=True)
class Ambiguity:
    """One name, several tensors."""

    meanings: str
    source: str
    """The thread that has the evidence."""


SITES = {"hook_attn_out", "hook_mlp_out"}
THREADS = "https://github.com/TransformerLensOrg/TransformerLens/issues"
_BLOOM = Ambiguity(
    "in TransformerLens's bridge before the fix, and in the modules of transformers, it is the residual stream after the addition; "
    "in HookedTransformer and in later bridges it is only what is added",
    f"{THREADS}/1639",
)
_OLMO = Ambiguity(
    "in TransformerLens's bridge up to 3.7, and in the modules of transformers, it is the output before the norm that follows; "
    "in later bridges it is what is added to the residual stream, after that norm",
    f"{THREADS}/1648",
)
_GRANITE = Ambiguity(
    "in TransformerLens's bridge up to 3.7, and in the modules of transformers, it is the output before it is multiplied by residual_multiplier; "
    "in later bridges it is what is added to the residual stream, multiplied",
    f"{THREADS}/1648",
)
BY_TYPE = {"bloom": _BLOOM, "olmo2": _OLMO, "olmo3": _OLMO, "granite": _GRANITE, "granitemoe": _GRANITE, "granitemoehybrid": _GRANITE}  # fmt: skip


def ambiguity(model_type: str, hook_name: str) -> Ambiguity | None:
    """What is unclear about `hook_name` in a model of this type, or None."""
    site = LENS_LAYER.sub("", hook_name, count=1)
    return BY_TYPE.get(model_type) if site in SITES and site != hook_name else None
