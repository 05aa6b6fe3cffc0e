"""How many completions fit the memory at hand. Needs torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from hubkit.engine.memory import free_on_host
from hubkit.errors import HubkitError

if TYPE_CHECKING:
    from hubkit.inference.load import BaseModel

SHARE = 0.5
"""Of the free memory; the rest is for what the estimate leaves out."""
MOST = {"cpu": 64, "cuda": 512}
"""Completions at once: beyond these a device was seen to gain nothing, and a killed run to lose more."""
LOGIT_COPIES = 40
"""Bytes for each word of the vocabulary and row: the logits, and in double precision what a draw makes of them."""
STATE_COPIES = 12
"""Vectors of the width of the model, for each token that a batch runs at once, that are alive together: queries, keys, the wider ones of an MLP."""


def batch_size_for(base: BaseModel, prompt_tokens: int, new_tokens: int) -> int:
    """How many completions of `new_tokens` behind a prompt of `prompt_tokens` go at once: a power of two that fits, 1 at least."""
    device = base.model.device
    free = torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else free_on_host()
    config = base.model.config.get_text_config()
    number = next(base.model.parameters()).element_size()
    positions = prompt_tokens + new_tokens
    cached = 2 * base.n_layers * base.d_in * number * positions
    running = STATE_COPIES * base.d_in * number * new_tokens
    each = (
        2 * cached + running + LOGIT_COPIES * config.vocab_size
    )  # a cache that grows is there twice for a moment
    fits = max(1, int(SHARE * free / each))
    return int(min(MOST["cuda" if device.type == "cuda" else "cpu"], 1 << (fits.bit_length() - 1)))


def halved(base: BaseModel, batch_size: int) -> int:
    """Half of a batch that an accelerator had no room for. What is cached there is given back. Raises HubkitError where it was of one completion."""
    if base.model.device.type == "cuda":
        torch.cuda.empty_cache()
    if batch_size == 1:
        raise HubkitError(
            f"{base.model.device}: out of memory with a single completion at a time",
            hint="a narrower precision, fewer max_new_tokens, shorter prompts, or device: cpu in the study file",
        )
    return batch_size // 2
