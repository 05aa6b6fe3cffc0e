"""The bytes of a pickle, opcode by opcode, as Python's own unpicklers read them; what is long is stepped over, not held.

Source: Modules/_pickle.c and Lib/pickle.py of CPython 3.11 to 3.13. Where the two differ, what either of them accepts is accepted.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from hubkit.errors import IncompleteError

if TYPE_CHECKING:
    from hubkit.tensors.view_file import Readable

CHUNK = 1 << 16
"""Bytes read at a time, from one multiple of it to the next: what far files are brought in."""
MAX_LINE = 1 << 20
"""Bytes of a line that are kept; a longer one is read to its end and is no name."""
MAX_TAKEN = 1 << 24
"""Bytes of one value that are held."""
LARGEST = 1 << 62
MAX_STREAMED = 1 << 28
"""Bytes that are looked at one by one (what is stepped over does not count): 256 MiB."""
ESCAPE = re.compile(rb"\\(?:([0-7]{1,3})|x([0-9A-Fa-f]{2})|(.))", re.DOTALL)
ESCAPED = {
    b"a": b"\a",
    b"b": b"\b",
    b"f": b"\f",
    b"n": b"\n",
    b"r": b"\r",
    b"t": b"\t",
    b"v": b"\v",
    b"\n": b"",
}
NUMBER = re.compile(rb"\s*[+-]?(?:0[xXoObB])?[0-9A-Fa-f_]+\s*")
FLOAT = re.compile(rb"\s*[+-]?(?:[0-9_.]+(?:[eE][+-]?[0-9_]+)?|inf|infinity|nan)\s*", re.IGNORECASE)


class PickleError(IncompleteError):
    """The pickle is damaged: unpickling ends there as well."""


class BeyondError(IncompleteError):
    """A limit was reached: what follows was not looked at."""


class UndoneError(BeyondError):
    """It is packed in a way that nothing here undoes, whatever the limits."""


class PickleStream:
    """A file read once from front to back. `at` is how many bytes were used of it."""

    def __init__(self, file: Readable, head: bytes = b"") -> None:
        """`head`: what was read of `file` already."""
        self._file = file
        self._base = file.tell() - len(head)
        self._buffer = head
        self._next = 0
        self._before = 0
        """Bytes of the file before the buffer."""
        self._left = MAX_STREAMED

    @property
    def at(self) -> int:
        """How many bytes were used."""
        return self._before + self._next

    def _more(self) -> bool:
        """Read on; False at the end of the file."""
        data = self._file.read(CHUNK - (self._before + len(self._buffer)) % CHUNK)
        self._left -= len(data)
        if self._left < 0:
            raise BeyondError(f"more than {MAX_STREAMED >> 20} MiB of it, expected less")
        self._before += self._next
        self._buffer = self._buffer[self._next :] + data
        self._next = 0
        return bool(data)

    def code(self) -> int:
        """The next byte. Raises PickleError at the end."""
        at = self._next
        if at >= len(self._buffer):
            if not self._more():
                raise PickleError("it is cut")
            at = 0
        self._next = at + 1
        return self._buffer[at]

    def ended(self) -> bool:
        """Whether there is no further byte."""
        return self._next >= len(self._buffer) and not self._more()

    def take(self, count: int) -> bytes:
        """Exactly `count` bytes. Raises PickleError at the end, BeyondError above MAX_TAKEN."""
        if count > MAX_TAKEN:
            raise BeyondError(f"a value of {count:,} bytes, expected at most {MAX_TAKEN:,}")
        stop = self._next + count
        while stop > len(self._buffer):
            if not self._more():
                raise PickleError("it is cut")
            stop = self._next + count
        data = self._buffer[self._next : stop]
        self._next = stop
        return data

    def skip(self, count: int) -> None:
        """Step over `count` bytes, however many. Raises PickleError where there are not so many."""
        here = len(self._buffer) - self._next
        if count <= here:
            self._next += count
            return
        if count > LARGEST:
            raise PickleError("a value that is larger than any file")
        far = self.at + count
        self._file.seek(self._base + far - 1)
        if not self._file.read(1):
            raise PickleError("it is cut")
        self._buffer, self._next, self._before = b"", 0, far

    def line(self) -> bytes:
        """Up to the next line feed, without it. At the end of the file the last byte is lost, as it is to Python's unpicklers."""
        begin = self._next
        while (stop := self._buffer.find(b"\n", begin)) < 0:
            begin = len(self._buffer) - self._next
            if begin > MAX_LINE:
                return self._long_line()
            if not self._more():
                data = self._buffer[self._next :]
                self._next = len(self._buffer)
                return data[:-1]
        data = self._buffer[self._next : stop]
        self._next = stop + 1
        return data

    def _long_line(self) -> bytes:
        """Its beginning; the rest is read and forgotten."""
        data = self._buffer[self._next : self._next + MAX_LINE]
        while (stop := self._buffer.find(b"\n", self._next)) < 0:
            self._next = len(self._buffer)
            if not self._more():
                return data
        self._next = stop + 1
        return data

    def length(self, width: int) -> int:
        """A count of `width` bytes, little-endian."""
        return int.from_bytes(self.take(width), "little")


