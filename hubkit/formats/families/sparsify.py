"""EleutherAI sparsify: `<hookpoint>/cfg.json` + `sae.safetensors`."""

from __future__ import annotations

from hubkit.formats.family import Family

FAMILY = Family(
    name="sparsify",
    loader="sparsify (SparseCoder.load_from_hub); SAELens 6.54's own converter for it is broken for current files",
    detect=lambda cfg: (
        "num_latents" in cfg
        or ("expansion_factor" in cfg and "d_sae" not in cfg and "k" in cfg and "hook_point_in" not in cfg)
    ),
)
