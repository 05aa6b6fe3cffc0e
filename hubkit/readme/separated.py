"""Tables that a card shows as values between commas or tabs: blocks of CSV and TSV, as the rows of a table."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from hubkit.readme.page import Line

if TYPE_CHECKING:
    from hubkit.readme.page import Page

SEPARATORS = {"csv": ",", "tsv": "\t"}
UNTOLD = {"", "text", "txt", "plain"}
"""Languages under which such a table may stand, too."""
LEAST = 2
"""Columns, and lines, of a table."""


def separated(page: Page) -> Iterator[Line]:
    """Each row below the titles of such a block; of a block whose lines have several lengths nothing."""
    by_number = {line.number: line for line in page.lines if line.fenced}
    for block in page.readme.code_blocks:
        known = SEPARATORS.get(block.language)
        if known is None and block.language not in UNTOLD:
            continue
        lines = block.text.rstrip("\n").split("\n")
        separator = known or next((one for one in ("\t", ",") if one in lines[0]), None)
        rows = [_cells(text, separator) for text in lines] if separator else []
        if len(rows) < LEAST or len(rows[0]) < LEAST or {len(row) for row in rows} != {len(rows[0])}:
            continue
        if any(not cell or cell[0].isdigit() for cell in rows[0]):
            continue  # no titles
        for offset, cells in enumerate(rows[1:], 1):
            line = by_number.get(block.line + offset)
            if line is not None:
                yield replace(
                    line, text=" | ".join(cells), code=False, fenced=False, cells=cells, titles=rows[0]
                )


def _cells(text: str, separator: str) -> tuple[str, ...]:
    return tuple(cell.strip() for cell in next(csv.reader([text], delimiter=separator), []))
