"""Completions drawn so that each depends on its prompt and its own seed, and on its neighbours in a batch only by rounding. Needs torch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import torch

from hubkit.errors import HubkitError
from hubkit.inference.hooks import changed, recorded
from hubkit.inference.prompts import Prompts
from hubkit.inference.tokens import decode

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from hubkit.inference.decoding import Decoding
    from hubkit.inference.hooks import Change
    from hubkit.inference.load import BaseModel

LIKELIEST = 2048
"""Tokens among which the end of a nucleus is looked for before all are sorted."""
STOP_MARGIN = 16
"""Tokens more than a stop string has characters that are decoded to find it: a token may hold less than a character."""


Ended = Literal["", "end token", "stop string", "limit"]
"""Why a completion is no longer; empty while it goes on."""


@dataclass(frozen=True)
class Draw:
    """One completion to draw."""

    prompt: tuple[int, ...]
    seed: int
    decoding: Decoding


@dataclass(frozen=True)
class Sampled:
    """One completion as the model gave it."""

    seed: int
    token_ids: tuple[int, ...]
    """Without the prompt and without the end token."""
    text: str
    ended: Ended
    states: Mapping[str, Any] = field(default_factory=dict)
    """Module path -> (tokens, d) float32 on the CPU, of each token of the completion, where they were asked for."""


@dataclass
class _Row:
    draw: Draw
    uniforms: Any
    tokens: list[int] = field(default_factory=list)
    states: dict[str, list[Any]] = field(default_factory=dict)
    ended: Ended = ""

    @property
    def running(self) -> bool:
        return not self.ended


def sample(
    base: BaseModel,
    draws: Sequence[Draw],
    prompts: Prompts | None = None,
    *,
    module_paths: Sequence[str] = (),
    changes: Mapping[str, Change] | None = None,
) -> list[Sampled]:
    """One completion for each of `draws`, as one batch; `prompts` keeps what is known of prompts from batch to batch.

    Each completion has a generator of its own on the CPU and takes one uniform number per token (inverse distribution
    function), so the same seed draws the same completion in any batch, on one machine, up to rounding in the model.
    With `module_paths` the outputs of those modules are kept of every token: the last one is run for them, too. With `changes` the outputs of modules are
    changed at every token of the completions and at none of the prompts, so that the first token is drawn as it is without.
    Raises HubkitError when the model gives NaN or infinite logits.
    """
    begun = (prompts or Prompts(base)).begin([draw.prompt for draw in draws])
    rows = [_Row(draw, _uniforms(draw)) for draw in draws]
    active, logits = list(rows), begun.logits
    while True:
        tokens = _draw(logits, active)
        kept = [_take(base, row, int(token)) for row, token in zip(active, tokens.tolist(), strict=True)]
        needed = [place for place, row in enumerate(active) if row.running or (module_paths and kept[place])]
        if not needed:
            break
        if 2 * len(needed) <= len(active):
            begun.keep(needed)
            active, tokens, kept = [active[i] for i in needed], tokens[needed], [kept[i] for i in needed]
        with changed(base.model, changes or {}), recorded(base.model, module_paths) as outputs:
            out = begun.go_on(tokens[:, None])
        for path in module_paths:
            for row, fresh, state in zip(active, kept, outputs[path][:, -1].float().cpu(), strict=True):
                if fresh:
                    row.states.setdefault(path, []).append(state)
        if not any(row.running for row in active):
            break
        logits = out.logits[:, -1]
    return [_sampled(base, row) for row in rows]


def _uniforms(draw: Draw) -> Any:
    generator = torch.Generator().manual_seed(draw.seed)
    return torch.rand(draw.decoding.max_new_tokens, generator=generator, dtype=torch.float64)


def _take(base: BaseModel, row: _Row, token: int) -> bool:
    """Whether the token is one of the completion; says of the row whether it goes on."""
    if not row.running:
        return False
    if token in base.end_ids:
        row.ended = "end token"
        return False
    row.tokens.append(token)
    how = row.draw.decoding
    if _stops(base, row.tokens, how.stop):
        row.ended = "stop string"
    elif len(row.tokens) == how.max_new_tokens:
        row.ended = "limit"
    return True


def _stops(base: BaseModel, tokens: list[int], stop: tuple[str, ...]) -> bool:
    if not stop:
        return False
    end = decode(base.tokenizer, tokens[-(max(map(len, stop)) + STOP_MARGIN) :])
    return any(text in end for text in stop)


def _sampled(base: BaseModel, row: _Row) -> Sampled:
    states = {path: torch.stack(found) for path, found in row.states.items()}
    return Sampled(row.draw.seed, tuple(row.tokens), decode(base.tokenizer, row.tokens), row.ended, states)


def _draw(logits: Any, rows: Sequence[_Row]) -> Any:
    """Token ids (rows,) from logits (rows, vocabulary), each row with its own settings and its next number; float64 on the CPU."""
    logits = logits.double().cpu()
    if bool(torch.isnan(logits).any()) or bool((logits == torch.inf).any()):
        raise HubkitError(
            "the model gives NaN or infinite logits, expected finite numbers",
            hint="use precision: bfloat16 or float32 in the study file",
        )
    temperature = torch.tensor([row.draw.decoding.temperature for row in rows], dtype=torch.float64)
    top_p = torch.tensor([row.draw.decoding.top_p for row in rows], dtype=torch.float64)
    # a row that has ended draws something too, which nobody takes
    uniforms = torch.stack([row.uniforms[min(len(row.tokens), len(row.uniforms) - 1)] for row in rows])
    greedy = temperature == 0
    shares = torch.softmax(logits / torch.where(greedy, 1.0, temperature)[:, None], -1)
    cumulated = _nucleus(shares, top_p).cumsum(-1)
    points = uniforms[:, None] * cumulated[:, -1:]  # no point may lie behind the sum, whatever its rounding
    drawn = torch.searchsorted(cumulated, points, right=True)[:, 0].clamp_(max=logits.shape[-1] - 1)
    return torch.where(greedy, logits.argmax(-1), drawn)


def _nucleus(shares: Any, top_p: Any) -> Any:
    """Shares (rows, vocabulary) with 0 for all but the likeliest that reach `top_p` (rows,) together; tokens as likely as the last of them stay."""
    least = torch.zeros_like(top_p)
    for row, wanted in enumerate(top_p.tolist()):
        if wanted < 1:
            least[row] = _least(shares[row], wanted)
    return torch.where(shares >= least[:, None], shares, 0.0)


def _least(shares: Any, wanted: float) -> Any:
    """The share of the last token that is needed for `wanted`, the likeliest taken first."""
    likeliest = shares.topk(min(LIKELIEST, len(shares))).values
    if float(likeliest.sum()) < wanted:
        likeliest = shares.sort(descending=True).values
    in_front = likeliest.cumsum(0) - likeliest
    return likeliest[in_front < wanted][-1]
