"""The sizes of a base model, without asking anybody: from its folder, or from the shipped table."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from hubkit.models.config import ModelShape, read_shape
from hubkit.models.known import known_config, nanochat_config


def base_width(*names: str) -> int | None:
    """d_model of the first of `names` (folders, or ids on the Hub) that is known here; None where none is."""
    shape = base_shape(*names)
    return None if shape is None else shape.d_model


def base_shape(*names: str) -> ModelShape | None:
    """The sizes of the first of `names` that is known here; None where none is."""
    for name in names:
        config = _config_of(Path(name)) or known_config(name) or nanochat_config(name)
        shape = read_shape(config) if isinstance(config, Mapping) else None
        if shape is not None:
            return shape
    return None


def _config_of(folder: Path) -> object:
    """What a model folder's config.json says; None where there is none that can be read."""
    try:
        return json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
