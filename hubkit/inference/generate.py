"""Completions of one prompt, drawn so that each depends on its own seed and on nothing else. Needs torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from hubkit.errors import HubkitError
from hubkit.inference.tokens import decode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hubkit.inference.load import BaseModel


@dataclass(frozen=True)
class Sampled:
    """One completion as the model gave it."""

    seed: int
    token_ids: tuple[int, ...]
    """Without the prompt and without the end token."""
    text: str


def sample(
    base: BaseModel,
    prompt: Sequence[int],
    seeds: Sequence[int],
    *,
    temperature: float,
    max_new_tokens: int,
    batch_size: int = 64,
) -> list[Sampled]:
    """One completion of `prompt` per seed at `temperature`, over the whole vocabulary (no top-k, no top-p).

    Each completion has a generator of its own on the CPU and takes one uniform number per token (inverse distribution
    function), so the same seed draws the same completion in any batch, on one machine, up to rounding in the model.
    Temperature 0 is greedy. Raises HubkitError when the model gives NaN or infinite logits.
    """
    drawn: list[Sampled] = []
    for start in range(0, len(seeds), batch_size):
        part = seeds[start : start + batch_size]
        rows = _sample_batch(base, prompt, part, temperature, max_new_tokens)
        drawn.extend(
            Sampled(seed, tuple(row), decode(base.tokenizer, row))
            for seed, row in zip(part, rows, strict=True)
        )
    return drawn


def _sample_batch(
    base: BaseModel, prompt: Sequence[int], seeds: Sequence[int], temperature: float, max_new_tokens: int
) -> list[list[int]]:
    device = base.model.device
    uniforms = torch.stack(
        [
            torch.rand(max_new_tokens, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
            for seed in seeds
        ]
    )
    rows: list[list[int]] = [[] for _ in seeds]
    running = [True] * len(seeds)
    ids = torch.tensor([list(prompt)] * len(seeds), device=device)
    cache = None
    for step in range(max_new_tokens):
        with torch.no_grad():
            out = base.model(input_ids=ids, past_key_values=cache, use_cache=True)
        cache = out.past_key_values
        tokens = _draw(out.logits[:, -1], uniforms[:, step], temperature)
        for row, token in enumerate(tokens.tolist()):
            running[row] = running[row] and token not in base.end_ids
            if running[row]:
                rows[row].append(token)
        if not any(running):
            break
        ids = tokens[:, None].to(device)
    return rows


def _draw(logits: Any, uniforms: Any, temperature: float) -> Any:
    """Token ids (rows,) from logits (rows, vocabulary) and uniforms (rows,) in [0, 1); float64 on the CPU."""
    logits = logits.double().cpu()
    if bool(torch.isnan(logits).any()) or bool((logits == torch.inf).any()):
        raise HubkitError(
            "the model gives NaN or infinite logits, expected finite numbers",
            hint="use precision: bfloat16 or float32 in the study file",
        )
    if temperature == 0:
        return logits.argmax(-1)
    cumulated = torch.softmax(logits / temperature, -1).cumsum(-1)
    points = uniforms[:, None] * cumulated[:, -1:]  # the sum is 1 up to rounding: no point may lie behind it
    return torch.searchsorted(cumulated, points, right=True)[:, 0].clamp_(max=logits.shape[-1] - 1)
