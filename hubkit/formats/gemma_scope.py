"""Gemma Scope 2: `config.json` + `params.safetensors`, hook names of transformers, lower-case tensors."""

from __future__ import annotations

from hubkit.formats.family import Family

FAMILY = Family(
    name="gemma_scope_2",
    loader="SAELens by release name (converter gemma_3)",
    detect=lambda cfg: "hf_hook_point_in" in cfg,
)
