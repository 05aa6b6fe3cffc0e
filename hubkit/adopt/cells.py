"""The numbers in the tables of a card: each cell by its row and its column, as a value that the author states."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from hubkit.adopt.pieces import Block, Piece
from hubkit.measures.catalogue import CATALOGUE
from hubkit.readme.claims.names import SAE_COLUMN
from hubkit.readme.claims.scores import TITLES
from hubkit.readme.page import LONGEST_LINE
from hubkit.readme.prose import split_row
from hubkit.release.evidence import StatedValue

NUMBER = re.compile(
    r"(?P<about>[~≈]?)\s?(?P<number>[-−+]?(?:\d{1,3}(?:[ ,]\d{3})+|\d{1,15})(?:\.\d{1,20})?(?:[eE][-+]?\d{1,3})?)"
    r"\s?(?P<unit>%|[pP]{2}|[kKM]\b)?(?:\s?(?:±|\+/-)\s?\d[\d.]{0,12}\s?%?)?"
)
LONGEST = 60
SAID_N = re.compile(r"\bn\s?=\s?(\d{1,3}(?:,\d{3})+|\d{1,12})\b")
N_COLUMN = re.compile(r"^(?:n|rows?|samples?|tokens?|n_\w+)$", re.IGNORECASE)
LAYER_COLUMN = re.compile(r"^layers?$", re.IGNORECASE)
OF_LAYER = re.compile(r"^L(?:ayer\s?)?(\d{1,3})$", re.IGNORECASE)
RAW = re.compile(r"\braw\b|baseline|residual", re.IGNORECASE)
DIMENSIONS = re.compile(
    r"^(?:d_(?:in|sae|model)|width|k|k_aux.*|k \(.*|layer|.*\bd_sae\b.*|dict(?:ionary)? size|expansion.*|lr|learning rate|epochs?|batch size|seed)$",
    re.IGNORECASE,
)
"""What was chosen, and not measured."""
VALUE_COLUMN = re.compile(r"^values?$", re.IGNORECASE)
TIMES = {"k": 1e3, "K": 1e3, "M": 1e6}
Of = Mapping[str, Any]
"""`{"sae_id": ...}`, `{"layer": ...}`, or nothing: what of the release a value is of."""


@dataclass(frozen=True)
class Known:
    """What of the repository a number can be of."""

    sae_ids: frozenset[str]
    by_layer: Mapping[int, tuple[str, ...]]
    """Layer to its SAEs."""

    def of_layer(self, layer: int, words: str) -> dict[str, Any]:
        """Its raw activations where the words say so, the one SAE that is there; else nothing, and the layer stays in the name."""
        saes = self.by_layer.get(layer, ())
        if RAW.search(words):
            return {"layer": layer}
        return {"sae_id": saes[0]} if len(saes) == 1 else {}


@dataclass(frozen=True)
class Cell:
    """A number as it stands in a cell."""

    value: float
    unit: str
    written: str
    about: bool = False


@dataclass(frozen=True)
class Place:
    """Where a number stands, and what it is of."""

    line: int
    name: str
    """What it is, in words."""
    of: Of
    measure: str | None = None
    """The measure of hubkit's catalogue that the words name."""
    n: int | None = None
    beside: str = ""
    """What stands before it in its row."""


def number_in(cell: str) -> Cell | None:
    """`86.9%`, `65 174`, `~0.78`, `0.784 ± 0.02`; None for a cell that is no number, or more than one."""
    match = NUMBER.fullmatch(cell.strip()[:LONGEST])
    if match is None:
        return None
    written = match["number"].replace("−", "-").replace(",", "").replace(" ", "")
    unit = match["unit"] or ""
    value = float(written) * TIMES.get(unit, 1.0)
    return Cell(value, "" if unit in TIMES else unit, cell.strip(), bool(match["about"]))


def stated(number: Cell, place: Place) -> StatedValue:
    """The value of evidence.yaml. A percentage of a measure is a share; a value that no such SAE can have goes by its name."""
    measure = place.measure if place.of or place.measure == measure_of(place.name) else None
    value = number.value / 100 if measure and number.unit == "%" else number.value
    if measure and CATALOGUE[measure].impossible(value):
        measure, value = None, number.value
    unit = f" ({number.unit})" if number.unit and not measure else ""
    what = {"measure": measure} if measure else {"name": f"{place.name or 'a number'}{unit}"}
    note = f"{'about, ' if number.about else ''}line {place.line} of the earlier card"
    said = {"note": note, "written": number.written, "quote": f"{place.beside}{number.written}"}
    return StatedValue.model_validate({**what, **place.of, "value": value, "n": place.n, **said})


