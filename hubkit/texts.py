"""Text of strangers: made visible before anybody is shown it, shortened, and where in it a place is."""

from __future__ import annotations

import re
from bisect import bisect_right
from functools import cached_property

HIDDEN = re.compile(
    "[^\x20-\x7e\u00a1-\u00ac\u00ae-\u02ff\u0370-\u058f\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7a3\u2010-\u2027\u2030-\u205e\u2190-\u23ff\u2500-\u27bf]"
)
"""What may be no visible character: it is looked at one by one. Everything outside the blocks that people write most."""


def printable(text: str) -> str:
    """`text` on one line, with what is no visible character written as an escape: controls, C1, bidirectional marks, lone surrogates."""
    return text if text.isprintable() else HIDDEN.sub(_visible, text)


def printable_lines(text: str) -> str:
    """The same with line ends and tabs as they are, for text of several lines."""
    return "\n".join("\t".join(map(printable, line.split("\t"))) for line in text.split("\n"))


def _visible(match: re.Match[str]) -> str:
    character = match.group()
    return character if character.isprintable() else repr(character)[1:-1]


def shortened(text: str, most: int = 100) -> str:
    """At most `most` characters of `text`, and how many there were where some are left out."""
    return text if len(text) <= most else f"{text[:most]}... ({len(text):,} characters)"


class Lines:
    """The line of any place of a text, in logarithmic time: one pass finds where lines begin."""

    def __init__(self, text: str) -> None:
        self._text = text

    @cached_property
    def _starts(self) -> list[int]:
        return [match.start() for match in re.finditer("\n", self._text)]

    def at(self, place: int) -> int:
        """The line (1-based) of the character at `place` (0-based)."""
        return bisect_right(self._starts, place - 1) + 1
