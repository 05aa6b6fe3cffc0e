"""SAEs of vision models and transformers-style SAE classes: saev, CLIP TopK, custom `auto_map` models."""

from __future__ import annotations

from collections.abc import Mapping

from hubkit.formats.family import Family

FAMILY = Family(
    name="transformers_or_vision",
    loader="the code of its own repository",
    detect=lambda cfg: (
        ("sae_type" in cfg and "act_size" in cfg)
        or (isinstance(cfg.get("sae"), Mapping) and "data" in cfg)
        or {"latent_size", "hidden_size", "k"} <= cfg.keys()
    ),
)
