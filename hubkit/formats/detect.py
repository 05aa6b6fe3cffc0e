"""Which family a configuration belongs to. By its keys: `cfg.json` occurs in at least four families."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from hubkit.formats import (
    circuit_tracer,
    crosscoder,
    dictionary_learning,
    gemma_scope,
    llama_scope,
    saelens,
    saex,
    sparsify,
    temporal,
    torch_files,
    vision,
)
from hubkit.formats.family import Family

FAMILIES: tuple[Family, ...] = (
    dictionary_learning.FAMILY,
    gemma_scope.FAMILY,
    llama_scope.FAMILY,
    circuit_tracer.MWHANNA,
    circuit_tracer.CROSS_LAYER_TRANSCODER,
    circuit_tracer.FAMILY,
    temporal.FAMILY,
    crosscoder.FAMILY,
    torch_files.CONNOR_ROB_HOOK_Z,
    torch_files.QWEN_SCOPE,
    torch_files.DEEPSEEK_R1,
    torch_files.GOODFIRE,
    gemma_scope.GEMMA_SCOPE_1,
    saex.FAMILY,
    vision.FAMILY,
    sparsify.FAMILY,
    saelens.FAMILY,
)
"""In the order they are asked; SAELens last, its marks are the weakest."""

YAML_NAMES = ("config.yaml", "conf.yaml")
"""Configurations of circuit-tracer and of temporal SAEs: their keys go to `detect` as well, once YAML has read them."""

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


def detect_files(names: Iterable[str]) -> Family | None:
    """The family of a folder by the names of its files, or None. Only for folders whose configuration decides nothing."""
    found = frozenset(names)
    return next((family for family in FAMILIES if family.detect_files and family.detect_files(found)), None)
