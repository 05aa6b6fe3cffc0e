"""The two widths of an SAE beside each other, `768 → 24576`, in prose, lists, titles and comments."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hubkit.readme.asides import asides
from hubkit.readme.claims import values
from hubkit.readme.claims.kinds import Claim, Widths
from hubkit.readme.claims.subjects import OF_MODEL, UNSURE
from hubkit.readme.page import Line, Page, shortened

I = re.IGNORECASE  # noqa: E741 - as short as it is common here
ARROW = r" ?(?:→|->|-->|=>|⟶|⇒|↦) ?"
PAIR = re.compile(rf"(?<![\w.,^→>/-])(?<!→ )(?<!> )({values.AMOUNT}){ARROW}({values.AMOUNT})(?![\w%^])")
OF_SAE = re.compile(
    r"\b(?:dimensions?|dims?|widths?|sizes?|SAEs?|auto-?encoders?|dictionar\w+|encod\w+|latents?|features|expan\w+|d_in|d_sae)\b",
    I,
)
ELSE = re.compile(
    r"\b(?:MLP|feed-?forward|FFN|loss|accuracy|steps?|tokens|seconds|epochs?|lr|rate|L0|layers?|cosine|warm-?up|vocab\w*)\b",
    I,
)
"""Of something that is no SAE's widths."""
NARROWEST = 16


def read(page: Page) -> Iterator[Claim]:
    """Every pair of widths."""
    for line in (*page.prose, *asides(page)):
        if not line.of_others and (
            "→" in line.text or ">" in line.text or "⟶" in line.text or "⇒" in line.text
        ):
            yield from _pairs(line)


def _pairs(line: Line) -> Iterator[Widths]:
    for sentence in line.sentences():
        if (
            UNSURE.search(sentence)
            or ELSE.search(sentence)
            or (OF_MODEL.search(sentence) and not OF_SAE.search(sentence))
        ):
            continue
        for match in PAIR.finditer(sentence):
            first, second = values.amount(match.group(1)), values.amount(match.group(2))
            if first and second and min(first[0], second[0]) >= NARROWEST:
                yield Widths(
                    line=line.number, quote=shortened(sentence), first=first, second=second,
                    sure=OF_SAE.search(sentence) is not None,
                )  # fmt: skip
