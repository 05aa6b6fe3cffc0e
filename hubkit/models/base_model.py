"""A base model as an SAE names it: its shape, or why it cannot be had."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hubkit.models.config import ModelShape
    from hubkit.models.modules import Modules

WAYS = "--base-model ID, or --base-model FOLDER with the model's config.json"


@dataclass(frozen=True)
class BaseModel:
    """One base model. Without a `problem` there is a configuration."""

    name: str
    """As the SAE, or the user, calls it."""
    source: str = ""
    """Where the configuration is from, in words."""
    model_type: str | None = None
    shape: ModelShape | None = None
    problem: str | None = None
    """Why it cannot be resolved."""
    hint: str = WAYS
    closed: bool = False
    """Whether it is there, and the Hub does not give it to us: gated, or disabled."""
    by_default: bool = False
    """Whether nobody asked for it: it is from the shipped table."""
    modules: Modules | None = None
    """Only with `--deep`, and where transformers can build the model."""
