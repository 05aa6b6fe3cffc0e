"""Temporal SAEs as their authors publish them: `conf.yaml` {llm, sae, data} + `latest_ckpt.safetensors`."""

from __future__ import annotations

from collections.abc import Mapping

from hubkit.formats.family import Family

FAMILY = Family(
    name="temporal",
    loader="SAELens by release name (converter temporal)",
    detect=lambda cfg: isinstance(cfg.get("llm"), Mapping) and isinstance(cfg.get("sae"), Mapping),
    detect_files=lambda names: {"conf.yaml", "latest_ckpt.safetensors"} <= names,
)
