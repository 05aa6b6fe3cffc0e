"""Prompts run once: their keys and values, spread over the rows of a batch that go on from them. Needs torch."""

from __future__ import annotations

import inspect
from collections import OrderedDict
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hubkit.inference.load import BaseModel

MOST_KEPT = 512 << 20
"""Bytes of keys and values that are kept from batch to batch, the latest prompts first: neighbours in a study have their prompt in common."""
PADDING = "prompts on the left"
"""How rows of different lengths are brought to one: recorded with a pool, since it decides how sums are rounded."""


@dataclass(frozen=True)
class _Seen:
    """A prompt that was run alone."""

    layers: tuple[tuple[Any, Any] | None, ...]
    """Keys and values (1, heads, positions, d) of each block; None where a block borrows those of another."""
    logits: Any
    """(vocabulary,) of the token that follows."""

    @property
    def bytes(self) -> int:
        """What it takes."""
        return int(self.logits.nbytes + sum(part.nbytes for pair in self.layers if pair for part in pair))


class Prompts:
    """Runs each prompt once, alone, and begins batches with it: 64 completions of one prompt cost one prompt."""

    def __init__(self, base: BaseModel) -> None:
        self.base = base
        self._seen: OrderedDict[tuple[int, ...], _Seen | None] = OrderedDict()

    def begin(self, prompts: Sequence[tuple[int, ...]]) -> Begun:
        """A batch with one row for each of `prompts`, ready to go on."""
        longest = max(map(len, prompts))
        mask = torch.zeros((len(prompts), longest), dtype=torch.int64, device=self.base.model.device)
        for row, prompt in enumerate(prompts):
            mask[row, longest - len(prompt) :] = 1
        once = {prompt: self._run_once(prompt) for prompt in dict.fromkeys(prompts)}
        seen = [once[prompt] for prompt in prompts]
        if any(one is None for one in seen):
            return self._begin_together(prompts, mask)
        cache = _new_cache(self.base.model)
        for number, layer in enumerate(cache.layers):
            parts = [one.layers[number] for one in seen if one is not None]
            if parts[0] is not None:
                keys, values = (
                    torch.cat([_padded(part[side], longest) for part in parts if part is not None])
                    for side in (0, 1)
                )
                layer.update(keys, values)
        logits = torch.stack([one.logits for one in seen if one is not None])
        return Begun(self.base, cache, mask, logits)

    def _run_once(self, prompt: tuple[int, ...]) -> _Seen | None:
        """None for a model whose memory of a prompt is not keys and values of every token of it (a recurrent state, a short window)."""
        if prompt not in self._seen:
            ids = torch.tensor([prompt], device=self.base.model.device)
            with torch.no_grad():
                out = self.base.model(input_ids=ids, use_cache=True)
            self._seen[prompt] = _seen(out, len(prompt))
        self._seen.move_to_end(prompt)
        found = self._seen[prompt]
        while sum(one.bytes for one in self._seen.values() if one is not None) > MOST_KEPT:
            self._seen.popitem(last=False)
        return found

    def _begin_together(self, prompts: Sequence[tuple[int, ...]], mask: Any) -> Begun:
        ids = torch.zeros_like(mask)
        for row, prompt in enumerate(prompts):
            ids[row, mask.shape[1] - len(prompt) :] = torch.tensor(prompt)
        begun = Begun(self.base, None, mask[:, :0], None)
        begun.logits = begun.go_on(ids, mask).logits[:, -1]
        return begun


@dataclass
class Begun:
    """Rows that have read their prompts. Going on changes it."""

    base: BaseModel
    cache: Any
    mask: Any
    """(rows, positions so far) 1 where a token is, 0 on padding."""
    logits: Any
    """(rows, vocabulary) of the first token behind the prompts."""

    def go_on(self, ids: Any, mask: Any = None, *, head: bool = True) -> Any:
        """Run the next tokens (rows, positions) of every row; `mask` is 0 where `ids` is padding. Without the `head` no logits fill the memory."""
        ids = ids.to(self.mask.device)
        new = torch.ones_like(ids) if mask is None else mask.to(self.mask.device)
        self.mask = torch.cat([self.mask, new], 1)
        model = self.base.model if head else self.base.model.base_model
        more: dict[str, Any] = {}
        if not bool(self.mask.all()):  # a row without padding needs no mask, and is faster without
            more["attention_mask"] = self.mask
        if self._takes_positions:
            positions = (self.mask.cumsum(1) - 1).clamp_(min=0)
            more["position_ids"] = positions[:, -ids.shape[1] :]
        with torch.no_grad():
            out = model(input_ids=ids, past_key_values=self.cache, use_cache=True, **more)
        self.cache = out.past_key_values
        return out

    def keep(self, rows: list[int]) -> None:
        """Go on with these rows alone."""
        chosen = torch.tensor(rows, device=self.mask.device)
        self.mask = self.mask[chosen]
        self.cache.batch_select_indices(chosen)

    @cached_property
    def _takes_positions(self) -> bool:
        return "position_ids" in inspect.signature(self.base.model.forward).parameters


def _new_cache(model: Any) -> Any:
    from transformers import DynamicCache

    return DynamicCache(config=model.config)


def _seen(out: Any, length: int) -> _Seen | None:
    from transformers.cache_utils import DynamicLayer, DynamicSlidingWindowLayer

    layers = getattr(out.past_key_values, "layers", None)
    if layers is None or not all(type(one) in {DynamicLayer, DynamicSlidingWindowLayer} for one in layers):
        return None
    found = [(one.keys, one.values) if one.is_initialized else None for one in layers]
    if any(pair is not None and pair[0].shape[-2] != length for pair in found):
        return None
    return _Seen(tuple(found), out.logits[0, -1].clone())  # a view would keep the logits of every position


def _padded(part: Any, length: int) -> Any:
    """(1, heads, positions, d) with zeros on the left."""
    return torch.nn.functional.pad(part, (0, 0, length - part.shape[-2], 0))
