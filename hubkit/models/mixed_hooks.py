"""Hook names that mix a module path with TransformerLens's words (`model.layers.21.hook_resid_post`), and what they must have meant."""

from __future__ import annotations

import re

BLOCK_SITES = {"resid_pre", "resid_mid", "resid_post", "attn_out", "mlp_out", "attn_in", "mlp_in"}
ATTENTION_SITES = {"q", "k", "v", "z", "pattern", "attn_scores", "result"}
MLP_SITES = {"pre", "post"}
BLOCK_PATH = re.compile(
    r"(?P<blocks>[A-Za-z_][\w.]*?\.(?:layers|h|layer|decoder_layers))\.(?P<layer>\d{1,9})(?:\.|$)"
)


def translated(mixed: str) -> tuple[str, str | None]:
    """The TransformerLens name of a mixed one, and the module whose output it is, where there is such a module.

    Raises ValueError with the reason where it names no place.
    """
    found, site = BLOCK_PATH.match(mixed), mixed.rpartition("hook_")[2]
    if found is None or mixed.count("hook_") != 1:
        raise ValueError(f"hook_name {mixed!r} names no block")
    layer = int(found["layer"])
    if site in ATTENTION_SITES:
        return f"blocks.{layer}.attn.hook_{site}", None
    if site in MLP_SITES:
        return f"blocks.{layer}.mlp.hook_{site}", None
    if site not in BLOCK_SITES:
        raise ValueError(f"hook_name {mixed!r}: {site!r} is no hook of TransformerLens")
    # the output of block N is resid_post of N and resid_pre of N + 1
    block = {"resid_post": layer, "resid_pre": layer - 1}.get(site, -1)
    return f"blocks.{layer}.hook_{site}", f"{found['blocks']}.{block}" if block >= 0 else None