def quoted(line: bytes) -> str:
    """The text of STRING's argument: in quotes, with the escapes of Python's bytes. Raises PickleError."""
    text = line.strip()
    if len(text) < 2 or text[:1] not in {b"'", b'"'} or text[-1:] != text[:1]:
        raise PickleError("a string without its quotes")
    return ESCAPE.sub(_unescaped, text[1:-1]).decode("latin-1")


def _unescaped(match: re.Match[bytes]) -> bytes:
    octal, hexadecimal, letter = match.groups()
    if octal is not None:
        return bytes([int(octal, 8) & 0xFF])
    if hexadecimal is not None:
        return bytes([int(hexadecimal, 16)])
    return ESCAPED.get(letter, letter if letter in {b"\\", b"'", b'"'} else b"\\" + letter)


def unescaped(line: bytes) -> str:
    """The text of UNICODE's argument. Raises PickleError."""
    try:
        return line.decode("raw_unicode_escape")
    except UnicodeDecodeError as error:
        raise PickleError("a text with a broken escape") from error


def utf8(data: bytes) -> str:
    """A text as pickles hold it. Raises PickleError."""
    try:
        return data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError as error:
        raise PickleError("a text that is not UTF-8") from error


def names(stream: PickleStream) -> tuple[str, str]:
    """Module and name, a line each. Raises PickleError."""
    return utf8(stream.line()), utf8(stream.line())


def digits(line: bytes) -> bytes:
    """The figures of INT and LONG: in any base, of any length; what stands behind a NUL is not read. Raises PickleError."""
    line = line.partition(b"\0")[0].strip().removesuffix(b"L")
    if not NUMBER.fullmatch(line):
        raise PickleError("a number that is none")
    return line


def integer(line: bytes) -> int:
    """INT and LONG, as a number. Raises PickleError."""
    figures = digits(line)
    try:
        return int(figures, 0)
    except ValueError as error:  # "010", which C reads; more figures than Python turns into a number
        raise PickleError("a number that is none") from error


def real(line: bytes) -> float:
    """FLOAT, in figures. Raises PickleError."""
    line = line.partition(b"\0")[0]
    if not FLOAT.fullmatch(line):
        raise PickleError("a number that is none")
    try:
        return float(line)
    except ValueError as error:
        raise PickleError("a number that is none") from error


def index(line: bytes) -> int:
    """The number of GET and PUT; what stands behind a NUL is not read. Raises PickleError."""
    try:
        return int(line.partition(b"\0")[0])
    except ValueError as error:
        raise PickleError("a number that is none") from error


Reader = Callable[[PickleStream], object]


def _counted(width: int, decode: Callable[[bytes], object] = bytes) -> Reader:
    return lambda stream: decode(stream.take(stream.length(width)))


