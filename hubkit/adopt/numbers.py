"""The numbers that a card states, as values of evidence.yaml: cells of tables by their row and column, and what sentences state of known measures."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hubkit.adopt.pieces import Block, Part, Piece, Pieces
from hubkit.measures.catalogue import CATALOGUE
from hubkit.readme.claims.kinds import BestSae, LayerScore, Peak
from hubkit.readme.claims.names import SAE_COLUMN
from hubkit.readme.claims.scores import MEASURES
from hubkit.readme.prose import split_row
from hubkit.release.evidence import Evidence, StatedValue

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
NUMBER = re.compile(
    r"(?P<about>[~≈]?)\s?(?P<number>[-−+]?(?:\d{1,3}(?:[ ,]\d{3})+|\d{1,15})(?:\.\d{1,12})?(?:[eE][-+]?\d{1,3})?)\s?(?P<unit>%|[pP]{2}|[kKM]\b)?(?P<spread>\s?(?:±|\+/-)\s?\d[\d.]{0,12}\s?%?)?"
)
SAID_N = re.compile(r"\bn\s?=\s?(\d{1,3}(?:,\d{3})+|\d{1,12})\b")
N_COLUMN = re.compile(r"^(?:n|rows?|samples?|tokens?|n_\w+)$", re.IGNORECASE)
LAYER_COLUMN = re.compile(r"^layers?$", re.IGNORECASE)
OF_LAYER = re.compile(r"^L(?:ayer\s?)?(\d{1,3})$", re.IGNORECASE)
RAW = re.compile(r"\braw\b|baseline|residual", re.IGNORECASE)
DIMENSIONS = re.compile(
    r"^(?:d_(?:in|sae|model)|width|k|k_aux.*|k \(.*|layer|.*\bd_sae\b.*|dict(?:ionary)? size|expansion.*|lr|learning rate|epochs?|batch size|seed)$",
    re.IGNORECASE,
)
VALUE_COLUMN = re.compile(r"^values?$", re.IGNORECASE)
TIMES = {"k": 1e3, "K": 1e3, "M": 1e6}
PLAIN_NUMBER = re.compile(r"\d{1,9}(?:\.\d{1,12})?")
MOST_VALUES = 5_000


@dataclass(frozen=True)
class Known:
    """What of the repository a number can be of."""

    sae_ids: frozenset[str]
    by_layer: Mapping[int, tuple[str, ...]]
    """Layer to its SAEs."""


@dataclass(frozen=True)
class Cell:
    """A number as it stands in a cell."""

    value: float
    unit: str
    written: str
    about: bool


@dataclass(frozen=True)
class Numbers:
    """What goes into evidence.yaml, each with the piece that states it, and the rows that it holds whole."""

    values: tuple[tuple[Piece, StatedValue], ...]
    whole: frozenset[Piece]


def read_numbers(pieces: Pieces, claims: Claims, known: Known) -> Numbers:
    """Every number of the card that states a measurement."""
    values: list[tuple[Piece, StatedValue]] = []
    whole: set[Piece] = set()
    for part in pieces.parts:
        if part.name in CONFIGURED:
            continue
        for block in part.blocks:
            if not block.titles or len(values) > MOST_VALUES:
                continue
            found = list(_of_table(part, block, known))
            values += found
            if found and _is_whole(block):
                whole |= set(block.pieces)
    seen = {(piece.first, round(value.value, 9)) for piece, value in values}
    for line, value in _of_sentences(claims, known):
        piece = next((one for one in pieces.by_line.get(line, ()) if _shows(one, value)), None)
        if piece is not None and (line, round(value.value, 9)) not in seen:
            values.append((piece, value))
    return Numbers(tuple(values[:MOST_VALUES]), frozenset(whole))


def evidence_of(numbers: Numbers, gone: Iterable[Piece], source: str) -> Evidence | None:
    """The file; None where no number is left."""
    out = set(gone)
    values = [
        value for piece, value in sorted(numbers.values, key=lambda one: one[0].first) if piece not in out
    ]
    return Evidence(source=source, values=values) if values else None


def number_in(cell: str) -> Cell | None:
    """`86.9%`, `65 174`, `~0.78`, `0.784 ± 0.02`; None for a cell that is no number, or more than one."""
    match = NUMBER.fullmatch(cell.strip()[:60])
    if match is None:
        return None
    written = match["number"].replace("−", "-").replace(",", "").replace(" ", "")
    unit = match["unit"] or ""
    return Cell(
        float(written) * TIMES.get(unit, 1.0),
        "" if unit in TIMES else unit,
        cell.strip(),
        bool(match["about"]),
    )


def _of_table(part: Part, block: Block, known: Known) -> Iterator[tuple[Piece, StatedValue]]:
    for piece in block.pieces:
        if piece.kind != "row":
            continue
        cells = split_row(piece.text)
        of = _row_of(block.titles, cells, known)
        n = _n_of(part, block.titles, cells)
        for at, cell in enumerate(cells):
            title = block.titles[at] if at < len(block.titles) else ""
            number = number_in(cell)
            if number is None or at == 0 or N_COLUMN.match(title) or LAYER_COLUMN.match(title):
                continue
            if DIMENSIONS.match(title) or DIMENSIONS.match(cells[0]):
                continue
            yield piece, _value(number, _Place(piece.first, title, cells[0], of, n), known)


@dataclass(frozen=True)
class _Place:
    """Where a cell stands."""

    line: int
    title: str
    row: str
    of: dict[str, object]
    n: int | None


def _row_of(titles: tuple[str, ...], cells: list[str], known: Known) -> dict[str, object]:
    """The SAE or the layer that a row is about."""
    for title, cell in zip(titles, cells, strict=False):
        if cell in known.sae_ids and (
            SAE_COLUMN.search(title) or cell == cells[0] or "/" in cell or "_" in cell
        ):
            return {"sae_id": cell}
    for title, cell in zip(titles, cells, strict=False):
        number = OF_LAYER.match(cell) or (
            re.fullmatch(r"\d{1,3}", cell) if LAYER_COLUMN.match(title) else None
        )
        if number:
            layer = int(re.sub(r"\D", "", cell))
            return _of_one(layer, known, " ".join(cells))
    return {}


def _of_one(layer: int, known: Known, words: str) -> dict[str, object]:
    """What a number of a layer is of: its raw activations where the words say so, the one SAE that is there; else the layer stays in its name."""
    saes = known.by_layer.get(layer, ())
    if RAW.search(words):
        return {"layer": layer}
    return {"sae_id": saes[0]} if len(saes) == 1 else {}


def _n_of(part: Part, titles: tuple[str, ...], cells: list[str]) -> int | None:
    for title, cell in zip(titles, cells, strict=False):
        if N_COLUMN.match(title) and (number := number_in(cell)) and number.value >= 1:
            return int(number.value)
    said = SAID_N.search(" ".join(cells)) or SAID_N.search(part.words)
    return int(said[1].replace(",", "")) or None if said else None


def _value(number: Cell, place: _Place, known: Known) -> StatedValue:
    row, title, of = place.row, place.title, dict(place.of)
    if not of and (layer := OF_LAYER.match(title)):
        of = _of_one(int(layer[1]), known, f"{row} {title}")
    words = row if VALUE_COLUMN.match(title) or not title else title
    measure = _measure(words) or (_measure(row) if words != row else None)
    named = ", ".join(dict.fromkeys(filter(None, [row, "" if VALUE_COLUMN.match(title) else title])))
    return _stated(number, measure, named, of, place.line, place.n)


def _stated(
    number: Cell, measure: str | None, name: str, of: dict[str, object], line: int, n: int | None
) -> StatedValue:
    value = number.value / 100 if measure and number.unit == "%" else number.value
    if measure and CATALOGUE[measure].impossible(value):
        measure, value = None, number.value
    unit = f" ({number.unit})" if number.unit and not measure else ""
    what = {"measure": measure} if measure else {"name": f"{name or 'a number'}{unit}"}
    about = "about, " if number.about else ""
    note = f"{about}line {line} of the earlier card: {number.written}"
    return StatedValue.model_validate({**what, **of, "value": value, "n": n, "note": note})


def _measure(words: str) -> str | None:
    """The measure of the catalogue that a title names."""
    return next((name for name, title in MEASURES.items() if name in CATALOGUE and title.match(words)), None)


def _is_whole(block: Block) -> bool:
    """Whether every cell but the first of every row is a number or empty: nothing is lost where the table goes."""
    rows = [split_row(piece.text) for piece in block.pieces if piece.kind == "row"]
    plain = all(
        not DIMENSIONS.match(cells[0]) and not any(DIMENSIONS.match(title) for title in block.titles)
        for cells in rows
    )
    return plain and all(number_in(cell) or not cell.strip("–—-") for cells in rows for cell in cells[1:])


def _of_sentences(claims: Claims, known: Known) -> Iterator[tuple[int, StatedValue]]:
    """What `readme/claims` reads as measured: the best SAE, the raw activations of a layer, the peak."""
    for best in claims.of(BestSae):
        of: dict[str, object] = {"sae_id": best.sae_id} if best.sae_id in known.sae_ids else {}
        name = "Best SAE probe accuracy" if of else f"Best SAE probe accuracy, {best.sae_id}"
        yield best.line, _percent(best.accuracy, name, of, best.line)
    for score in claims.of(LayerScore):
        yield (
            score.line,
            _percent(
                score.accuracy, "Raw activations, balanced accuracy", {"layer": score.layer}, score.line
            ),
        )
    for peak in claims.of(Peak):
        if peak.accuracy is not None:
            words = f"Peak balanced accuracy{f', {peak.model}' if peak.model else ''}"
            yield peak.line, _percent(peak.accuracy, words, {}, peak.line)


def _percent(value: float, name: str, of: dict[str, object], line: int) -> StatedValue:
    return _stated(Cell(value, "%", f"{value:g}%", about=False), None, name, of, line, None)


def _shows(piece: Piece, value: StatedValue) -> bool:
    """Whether a piece is the one of its line that states a value."""
    return any(float(number) == value.value for number in PLAIN_NUMBER.findall(piece.text))
