"""Gemma Scope: 1 is `params.npz` and nothing else; 2 is `config.json` + `params.safetensors`, hook names of transformers, lower-case tensors."""

from __future__ import annotations

from hubkit.formats.family import Family

GEMMA_SCOPE_1 = Family(
    name="gemma_scope",
    loader="SAELens by release name (converters gemma_2, gemma_2_transcoder)",
    detect_files=lambda names: "params.npz" in names,
    thresholds=("threshold",),
)

FAMILY = Family(
    name="gemma_scope_2",
    loader="SAELens by release name (converter gemma_3)",
    detect=lambda cfg: "hf_hook_point_in" in cfg,
    detect_files=lambda names: "params.safetensors" in names,
    thresholds=("threshold",),
)
