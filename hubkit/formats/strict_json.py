"""JSON as the standard says, with the line of every value: duplicate keys, NaN, a BOM or bad UTF-8 are faults with a place."""

from __future__ import annotations

import json
import math
import re
from array import array
from dataclasses import dataclass, field
from functools import cached_property
from json.decoder import scanstring  # type: ignore[attr-defined]  # public in C and in Python, missing from typeshed
from typing import Any, NoReturn

from hubkit.texts import Lines, shortened

WHITESPACE = re.compile(r"[ \t\r\n]*")
BLANK = frozenset(" \t\r\n")
NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?")
WORD = re.compile(r"[A-Za-z]+")
WORDS = {"true": True, "false": False, "null": None}
MAX_DEPTH = 64
MAX_DIGITS = 400
MOST_VALUES = 200_000
"""Of one document; those that hubkit and SAELens write have one in some seventeen characters, of at most a million."""
LONGEST_KEY = 60
"""Characters of a key that a message shows."""
PIECE = re.compile(
    r'"[^"\\]*+(?:\\.[^"\\]*+)*+\\?+"?+(?P<key>[ \t\r\n]*+:)?|[\[{\]}]|[^\s,:\[\]{}"]++', re.DOTALL
)
"""A text with its colon where it is a key, a bracket, or another scalar: of a text that is JSON."""


class JsonFault(ValueError):  # noqa: N818 - a fault of the text, which rules turn into a finding
    """What is not JSON here, and on which line (1-based)."""

    def __init__(self, message: str, line: int, pointer: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.line = line
        self.pointer = pointer


@dataclass(frozen=True)
class Document:
    """A parsed text and its value."""

    value: Any
    text: str = field(repr=False)

    @cached_property
    def lines(self) -> Places:
        """The line on which the value at each JSON pointer begins."""
        return Places(self)


class Places:
    """Where the values of a document stand. Eight bytes a value, however long the keys are; a pointer is followed when it is asked for."""

    def __init__(self, document: Document) -> None:
        self._value = document.value
        self._lines = Lines(document.text)
        self._starts, self._after = _index(document.text)
        self._children: dict[int, tuple[array[int], dict[str, int]]] = {}

    def get(self, pointer: str) -> int | None:
        """The line (1-based) of the value at `pointer`; None where there is none."""
        at, value = 0, self._value
        for part in pointer.split("/")[1:]:
            if not isinstance(value, dict | list):
                return None
            children, order = self._inside(at, value)
            key = part.replace("~1", "/").replace("~0", "~")
            number = order.get(key) if isinstance(value, dict) else _number(key, len(value))
            if number is None:
                return None
            at, value = children[number], value[key] if isinstance(value, dict) else value[number]
        return self._lines.at(self._starts[at])

    def __getitem__(self, pointer: str) -> int:
        """As `get`. Raises KeyError."""
        line = self.get(pointer)
        if line is None:
            raise KeyError(pointer)
        return line

    def _inside(self, at: int, value: dict[str, Any] | list[Any]) -> tuple[array[int], dict[str, int]]:
        """The values directly inside, by number, and the number of each key; found once."""
        if at not in self._children:
            children = array("I")
            child = at + 1
            for _ in range(len(value)):
                children.append(child)
                child = self._after[child]
            order = {key: number for number, key in enumerate(value)} if isinstance(value, dict) else {}
            self._children[at] = (children, order)
        return self._children[at]


def _number(part: str, count: int) -> int | None:
    """The index that a part of a pointer names."""
    if not (part.isascii() and part.isdecimal() and len(part) < 12) or (part != "0" and part.startswith("0")):
        return None
    return int(part) if int(part) < count else None


def _index(text: str) -> tuple[array[int], array[int]]:
    """Of every value in the order of the text: where it begins, and the number of the value that follows all that is in it."""
    starts, after = array("I"), array("I")
    opened: list[int] = []
    for piece in PIECE.finditer(text):
        first = text[piece.start()]
        if first in "]}":
            after[opened.pop()] = len(starts)
        elif piece["key"] is None:
            if first in "[{":
                opened.append(len(starts))
            starts.append(piece.start())
            after.append(len(starts))
    return starts, after


def parse(data: bytes) -> Document:
    """The document in `data`. Raises JsonFault."""
    if data.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        raise JsonFault("the file begins with a byte order mark", 1)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise JsonFault(
            f"not UTF-8: byte 0x{data[error.start]:02x}", data.count(b"\n", 0, error.start) + 1
        ) from error
    try:
        value = _STRICT.decode(text)
        held = _held(value)
    except (ValueError, RecursionError):
        # The standard library says that something is wrong; the scanner says what, and where.
        return Document(_Scanner(text).document(), text)
    if held > MOST_VALUES:
        raise JsonFault(f"more than {MOST_VALUES:,} values, which are not read", 1)
    return Document(value, text)


def _held(value: Any) -> int:
    """How many values it is, and holds. Raises ValueError beyond MAX_DEPTH, as the scanner does."""
    held, level = 0, [value]
    for _ in range(MAX_DEPTH + 1):
        held += len(level)
        nested = [item for item in level if isinstance(item, dict | list)]
        if not nested:
            return held
        level = [inner for item in nested for inner in (item.values() if isinstance(item, dict) else item)]
    if level:
        raise ValueError
    return held


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError
    return found


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value) or len(text) > MAX_DIGITS:
        raise ValueError
    return value


