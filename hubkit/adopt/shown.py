"""An adoption as a person reads it: claim by claim, narrow or wide."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import replace

from hubkit.adopt.difference import Difference, Outcome
from hubkit.adopt.outcome import Adoption, card_errors
from hubkit.texts import printable
from hubkit.words import many

HEADS: dict[Outcome, str] = {
    "withdrawn": "Withdrawn: the files say otherwise, or it depends on what went. Your words stay in card.yaml, with line and reason",
    "kept": "Kept, each with a mark in the card: look at these yourself",
    "restated": "Said by the new card's own sections, from the files. Your words stay in card.yaml",
    "added": "Not in your card, and in the new one",
    "open": "Still so",
}
LABEL = 11
NARROWEST, WIDEST = 50, 110
LONGEST = 320
"""Characters of one statement."""


def shown(found: Adoption, width: int) -> Iterator[tuple[str, str]]:
    """Lines, each with its kind: `head`, `claim`, `text`."""
    width = max(NARROWEST, min(width, WIDEST))
    outcome = None
    for row in found.differences:
        if row.outcome != outcome:
            outcome = row.outcome
            yield "head", ""
            for line in textwrap.wrap(HEADS[outcome], width):
                yield "head", line
        yield from _row(row if found.after else replace(row, now=""), width)


def _row(row: Difference, width: int) -> Iterator[tuple[str, str]]:
    yield "claim", f"  line {row.line}  {row.code}".rstrip()
    files = "found" if row.outcome in {"added", "open"} else "the files" if row.code else "why"
    said = (("it said", row.says), ("with it", row.besides), (files, row.files), ("new card", row.now))
    for label, text in said:
        if text:
            yield from (("text", line) for line in _hung(label, text, width))


def _hung(label: str, text: str, width: int) -> list[str]:
    text = printable(" ".join(text.split()))
    text = text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."
    first = f"    {label:<{LABEL}}"
    return textwrap.wrap(
        text, width, initial_indent=first, subsequent_indent=" " * len(first), break_on_hyphens=False
    )


def summary(found: Adoption) -> str:
    """One sentence a person can repeat."""
    parts = [f"{many(sum(1 for _ in found.built.draft.kept), 'statement')} of yours kept"]
    out = found.withdrawn
    parts.append(f"{out} withdrawn" if out else "none withdrawn")
    if same := len(found.settings.get("restated", ())):
        parts.append(f"{same} said by hubkit's own sections")
    values = len(found.built.evidence.values) if found.built.evidence else 0
    parts.append(f"{many(values, 'number')} in evidence.yaml")
    said = ", ".join(parts)
    if not found.before.complete:
        said += "; not everything could be read"
    if found.after is None:
        return f"{said}; no card yet: {found.built.why}"
    return f"{said}; errors about the card: {errors(found)[0]} before, {errors(found)[1]} after"


def remaining(found: Adoption) -> list[str]:
    """Each error that the new card still has: code, line, message."""
    return [
        f"still an error: {one.code}, {f'line {one.line} of the new card' if one.line else 'no line'}: {printable(one.message)}"
        for one in found.remaining
    ]


def errors(found: Adoption) -> tuple[int, int]:
    """Errors of the CARD rules before and after."""
    return len(card_errors(found.before)), len(card_errors(found.after or found.before))
