"""Text of strangers: made visible before anybody is shown it, shortened, and where in it a place is."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from functools import cached_property
from typing import Any

SEEN = "\x20-\x7e\u00a1-\u00ac\u00ae-\u02ff\u0370-\u0377\u0391-\u03a1\u03a3-\u0482\u3041-\u3096\u30a0-\u30ff\u4e00-\u9fff\uac00-\ud7a3\u2010-\u2027\u2030-\u205e\u2190-\u23ff\u2500-\u27bf"
"""Visible characters, in the blocks that people write most: all others are looked at one by one."""
ON_ONE_LINE = re.compile(f"[^{SEEN}]")
ON_LINES = re.compile(f"[^{SEEN}\n\t]")

MARKS = {
    b"\xff\xfe\0\0": "utf-32",
    b"\0\0\xfe\xff": "utf-32",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
}
"""How texts in them may begin."""
ZEROS = {
    (False, True, True, True): "utf-32-le",
    (True, True, True, False): "utf-32-be",
    (False, True): "utf-16-le",
    (True, False): "utf-16-be",
}
"""Which of the first bytes are zero, where the first letter is one of ASCII."""


def printable(text: str) -> str:
    """`text` on one line, with what is no visible character written as an escape: controls, C1, bidirectional marks, lone surrogates."""
    return text if text.isprintable() else ON_ONE_LINE.sub(_escaped, text)


def visible(text: str) -> str:
    """The same with line ends and tabs as they are. The escapes are JSON's, so that of a JSON text only the spelling changes."""
    return text if text.isprintable() else ON_LINES.sub(_escaped_as_json, text)


def json_text(value: Any, indent: int | None = None) -> str:
    """Strict JSON in which every character can be seen, and which UTF-8 can hold: also of file names that are no text."""
    return visible(json.dumps(value, indent=indent, ensure_ascii=False, allow_nan=False))


def _escaped(match: re.Match[str]) -> str:
    character = match.group()
    return character if character.isprintable() else repr(character)[1:-1]


def _escaped_as_json(match: re.Match[str]) -> str:
    character = match.group()
    return character if character.isprintable() else json.dumps(character)[1:-1]


def shortened(text: str, most: int = 100) -> str:
    """At most `most` characters of `text`, and how many there were where some are left out."""
    return text if len(text) <= most else f"{text[:most]}... ({len(text):,} characters)"


def wide_encoding(data: bytes) -> str | None:
    """UTF-16 or UTF-32 where a text begins as one in it does, by its mark or by the zeros beside its first letters; None for all others."""
    for mark, name in MARKS.items():
        if data.startswith(mark):
            return name
    zeros = tuple(byte == 0 for byte in data[:4])
    return ZEROS.get(zeros) or ZEROS.get(zeros[:2])


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
