"""The sizes of a base model, without asking anybody: from its folder, or from the shipped table."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hubkit.models.config import ModelShape, read_shape
from hubkit.models.known import known_config, lab_config, nanochat_config


def base_width(*names: str) -> int | None:
    """d_model of the first of `names` (folders, or ids on the Hub) that is known here; None where none is."""
    shape = base_shape(*names)
    return None if shape is None else shape.d_model


def base_shape(*names: str) -> ModelShape | None:
    """The sizes of the first of `names` that is known here; None where none is."""
    shapes = (read_shape(config) for config in map(base_config, names) if config is not None)
    return next((shape for shape in shapes if shape is not None), None)


def base_config(name: str) -> Mapping[str, Any] | None:
    """The config.json of a base model (a folder, or an id on the Hub), or the keys of it that matter; None where it is not known here."""
    return _config_of(Path(name)) or known_config(name) or nanochat_config(name) or lab_config(name)


def _config_of(folder: Path) -> Mapping[str, Any] | None:
    """What a model folder's config.json says; None where there is none that can be read."""
    try:
        found = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None
