"""From characters of a completion to its tokens. Torch-free."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hubkit.inference.tokens import decode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hubkit.collect.plan import CollectPlan


def pooled_tokens(
    plan: CollectPlan, tokenizer: Any, token_ids: Sequence[int], commit: tuple[int, int] | None
) -> tuple[int, ...]:
    """Positions of the tokens that the plan pools, rising; those of the whole completion where no word commits it. May be none."""
    if commit is None or plan.pool_over == "response":
        return tuple(range(len(token_ids)))
    if plan.skip_after_commit is None:
        return tokens_outside(tokenizer, token_ids, commit)
    inside = tokens_inside(tokenizer, token_ids, commit)
    return tuple(range(max(inside, default=-1) + 1 + plan.skip_after_commit, len(token_ids)))


def tokens_outside(tokenizer: Any, token_ids: Sequence[int], span: tuple[int, int]) -> tuple[int, ...]:
    """Positions of the tokens that hold no character of `span`, rising."""
    inside = set(tokens_inside(tokenizer, token_ids, span))
    return tuple(position for position in range(len(token_ids)) if position not in inside)


def tokens_inside(tokenizer: Any, token_ids: Sequence[int], span: tuple[int, int]) -> tuple[int, ...]:
    """Positions of the tokens that hold a character of `span`, rising.

    Token i holds what decoding i + 1 tokens adds to decoding i of them. A token that adds nothing within the span is the rest
    of a character begun before (byte-level vocabularies) and counts as inside.
    """
    start, end = span
    inside, before = [], 0
    for position in range(len(token_ids)):
        after = len(decode(tokenizer, token_ids[: position + 1]))
        overlaps = after > start and before < end
        continues = after == before and start < before <= end
        if overlaps or continues:
            inside.append(position)
        elif before >= end:
            break
        before = after
    return tuple(inside)
