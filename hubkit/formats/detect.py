"""Which family a configuration belongs to. By its keys: `cfg.json` occurs in at least four families."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hubkit.formats import (
    crosscoder,
    dictionary_learning,
    gemma_scope,
    llama_scope,
    saelens,
    saex,
    sparsify,
    vision,
)
from hubkit.formats.family import Family

FAMILIES: tuple[Family, ...] = (
    dictionary_learning.FAMILY,
    gemma_scope.FAMILY,
    llama_scope.FAMILY,
    crosscoder.FAMILY,
    saex.FAMILY,
    vision.FAMILY,
    sparsify.FAMILY,
    saelens.FAMILY,
)
"""In the order they are asked; SAELens last, its marks are the weakest."""

CONFIG_NAMES = ("cfg.json", "config.json", "hyperparams.json")
WEIGHT_NAMES = (
    "sae_weights.safetensors",
    "sae.safetensors",
    "params.safetensors",
    "ae.pt",
    "params.npz",
    "sae_weights.pt",
)
"""File names that make a folder worth a look; what it is, its keys decide."""


def detect(cfg: Mapping[str, Any]) -> Family | None:
    """The family of a configuration, or None."""
    return next((family for family in FAMILIES if family.detect(cfg)), None)
