"""saex (JAX): `cfg.json` + `sae_weights.safetensors` like SAELens, but without any hook or model name; its transcoders load as standard SAEs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from hubkit.formats.family import Family, named

if TYPE_CHECKING:
    from hubkit.formats.folder import Head


def _is_cfg(keys: Mapping[str, Any]) -> bool:
    own = {"d_in", "d_sae", "train_batch_size", "dead_feature_window"} <= keys.keys()
    return own and not {"hook_name", "hook_point", "metadata"} & keys.keys()


def _has_its_tensors(head: Head) -> bool:
    return {"s_gate", "mean_norm"} <= head.shapes.keys()


FAMILY = Family(
    "saex", "saex; SAELens opens it as a standard SAE, which is wrong for its transcoders", named, detect=_is_cfg, detect_head=_has_its_tensors, turn="first",
)  # fmt: skip
