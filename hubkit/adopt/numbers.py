"""The numbers that a card states, as values of evidence.yaml: those of its tables, and what its sentences state of known measures."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from hubkit.adopt.cells import (
    DIMENSIONS,
    Cell,
    Known,
    Of,
    Place,
    holds_nothing_else,
    measure_of,
    number_in,
    stated,
    values_in,
)
from hubkit.adopt.pieces import Block, Part, Piece, Pieces
from hubkit.readme.claims.kinds import BestSae, LayerScore, Peak
from hubkit.readme.page import EMPHASIS
from hubkit.release.evidence import StatedValue

if TYPE_CHECKING:
    from hubkit.readme.claims import Claims

CONFIGURED = {
    "training",
    "architecture",
    "contents",
    "loading",
    "versions",
    "license",
    "citation",
    "precision",
}
"""Sections whose tables say how something was made, not what was measured."""
MEASURED = {"quality", "key_findings", "probes", "effect_sizes", "stability", "steering", "top_features"}
"""Sections in which any item that is a name and a number was measured."""
ITEM = re.compile(r"(?P<label>[A-Za-z][^:=|]{1,60}?)\s?[:=]\s?(?P<number>[^:=|]{1,40}?)\.?")
LONGEST = 120
PLAIN_NUMBER = re.compile(r"\d{1,9}(?:\.\d{1,20})?")
MOST_VALUES = 5_000
Value = tuple[Piece, StatedValue]
"""A number, and the piece that states it."""


@dataclass(frozen=True)
class Numbers:
    """What goes into evidence.yaml, and the rows that it holds whole."""

    values: tuple[Value, ...]
    """In the order of the card."""
    whole: frozenset[Piece]

    def without(self, gone: Iterable[Piece]) -> list[Value]:
        """Those that are not on what is withdrawn; marked where the author's text in the card says them too."""
        out = set(gone)
        return [
            (piece, value if piece in self.whole else value.model_copy(update={"in_text": True}))
            for piece, value in self.values
            if piece not in out
        ]


def read_numbers(pieces: Pieces, claims: Claims, known: Known) -> Numbers:
    """Every number of the card that states a measurement."""
    values: list[Value] = []
    whole: set[Piece] = set()
    blocks = ((part, block) for part in pieces.parts if part.name not in CONFIGURED for block in part.blocks)
    for part, block in blocks:
        room = MOST_VALUES - len(values)
        found = list(
            islice(
                values_in(block, part.words, known) if block.titles else _of_items(part, block, known), room
            )
        )
        values += found
        moves = bool(block.titles) and not block.in_place
        if found and len(found) < room and moves and holds_nothing_else(block, known):
            whole |= set(block.pieces)
    seen = {(piece.first, round(value.value, 9)) for piece, value in values}
    for line, value in _of_sentences(claims, known):
        piece = next((one for one in pieces.by_line.get(line, ()) if _shows(one, value)), None)
        if piece is not None and (line, round(value.value, 9)) not in seen:
            values.append((piece, value))
    values = sorted(values[:MOST_VALUES], key=lambda one: one[0].first)
    return Numbers(tuple(values), frozenset(whole))


def _of_items(part: Part, block: Block, known: Known) -> Iterator[Value]:
    """`- explained_variance: 0.995`: an item that is a name and a number."""
    for piece in block.pieces:
        match = (
            ITEM.fullmatch(EMPHASIS.sub("", piece.text.strip()))
            if piece.kind == "text" and len(piece.text) < LONGEST
            else None
        )
        number = number_in(match["number"]) if match else None
        if match is None or number is None or DIMENSIONS.match(match["label"]):
            continue
        measure = measure_of(match["label"])
        of = {"sae_id": next(iter(known.sae_ids))} if measure and len(known.sae_ids) == 1 else {}
        if measure or part.name in MEASURED:
            yield (
                piece,
                stated(number, Place(piece.first, match["label"], of, measure, beside=f"{match['label']} ")),
            )


def _of_sentences(claims: Claims, known: Known) -> Iterator[tuple[int, StatedValue]]:
    """What `readme/claims` reads as measured: the best SAE, the raw activations of a layer, the peak."""
    for best in claims.of(BestSae):
        of = {"sae_id": best.sae_id} if best.sae_id in known.sae_ids else {}
        name = "Best SAE probe accuracy" if of else f"Best SAE probe accuracy, {best.sae_id}"
        yield best.line, _percent(best.accuracy, name, of, best.line)
    for score in claims.of(LayerScore):
        name = "Raw activations, balanced accuracy"
        yield score.line, _percent(score.accuracy, name, {"layer": score.layer}, score.line)
    for peak in claims.of(Peak):
        if peak.accuracy is not None:
            name = f"Peak balanced accuracy{f', {peak.model}' if peak.model else ''}"
            yield peak.line, _percent(peak.accuracy, name, {}, peak.line)


def _percent(value: float, name: str, of: Of, line: int) -> StatedValue:
    return stated(Cell(value, "%", f"{value:g}%"), Place(line, name, of))


def _shows(piece: Piece, value: StatedValue) -> bool:
    """Whether a piece is the one of its line that states a value."""
    return any(float(number) == value.value for number in PLAIN_NUMBER.findall(piece.text))
