"""How many layers have SAEs, and which."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hubkit.readme.claims.kinds import Claim, Count, LayerList
from hubkit.readme.claims.numbers import COUNT, count
from hubkit.readme.claims.properties import title_facts
from hubkit.readme.claims.values import SPELLED, amount
from hubkit.readme.page import Line, Page

COUNTED = re.compile(
    rf"\b(?:across|at|on|over|covering|covers) ({COUNT}) (?:distinct |different )?layers?\b(?:\s*\(([^()]{{1,1500}})\))?",
    re.IGNORECASE,
)
HEADED = re.compile(
    rf"^(?:hook(?:ed)? )?layers?(?: covered)?(?:\s*[:|]\s*|\s+\|\s*)((?:L?\d|(?:{SPELLED})).{{0,1500}})$",
    re.IGNORECASE,
)
UNCLEAR = re.compile(
    r"^\w* ?layers\s*[:|]\s*\d{1,3}$|^\w* ?layer\s*[:|]\s*\d{1,3}\s?/\s?\d{1,3}(?: ?\([^()]{0,60}\))?$",
    re.IGNORECASE,
)
"""`Layers | 12` may count the layers, of the base model too; `Layer: 6/12` is one of twelve."""
SPAN = re.compile(r"^L?(\d{1,3})\s?[–—-]\s?L?(\d{1,3})\b(?:\s*\((\d{1,3}) layers total\))?$")
SEPARATOR = re.compile(r"\s*[,·/&]\s*(?:and )?|\s+and\s+")
WORD = re.compile(rf"\b{SPELLED}", re.IGNORECASE)
LAYER = re.compile(r"L?\d{1,3}")
TAIL = re.compile(r"\s*\((?=[^()]*[a-z.])|(?<=\d)\.\s")
"""Where a list ends and words about it begin."""
QUALIFIED = re.compile(r"\((?:original|STE|new|old)", re.IGNORECASE)


def read(page: Page) -> Iterator[Claim]:
    """Every count and every list of layers."""
    for line in (*title_facts(page), *page.prose):
        yield from _counted(line)
        yield from _headed(line)


def _counted(line: Line) -> Iterator[Claim]:
    """`across 6 layers (L4, L8, ...)`."""
    for match in COUNTED.finditer(line.text[:3000]):
        layers = numbers(match.group(2) or "") or ()
        listed = tuple(f"L{layer}" for layer in layers)
        number = count(match.group(1))
        if number > 1:  # "and one at one layer" is of that one
            yield Count(line=line.number, quote=line.quote, what="layers", number=number, listed=listed)
        if layers:
            yield LayerList(line=line.number, quote=line.quote, layers=layers, qualified=False)


def _headed(line: Line) -> Iterator[Claim]:
    """`Layers: L3, L6, L9 (original); L9 (STE)`."""
    match = HEADED.match(line.text)
    if match is None or line.of_others:
        return
    text = match.group(1)
    if UNCLEAR.match(line.text):
        return
    layers = numbers(text) or numbers(TAIL.split(text, maxsplit=1)[0])
    if layers is None:
        return
    yield LayerList(
        line=line.number, quote=line.quote, layers=layers, qualified=QUALIFIED.search(text) is not None
    )
    if (span := SPAN.match(text)) and span.group(3):
        listed = tuple(f"L{layer}" for layer in layers)
        yield Count(
            line=line.number, quote=line.quote, what="layers", number=int(span.group(3)), listed=listed
        )


def numbers(text: str) -> tuple[int, ...] | None:
    """`L3, L6, L9`, `7 / 21 / 35`, `0 – 23`; None for anything else."""
    text = re.sub(r"\b(?:layers?|blocks?) ", "", text.strip(" .[]{}"), flags=re.IGNORECASE)
    text = re.sub(r" (?:to|through) |\.{2,3}", "-", text).replace(" & ", " and ")
    text = WORD.sub(lambda match: f"{(amount(match.group()) or (0,))[0]:.0f}", text)
    if span := SPAN.match(text):
        first, last = int(span.group(1)), int(span.group(2))
        return tuple(range(first, last + 1)) if first < last else None
    pieces = [piece for piece in SEPARATOR.split(text) if piece]
    if not pieces or not all(LAYER.fullmatch(piece) for piece in pieces):
        return None
    return tuple(int(piece.lstrip("L")) for piece in pieces)
