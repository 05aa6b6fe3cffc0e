r"""A text as whoever uses it reads it: what hides a character is undone, once, before anything is looked for.

`readings` gives the text itself, with the escapes of JSON, URLs, HTML and Markdown undone, and then what it holds in another coding as a whole:
quoted-printable, and runs of base64. Each reading knows the lines of the first.
"""

from __future__ import annotations

import base64
import binascii
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from html.entities import html5
from typing import NamedTuple

from hubkit.texts import Lines

ESCAPE = re.compile(
    r"\\{0,7}(?:\\u\{?0{0,4}00([2-7][0-9A-Fa-f])\}?|\\x([2-7][0-9A-Fa-f]))|%(?:25){0,9}([2-7][0-9A-Fa-f])"
    r"|&(?:amp;){0,9}#(?:[xX]0{0,6}([2-7][0-9A-Fa-f])|0{0,6}(\d{2,3}));?|&(?:amp;){0,9}([A-Za-z]{2,20});|(?:\x1b|\\u001b|\\x1b|\\033)\[[0-9;]{0,20}m"
)
ENTITIES = {
    name.removesuffix(";"): character
    for name, character in html5.items()
    if len(character) == 1 and " " < character < "\x7f"
}
"""HTML's names for visible characters of ASCII."""
SHORT = (
    ("\\n", "\r"),
    ("\\r", "\r"),
    ("\\t", "\t"),
    ('\\"', '"'),
    ("\\/", "/"),
    ("\\_", "_"),
    ("\\-", "-"),
    ("\\.", "."),
    ("\\=", "="),
)
UNSEEN = dict.fromkeys([0, 0xAD, 0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF])
"""Characters that nobody sees: zeros, which UTF-16 and UTF-32 have between letters, and what has no width."""
SEEN = re.compile("[\0\u00ad\u200b-\u200d\u2060\ufeff]")
QUOTED_MARK = re.compile("=[2-7][0-9A-F]|(?i:quoted-printable)")
QUOTED = re.compile(r"=([2-7][0-9A-F])|=[ \t]{0,8}\r?\n")
BASE64 = re.compile(
    r"(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{24,}(?:\r?\n[ \t]{0,8}[A-Za-z0-9+/_-]{4,}){0,400}={0,2}"
)
LONGEST_RUN = 1 << 16
"""Characters of a run of base64 that are decoded."""
MOST_DECODED = 1 << 20
"""Of one text, so many characters of runs are decoded."""
FIRST = 24
"""Characters of base64 that show whether it stands for a text."""
WRITTEN = bytes([9, 10, 13, *range(32, 127)])


class Reading(NamedTuple):
    """A text that another one stands for."""

    text: str
    lines: Callable[[int, int], tuple[int, int]]
    """From and to which line (1-based) of the first text a part of this one stands: of its first character, and the one behind its last."""


def readings(text: str) -> Iterator[Reading]:
    """What a text says: first itself in plain characters, then what it holds in another coding."""
    first = plain(text)
    lines = Lines(first)
    yield Reading(first, lambda start, stop: (lines.at(start), lines.at(stop - 1)))
    if "=" in first and (unquoted := _unquoted(first)) is not None:
        yield unquoted
    if (decoded := _decoded(first, lines)) is not None:
        yield decoded


def plain(text: str) -> str:
    r"""`text` with escapes undone where they stand for a visible character, without colours and what nobody sees.

    Line ends stay where they are; `\\n` in a string becomes a carriage return.
    """
    if SEEN.search(text):
        text = text.translate(UNSEEN)
    text = text.replace("\u0130", "I")  # a letter that is two in lower case
    if "\\" in text:
        for escape, character in SHORT:
            text = text.replace(escape, character)
    if any(mark in text for mark in ("\\u", "\\x", "\\033", "%", "&", "\x1b")):
        text = ESCAPE.sub(_character, text)
    return text


def _character(match: re.Match[str]) -> str:
    *hexadecimal, decimal, name = match.groups()
    if name:
        return ENTITIES.get(name, match.group())
    code = int(decimal) if decimal else int(next((one for one in hexadecimal if one), "0"), 16)
    return chr(code) if 0x20 <= code < 0x7F else match.group() if code else ""


def _unquoted(text: str) -> Reading | None:
    """A text in quoted-printable, decoded; None where it has none of its marks."""
    if QUOTED_MARK.search(text) is None:
        return None
    parts, gone, at, size = [], [], 0, 0
    for match in QUOTED.finditer(text):
        parts.append(text[at : match.start()])
        parts.append(chr(int(match[1], 16)) if match[1] else "")
        size += len(parts[-2]) + len(parts[-1])
        if not match[1]:
            gone.append(size)
        at = match.end()
    found = "".join((*parts, text[at:]))
    lines = Lines(found)

    def line(place: int) -> int:
        return lines.at(place) + bisect_right(gone, place)

    return Reading(found, lambda start, stop: (line(start), line(stop - 1)))


def _decoded(text: str, lines: Lines) -> Reading | None:
    """The runs of base64 that stand for a text, decoded, one after the other; None where there are none."""
    parts: list[str] = []
    starts: list[int] = []
    runs: list[tuple[int, int]] = []
    size, left = 0, MOST_DECODED
    for match in BASE64.finditer(text):
        if not _is_written(match.group()[:FIRST]):
            continue
        run = "".join(match.group()[:LONGEST_RUN].split())
        left -= len(run)
        if left < 0:
            break
        parts.append(plain(_bytes_of(run).decode("utf-8", "replace")))
        starts.append(size)
        runs.append((lines.at(match.start()), lines.at(match.end() - 1)))
        size += len(parts[-1]) + 1
    if not parts:
        return None
    return Reading("\n".join(parts), lambda start, _: runs[bisect_right(starts, start) - 1])


def _bytes_of(run: str) -> bytes:
    run = run.rstrip("=").replace("-", "+").replace("_", "/")
    run = run[: len(run) - (len(run) % 4 == 1)]
    try:
        return base64.b64decode(run + "=" * (-len(run) % 4))
    except (binascii.Error, ValueError):
        return b""


def _is_written(run: str) -> bool:
    """Whether the beginning of a run stands for letters that people write, or those of UTF-16."""
    data = _bytes_of(run)
    bare = data.replace(b"\0", b"")
    return len(bare) >= len(data) // 2 and not bare.translate(None, WRITTEN) and bool(bare)