def _little(width: int, *, signed: bool = False) -> Reader:
    return lambda stream: int.from_bytes(stream.take(width), "little", signed=signed)


def _latin(data: bytes) -> str:
    return data.decode("latin-1")


def _signed(data: bytes) -> int:
    return int.from_bytes(data, "little", signed=True)


def _flag(line: bytes) -> object:
    return line == b"01" if line in {b"00", b"01"} else integer(line)


def _nothing(_: PickleStream) -> None:
    return None


READERS: dict[int, tuple[str, Reader]] = {
    ord(code): (name, reader)
    for code, name, reader in (
        ("I", "INT", lambda s: _flag(s.line())),
        ("J", "BININT", _little(4, signed=True)),
        ("K", "BININT1", _little(1)),
        ("M", "BININT2", _little(2)),
        ("L", "LONG", lambda s: integer(s.line())),
        ("\x8a", "LONG1", _counted(1, _signed)),
        ("\x8b", "LONG4", _counted(4, _signed)),
        ("S", "STRING", lambda s: quoted(s.line())),
        ("T", "BINSTRING", _counted(4, _latin)),
        ("U", "SHORT_BINSTRING", _counted(1, _latin)),
        ("B", "BINBYTES", _counted(4)),
        ("C", "SHORT_BINBYTES", _counted(1)),
        ("\x8e", "BINBYTES8", _counted(8)),
        ("\x96", "BYTEARRAY8", _counted(8)),
        ("V", "UNICODE", lambda s: unescaped(s.line())),
        ("\x8c", "SHORT_BINUNICODE", _counted(1, utf8)),
        ("X", "BINUNICODE", _counted(4, utf8)),
        ("\x8d", "BINUNICODE8", _counted(8, utf8)),
        ("F", "FLOAT", lambda s: real(s.line())),
        ("G", "BINFLOAT", lambda s: s.take(8)),
        ("g", "GET", lambda s: index(s.line())),
        ("h", "BINGET", _little(1)),
        ("j", "LONG_BINGET", _little(4)),
        ("p", "PUT", lambda s: index(s.line())),
        ("q", "BINPUT", _little(1)),
        ("r", "LONG_BINPUT", _little(4)),
        ("c", "GLOBAL", names),
        ("i", "INST", names),
        ("\x82", "EXT1", _little(1)),
        ("\x83", "EXT2", _little(2)),
        ("\x84", "EXT4", _little(4, signed=True)),
        ("P", "PERSID", lambda s: _latin(s.line())),
        ("\x80", "PROTO", _little(1)),
        ("\x95", "FRAME", _little(8)),
    )
} | {
    ord(code): (name, _nothing)
    for code, name in (
        ("N", "NONE"), ("\x88", "NEWTRUE"), ("\x89", "NEWFALSE"), ("]", "EMPTY_LIST"), ("a", "APPEND"), ("e", "APPENDS"), ("l", "LIST"),
        (")", "EMPTY_TUPLE"), ("t", "TUPLE"), ("\x85", "TUPLE1"), ("\x86", "TUPLE2"), ("\x87", "TUPLE3"), ("}", "EMPTY_DICT"), ("d", "DICT"),
        ("s", "SETITEM"), ("u", "SETITEMS"), ("\x8f", "EMPTY_SET"), ("\x90", "ADDITEMS"), ("\x91", "FROZENSET"), ("0", "POP"), ("2", "DUP"),
        ("(", "MARK"), ("1", "POP_MARK"), ("\x94", "MEMOIZE"), ("\x93", "STACK_GLOBAL"), ("R", "REDUCE"), ("b", "BUILD"), ("o", "OBJ"),
        ("\x81", "NEWOBJ"), ("\x92", "NEWOBJ_EX"), (".", "STOP"), ("Q", "BINPERSID"), ("\x97", "NEXT_BUFFER"), ("\x98", "READONLY_BUFFER"),
    )
}  # fmt: skip
"""Every opcode by its byte: its name, and how its argument is read whole."""
