"""Crosscoders of several kinds: two models or many layers in one dictionary."""

from __future__ import annotations

from hubkit.formats.family import Family

FAMILY = Family(
    name="crosscoder",
    loader="the code of the crosscoder's own repository; SAELens has no crosscoder",
    detect=lambda cfg: (
        bool({"model_name_A", "model_A", "num_decoder_layers"} & cfg.keys())
        or {"dict_size", "enc_dtype", "hook_point"} <= cfg.keys()
    ),
)