def measure_of(words: str) -> str | None:
    """The measure of the catalogue that a title names."""
    return next(
        (
            one.measure
            for one, title in TITLES
            if one.measure in CATALOGUE and not one.rest and not one.loosely and title.match(words)
        ),
        None,
    )


def values_in(block: Block, about: str, known: Known) -> Iterator[tuple[Piece, StatedValue]]:
    """Every number of a table that was measured; `about` is the heading above it."""
    for piece in block.pieces:
        if piece.kind == "row":
            yield from ((piece, value) for value in _of_row(piece, block.titles, about, known))


def holds_nothing_else(block: Block, known: Known) -> bool:
    """Whether every cell but the first is such a number, the name of an SAE, or empty: nothing is lost where the table goes."""
    rows = [split_row(piece.text[:LONGEST_LINE]) for piece in block.pieces if piece.kind == "row"]
    if any(DIMENSIONS.match(words) for words in (*block.titles, *(cells[0] for cells in rows)) if words):
        return False
    rest = (cell for cells in rows for cell in cells[1:])
    return all(number_in(cell) or cell in known.sae_ids or not cell.strip("–—-") for cell in rest)


def _of_row(piece: Piece, titles: tuple[str, ...], about: str, known: Known) -> Iterator[StatedValue]:
    cells = split_row(piece.text[:LONGEST_LINE])
    of = _row_of(titles, cells, known)
    said = SAID_N.search(" ".join(cells)) or SAID_N.search(about)
    n = _n_column(titles, cells) or (int(said[1].replace(",", "")) if said else 0) or None
    for title, cell in list(zip(titles, cells, strict=False))[1:]:
        number = number_in(cell)
        if number is None or any(words.match(title) for words in (N_COLUMN, LAYER_COLUMN, DIMENSIONS)):
            continue
        if not DIMENSIONS.match(cells[0]):
            yield stated(number, replace(_place(titles[0], title, cells, of, known), line=piece.first, n=n))


def _row_of(titles: tuple[str, ...], cells: list[str], known: Known) -> dict[str, Any]:
    """The SAE or the layer that a row is about."""
    pairs = list(zip(titles, cells, strict=False))
    for title, cell in pairs:
        if cell in known.sae_ids and (
            SAE_COLUMN.search(title) or cell == cells[0] or "/" in cell or "_" in cell
        ):
            return {"sae_id": cell}
    for title, cell in pairs:
        if OF_LAYER.match(cell) or (LAYER_COLUMN.match(title) and re.fullmatch(r"\d{1,3}", cell)):
            return known.of_layer(int(re.sub(r"\D", "", cell)), " ".join(cells))
    return {}


def _n_column(titles: tuple[str, ...], cells: list[str]) -> int | None:
    for title, cell in zip(titles, cells, strict=False):
        if N_COLUMN.match(title) and (number := number_in(cell)) and number.value >= 1:
            return int(number.value)
    return None


def _place(first: str, title: str, cells: list[str], of: Of, known: Known) -> Place:
    row = f"{first} {cells[0]}" if first and (LAYER_COLUMN.match(first) or number_in(cells[0])) else cells[0]
    if not of and (layer := OF_LAYER.match(title)):
        of = known.of_layer(int(layer[1]), f"{row} {title}")
    column = "" if VALUE_COLUMN.match(title) else title
    measure = measure_of(column or row) or measure_of(row)
    is_row = of and (row == of.get("sae_id") or OF_LAYER.match(row) or LAYER_COLUMN.match(first))
    named = [column] if is_row and column else dict.fromkeys(filter(None, [row, column]))
    if not of and measure == measure_of(row) and column:
        measure = None
    beside = f"{' '.join(filter(None, [first, cells[0]]))}, {title} ".lstrip(" ,")
    return Place(0, ", ".join(named), of, measure, beside=beside)
