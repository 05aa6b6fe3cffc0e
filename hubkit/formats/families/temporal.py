"""Temporal SAEs as their authors publish them: `conf.yaml` {llm, sae, data} + `latest_ckpt.safetensors`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from hubkit.formats.family import Family, named

if TYPE_CHECKING:
    from hubkit.formats.folder import Head


def _is_conf(keys: Mapping[str, Any]) -> bool:
    return isinstance(keys.get("llm"), Mapping) and isinstance(keys.get("sae"), Mapping)


def _has_its_tensors(head: Head) -> bool:
    return "D" in head.shapes and any(name.startswith("attn_layers.") for name in head.shapes)


FAMILY = Family(
    "temporal", "SAELens by release name (converter temporal)", named, detect=_is_conf, detect_head=_has_its_tensors, turn="first",
)  # fmt: skip
