"""The places in a block that activations are taken at. Torch-free, so that a plan can name them."""

from __future__ import annotations

from typing import Literal, get_args

Site = Literal["resid_post", "resid_pre", "mlp_out", "attn_out"]
"""What TransformerLens calls `blocks.N.hook_<site>`."""
RESID_POST: Site = "resid_post"
SITES: tuple[Site, ...] = get_args(Site)
