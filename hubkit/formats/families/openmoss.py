"""OpenMOSS: Llama Scope and its successors, `hyperparams.json` or `config.json` with hook_point_in and hook_point_out."""

from __future__ import annotations

from hubkit.formats.family import Family

FAMILY = Family(
    name="llama_scope",
    loader="Language-Model-SAEs (OpenMOSS), or SAELens by release name (converters llama_scope, llama_scope_r1_distill)",
    detect=lambda cfg: "hook_point_in" in cfg,
    # the R1 distillation; Llama Scope itself has one number in its configuration
    thresholds=("log_jumprelu_threshold",),
)