def _short(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise ValueError
    return int(text)


def _refused(_: str) -> NoReturn:
    raise ValueError


_STRICT = json.JSONDecoder(
    object_pairs_hook=_once_each, parse_float=_finite, parse_int=_short, parse_constant=_refused
)


def escape(key: str) -> str:
    """A key as a part of a JSON pointer (RFC 6901)."""
    return key.replace("~", "~0").replace("/", "~1")


class _Scanner:
    """A recursive descent over the text; `at` is the position, `path` the keys and indices that lead there."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.path: list[str | int] = []

    def document(self) -> Any:
        self.skip()
        value = self.value(0)
        self.skip()
        if self.at < len(self.text):
            self.fail("text after the end of the JSON value")
        return value

    def fail(self, message: str, *, here: bool = False) -> NoReturn:
        """Raise JsonFault; `here` also gives the pointer of what is being read."""
        parts = (escape(part) if isinstance(part, str) else str(part) for part in self.path)
        pointer = "".join(f"/{part}" for part in parts) if here else ""
        raise JsonFault(message, self.text.count("\n", 0, self.at) + 1, shortened(pointer, MAX_DIGITS))

    def skip(self) -> None:
        if self.text[self.at : self.at + 1] in BLANK:
            match = WHITESPACE.match(self.text, self.at)
            self.at = match.end() if match else self.at

    def value(self, depth: int) -> Any:
        if depth > MAX_DEPTH:
            self.fail(f"nested deeper than {MAX_DEPTH}")
        first = self.text[self.at : self.at + 1]
        if first == "{":
            return self.object(depth)
        if first == "[":
            return self.array(depth)
        if first == '"':
            return self.string()
        return self.scalar()

    def object(self, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for _ in self.items("}"):
            if self.text[self.at : self.at + 1] != '"':
                self.fail("expected a key in double quotes")
            key = self.string()
            self.path.append(key)
            if key in found:
                self.fail(f"the key {shortened(key, LONGEST_KEY)!r} stands twice", here=True)
            self.skip()
            if self.text[self.at : self.at + 1] != ":":
                self.fail(f"expected ':' after the key {shortened(key, LONGEST_KEY)!r}")
            self.at += 1
            self.skip()
            found[key] = self.value(depth + 1)
            self.path.pop()
        return found

    def array(self, depth: int) -> list[Any]:
        found = []
        for index in self.items("]"):
            self.path.append(index)
            found.append(self.value(depth + 1))
            self.path.pop()
        return found

    def items(self, end: str) -> Any:
        """Walk `open item , item ... end`: yields before each item, with the position on its first character."""
        self.at += 1
        self.skip()
        if self.text[self.at : self.at + 1] == end:
            self.at += 1
            return
        index = 0
        while True:
            yield index
            index += 1
            self.skip()
            mark = self.text[self.at : self.at + 1]
            self.at += 1
            if mark == end:
                return
            if mark != ",":
                self.at -= 1
                self.fail(f"expected ',' or {end!r}" + (f", found {mark!r}" if mark else ", the text ends"))
            self.skip()

    def string(self) -> str:
        value: str
        try:
            value, self.at = scanstring(self.text, self.at + 1, True)
        except json.JSONDecodeError as error:
            self.fail(error.msg)
        return value

    def scalar(self) -> Any:
        number = NUMBER.match(self.text, self.at)
        if number is None:
            return self.word()
        if (rest := self.text[number.end() : number.end() + 1]).isalnum():
            self.nothing()
        if rest == "." or len(number.group()) > MAX_DIGITS:
            self.fail(f"{number.group()[:20]} is not a JSON number", here=True)
        self.at = number.end()
        whole = number.group(1) is None and number.group(2) is None
        return int(number.group()) if whole else self.real(number.group())

    def word(self) -> Any:
        """true, false, null."""
        word = WORD.match(self.text, self.at)
        if word is None:
            self.nothing()
        if word.group() not in WORDS:
            self.fail(f"{shortened(word.group(), LONGEST_KEY)} is not JSON", here=True)
        self.at = word.end()
        return WORDS[word.group()]

    def nothing(self) -> NoReturn:
        """Raise JsonFault: here is no value."""
        found = self.text[self.at : self.at + 20].split("\n")[0]
        self.fail(
            f"expected a value, found {found!r}" if found else "the text ends where a value should be",
            here=True,
        )

    def real(self, text: str) -> float:
        value = float(text)
        if value in {float("inf"), float("-inf")}:
            self.fail(f"{text} is beyond the range of a number", here=True)
        return value
