"""SAEs of vision models and transformers-style SAE classes: saev, ViT-Prisma, CLIP TopK, overcomplete, custom `auto_map` models."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from hubkit.formats.family import Family, named

if TYPE_CHECKING:
    from hubkit.formats.folder import Head


def _is_config(keys: Mapping[str, Any]) -> bool:
    return (
        ("sae_type" in keys and "act_size" in keys)
        or (isinstance(keys.get("sae"), Mapping) and "data" in keys)
        or {"latent_size", "hidden_size", "k"} <= keys.keys()
        or {"vit_model_cfg", "hook_point_layer"} <= keys.keys()
    )


def _is_overcomplete(head: Head) -> bool:
    """Its module names: an encoder of several blocks and a dictionary of its own; or a pickle of the whole object."""
    names = head.shapes.keys()
    if head.header is not None and any(name.startswith("overcomplete.") for name in head.header.imports):
        return True
    return any(name.startswith("dictionary.") for name in names) and any(
        name.startswith("encoder.") for name in names
    )


FAMILY = Family(
    "transformers_or_vision", "the code of its own repository", named, detect=_is_config, turn="first"
)
OVERCOMPLETE = Family("overcomplete", "overcomplete (KempnerInstitute)", named, detect_head=_is_overcomplete)
