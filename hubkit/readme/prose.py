"""A card's prose and tables: the lines outside front matter, code and comments, each with its number."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hubkit.readme.formulas import without_formulas
from hubkit.readme.html_tables import without_tags

if TYPE_CHECKING:
    from hubkit.readme.document import Readme

RULE = re.compile(r"^\|?[ \t]*:?-{1,}:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?$")
"""The line of dashes under a table's titles, without the space around it."""
OURS = re.compile(r"\s*/?hubkit:(?:author:[a-z_]{1,40}|template)\s")
"""What a comment of hubkit's begins with."""
MARKS = re.compile(r"(?<![\d*])\*{1,3}|\*{1,3}(?![\d*])|`")


@dataclass(frozen=True)
class Row:
    """A row of a table: its cells by column title, without Markdown's marks."""

    cells: dict[str, str]
    line: int


def prose_lines(readme: Readme) -> Iterator[tuple[int, str]]:
    """(line number, line) of the body, without code blocks and HTML comments."""
    code = {
        block.line + offset
        for block in readme.code_blocks
        for offset in range(-1, block.text.count("\n") + 2)
    }
    for number, line in enumerate(without_comments(readme.text).split("\n"), 1):
        if number >= readme.body_line and number not in code:
            yield number, line


def without_comments(text: str) -> str:
    """`text` without HTML comments, its line ends kept; a comment that is never closed stays. Linear, whatever the text."""
    parts: list[str] = []
    at = 0
    while (begin := text.find("<!--", at)) >= 0 and (end := text.find("-->", begin)) >= 0:
        parts += [text[at:begin], "\n" * text.count("\n", begin, end)]
        at = end + 3
    return "".join([*parts, text[at:]])


def comment_lines(text: str) -> Iterator[tuple[int, str]]:
    """(line number, line) of what stands in HTML comments, which the Hub does not show; without hubkit's own marks. Linear."""
    at = 0
    number = 1
    while (begin := text.find("<!--", at)) >= 0 and (end := text.find("-->", begin)) >= 0:
        number += text.count("\n", at, begin)
        inner = text[begin + 4 : end]
        if not OURS.match(inner):
            yield from enumerate(inner.split("\n"), number)
        number += text.count("\n", begin, end)
        at = end + 3


def table_rows(readme: Readme) -> Iterator[Row]:
    """Every row of every table that has a header and a rule of dashes."""
    lines = list(prose_lines(readme))
    titles: list[str] | None = None
    for index, (number, line) in enumerate(lines):
        if "|" not in line:
            titles = None
        elif index + 1 < len(lines) and RULE.match(lines[index + 1][1].strip()):
            titles = split_row(line)
        elif titles and not RULE.match(line.strip()):
            yield Row(dict(zip(titles, split_row(line), strict=False)), number)


def split_row(line: str) -> list[str]:
    """The cells of a table's line, without its outer bars and without emphasis and code marks."""
    inner = line.strip().removeprefix("|").removesuffix("|")
    return [
        MARKS.sub(
            "",
            without_tags(without_formulas(cell.replace("\\|", "|"))).replace("\\_", "_").replace("\\*", "*"),
        ).strip()
        for cell in re.split(r"(?<!\\)\|", inner)
    ]
