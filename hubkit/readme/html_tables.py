"""HTML in a card: its tables and lists of terms as rows of cells, each with its line, and its tags for emphasis taken out."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

TAG = re.compile(r"<(/?)(table|tr|th|td|dl|dt|dd)\b[^<>]{0,1000}>", re.IGNORECASE)
ANY_TAG = re.compile(
    r"</?(?:a|abbr|b|big|blockquote|center|code|div|em|font|h[1-6]|i|kbd|li|mark|ol|p|small|span|strong|sub|tt|u|ul)(?: [^<>]{0,1000})?/?>",
    re.IGNORECASE,
)
"""Of those that say nothing about what stands in them. Not any word in angle brackets: `<sae_id>` is to be replaced."""
BREAK = re.compile(r"<br ?/?>", re.IGNORECASE)
RAISED = re.compile(r"<sup>(\d{1,3})</sup>", re.IGNORECASE)
FOLD = re.compile(r"^(?:<details\b[^<>]{0,100}>\s{0,8})?<summary>(.*?)</summary>$", re.IGNORECASE)
"""The title of a section that opens on a click."""
HEAD = re.compile(r"^<h([1-6])\b[^<>]{0,1000}>(.*?)(?:</h[1-6]>)?$", re.IGNORECASE)
PARTS = {"tr", "th", "td", "dt", "dd"}


@dataclass
class HtmlRow:
    """One row of a table, or a term with its description."""

    line: int
    """1-based."""
    cells: list[str] = field(default_factory=list)
    heads: int = 0
    """How many of its cells are `<th>`."""

    @property
    def titles(self) -> bool:
        """Whether it names columns."""
        return self.heads == len(self.cells) > 1


def without_tags(text: str) -> str:
    """`text` without the tags that only say how it looks."""
    if "<" not in text:
        return text
    return ANY_TAG.sub("", BREAK.sub(" ", RAISED.sub(r"^\1", text)))


def html_rows(lines: Sequence[str]) -> tuple[list[HtmlRow], set[int]]:
    """The rows of all tables, and the numbers of the lines that belong to them. Never raises; a table that is never closed ends with the text."""
    rows: list[HtmlRow] = []
    covered: set[int] = set()
    inside = cell = False
    for number, line in enumerate(lines, 1):
        if not inside and "<" not in line:
            continue
        at = 0
        for match in TAG.finditer(line):
            if cell:
                rows[-1].cells[-1] += line[at : match.start()]
            at = match.end()
            closing, tag = match.group(1) == "/", match.group(2).lower()
            cell = False
            if tag in ("table", "dl"):
                inside = not closing
                covered.add(number)
            elif inside and not closing and tag in PARTS:
                cell = _opened(rows, tag, number)
        if cell:
            rows[-1].cells[-1] += line[at:] + " "
        if inside:
            covered.add(number)
    for row in rows:
        row.cells = [" ".join(html.unescape(without_tags(one)).split()) for one in row.cells]
    return [row for row in rows if any(row.cells)], covered


def _opened(rows: list[HtmlRow], tag: str, number: int) -> bool:
    """Begin a row, or a cell of it: whether text follows that is the cell's."""
    if tag in ("tr", "dt"):
        rows.append(HtmlRow(number))
    if tag == "tr" or not rows:
        return False
    rows[-1].cells.append("")
    rows[-1].heads += tag == "th"
    return True
