"""Crosscoders of several kinds: two models or many layers in one dictionary. Recognised; their two-sided tensors are judged by nobody here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from hubkit.formats.family import Family, named

if TYPE_CHECKING:
    from hubkit.formats.folder import Head


def _is_cfg(keys: Mapping[str, Any]) -> bool:
    return (
        bool({"model_name_A", "model_A", "num_decoder_layers"} & keys.keys())
        or {"dict_size", "enc_dtype", "hook_point"} <= keys.keys()
        or "CrossCoder" in str(keys.get("dict_class"))
    )


def _has_two_sides(head: Head) -> bool:
    """An encoder with an axis more than an SAE's: one for each model or layer."""
    shapes = [head.shapes.get(name, ()) for name in ("W_enc", "W_dec")]
    linear = [head.shapes.get(f"{name}.weight", ()) for name in ("encoder", "decoder")]
    return any(all(len(shape) == 3 for shape in pair) for pair in (shapes, linear))


FAMILY = Family(
    "crosscoder", "the code of the crosscoder's own repository; SAELens has no crosscoder", named, detect=_is_cfg, detect_head=_has_two_sides, turn="first",
)  # fmt: skip
