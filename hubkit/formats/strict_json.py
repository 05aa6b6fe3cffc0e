"""JSON as the standard says, with the line of every value: duplicate keys, NaN, a BOM or bad UTF-8 are faults with a place."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field
from functools import cached_property
from json.decoder import scanstring  # type: ignore[attr-defined]  # public in C and in Python, missing from typeshed
from typing import Any, NoReturn

WHITESPACE = re.compile(r"[ \t\r\n]*")
NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?")
WORD = re.compile(r"[A-Za-z]+")
WORDS = {"true": True, "false": False, "null": None}
MAX_DEPTH = 64
MAX_DIGITS = 400


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
    def lines(self) -> dict[str, int]:
        """The line on which the value at each JSON pointer begins."""
        scanner = _Scanner(self.text)
        scanner.document()
        return scanner.lines


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
        return Document(_quickly(text), text)
    except (ValueError, RecursionError):
        # The standard library says that something is wrong; the scanner says what, and where.
        return Document(_Scanner(text).document(), text)


def _quickly(text: str) -> Any:
    """The value by the standard library's parser, made as strict as the scanner. Raises ValueError, RecursionError."""
    value = _STRICT.decode(text)
    _check_depth(value)
    return value


def _check_depth(value: Any) -> None:
    """Raise ValueError beyond MAX_DEPTH."""
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        nested = [item for item in level if isinstance(item, dict | list)]
        if not nested:
            return
        level = [inner for item in nested for inner in (item.values() if isinstance(item, dict) else item)]
    if level:
        raise ValueError


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
    """A recursive descent over the text; `at` is the position, `line` is kept in step with it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.line = 1
        self.lines: dict[str, int] = {}

    def document(self) -> Any:
        self.skip()
        value = self.value("", 0)
        self.skip()
        if self.at < len(self.text):
            self.fail("text after the end of the JSON value")
        return value

    def fail(self, message: str, pointer: str = "") -> NoReturn:
        raise JsonFault(message, self.line, pointer)

    def skip(self) -> None:
        match = WHITESPACE.match(self.text, self.at)
        if match and match.end() > self.at:
            self.line += self.text.count("\n", self.at, match.end())
            self.at = match.end()

    def value(self, pointer: str, depth: int) -> Any:
        if depth > MAX_DEPTH:
            self.fail(f"nested deeper than {MAX_DEPTH}")
        self.lines[pointer] = self.line
        first = self.text[self.at : self.at + 1]
        if first == "{":
            return self.object(pointer, depth)
        if first == "[":
            return self.array(pointer, depth)
        if first == '"':
            return self.string()
        return self.scalar(pointer)

    def object(self, pointer: str, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for _ in self.items("}"):
            if self.text[self.at : self.at + 1] != '"':
                self.fail("expected a key in double quotes")
            key = self.string()
            inner = f"{pointer}/{escape(key)}"
            if key in found:
                self.fail(f"the key {key!r} stands twice", inner)
            self.skip()
            if self.text[self.at : self.at + 1] != ":":
                self.fail(f"expected ':' after the key {key!r}")
            self.at += 1
            self.skip()
            found[key] = self.value(inner, depth + 1)
        return found

    def array(self, pointer: str, depth: int) -> list[Any]:
        return [self.value(f"{pointer}/{index}", depth + 1) for index in self.items("]")]

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

    def scalar(self, pointer: str) -> Any:
        word = WORD.match(self.text, self.at)
        if word and word.group() in WORDS:
            self.at = word.end()
            return WORDS[word.group()]
        if word:
            self.fail(f"{word.group()} is not JSON", pointer)
        number = NUMBER.match(self.text, self.at)
        if not number or (rest := self.text[number.end() : number.end() + 1]).isalnum():
            found = self.text[self.at : self.at + 20].split("\n")[0]
            self.fail(
                f"expected a value, found {found!r}" if found else "the text ends where a value should be",
                pointer,
            )
        if rest == "." or len(number.group()) > MAX_DIGITS:
            self.fail(f"{number.group()[:20]} is not a JSON number", pointer)
        self.at = number.end()
        return (
            int(number.group())
            if number.group(1) is None and number.group(2) is None
            else self.real(number.group(), pointer)
        )

    def real(self, text: str, pointer: str) -> float:
        value = float(text)
        if value in {float("inf"), float("-inf")}:
            self.fail(f"{text} is beyond the range of a number", pointer)
        return value
