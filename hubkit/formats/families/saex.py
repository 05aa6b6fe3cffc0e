"""saex (JAX): `cfg.json` + `sae_weights.safetensors` like SAELens, but without any hook or model name; its transcoders load as standard SAEs."""

from __future__ import annotations

from hubkit.formats.family import Family

FAMILY = Family(
    name="saex",
    loader="saex; SAELens opens it as a standard SAE, which is wrong for its transcoders",
    detect=lambda cfg: (
        {"d_in", "d_sae", "train_batch_size", "dead_feature_window"} <= cfg.keys()
        and not {"hook_name", "hook_point", "metadata"} & cfg.keys()
    ),
)
