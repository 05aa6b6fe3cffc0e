"""Everything that any reader may take for a member of a zip: where two readers would see two archives, the members of both.

Python's zipfile looks for the directory right before its end record and shifts all places by what stands before the archive; torch's reader (miniz)
takes the places as they are written. `zip_directory` refuses what they would read differently; here both are followed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from hubkit.tensors.pickle_stream import BeyondError, PickleError
from hubkit.tensors.view_file import MOST_AT_ONCE
from hubkit.tensors.zip_directory import (
    END,
    END64,
    ENTRY,
    FIRST_TAIL,
    FULL,
    LAST_TAIL,
    LOCATOR,
    UTF8,
)

if TYPE_CHECKING:
    from hubkit.tensors.view_file import Readable

MOST_UNANNOUNCED = 1
"""Members that show that there are some."""
MOST_ENDS = 8
"""Signatures of an end record near the end of the file; a zip inside a zip brings one of its own."""


class ZipEntry(NamedTuple):
    """A member as a directory has it."""

    name: str
    header_at: int
    packed: int
    method: int
    encrypted: bool
    size: int
    """Bytes that come out of it, as its directory says: readers of zips stop there."""
    comment: bytes = b""


def zip_entries(file: Readable, most: int) -> tuple[list[ZipEntry], int]:
    """Every member of every directory, in order, and where in the file the archive begins: what stands before it is no part of it.

    Raises PickleError where there is no directory, BeyondError above `most` members.
    """
    size = file.seek(0, 2)
    ends = _ends(file, size)
    if len(ends) > MOST_ENDS:
        raise BeyondError(f"{len(ends)} ends of a zip directory, expected at most {MOST_ENDS}")
    found: dict[ZipEntry, None] = {}
    for end in ends:
        for start, length, shift in _directories(file, end, size):
            for entry in _entries(file, size, start, length, shift):
                found[entry] = None
                if len(found) > most:
                    raise BeyondError(f"more than {most:,} members")
    if not ends or (not found and not _is_empty(file, ends)):
        raise PickleError("it begins as a zip and has no directory at its end")
    return list(found), min((entry.header_at for entry in found), default=0)


def ends_as_zip(file: Readable) -> bool:
    """Whether Python's zipfile opens a file that need not begin as a zip: it goes by the end alone."""
    size = file.seek(0, 2)
    tail = _at(file, max(0, size - LAST_TAIL), min(size, LAST_TAIL))
    if b"PK\x05\x06" not in tail:
        return False
    try:
        return bool(zip_entries(file, MOST_UNANNOUNCED)[0])
    except PickleError:
        return False
    except BeyondError:
        return True


def _is_empty(file: Readable, ends: list[int]) -> bool:
    """Whether one of the ends says that there is nothing."""
    return any(END.unpack(_at(file, end, END.size))[4] == 0 for end in ends)


def _ends(file: Readable, size: int) -> list[int]:
    """The places of the end records, the last first."""
    for length in (FIRST_TAIL, LAST_TAIL):
        start = max(0, size - length)
        tail = _at(file, start, size - start)
        found, at = [], tail.rfind(b"PK\x05\x06")
        while at >= 0:
            if at + END.size <= len(tail):
                found.append(start + at)
            at = tail.rfind(b"PK\x05\x06", 0, at + 3)
        if found or start == 0:
            return found
    return []


def _directories(file: Readable, end: int, size: int) -> Iterator[tuple[int, int, int]]:
    """Where a directory of this end record may begin, its length, and by how much its places are off."""
    fields = END.unpack(_at(file, end, END.size))
    length, start = fields[5], fields[6]
    yield from {(end - length, length, end - length - start), (start, length, 0)}
    record = end - LOCATOR.size
    if record < 0 or not (locator := _at(file, record, LOCATOR.size)).startswith(b"PK\x06\x07"):
        return
    for place in {LOCATOR.unpack(locator)[2], record - END64.size}:
        if (
            0 <= place < size
            and (raw := _at(file, place, END64.size)).startswith(b"PK\x06\x06")
            and len(raw) == END64.size
        ):
            length, start = END64.unpack(raw)[8:]
            yield from {(place - length, length, place - length - start), (start, length, 0)}


def _entries(file: Readable, size: int, start: int, length: int, shift: int) -> Iterator[ZipEntry]:
    if start < 0 or start + length > size:
        return
    if length > MOST_AT_ONCE:
        raise BeyondError(f"a zip directory of {length:,} bytes, expected at most {MOST_AT_ONCE:,}")
    data = _at(file, start, length)
    at = 0
    while data.startswith(b"PK\x01\x02", at) and at + ENTRY.size <= len(data):
        fields = ENTRY.unpack_from(data, at)
        name_at, lengths = at + ENTRY.size, fields[10:13]
        extra_at = name_at + lengths[0]
        at = extra_at + lengths[1] + lengths[2]
        raw, extra = data[name_at:extra_at], data[extra_at : extra_at + lengths[1]]
        whole, packed, header_at = _widened(extra, fields[9], fields[8], fields[16])
        name = ascii(raw.decode("utf-8" if fields[3] & UTF8 else "cp437", "replace"))[1:-1]
        yield ZipEntry(
            name,
            header_at + shift,
            packed,
            fields[4],
            bool(fields[3] & 1),
            whole,
            data[extra_at + lengths[1] : at],
        )


def _widened(extra: bytes, size: int, packed: int, header_at: int) -> tuple[int, int, int]:
    """Size, packed size and place, with the 64-bit values of the zip64 extra field for those that are full."""
    values = [size, packed, header_at]
    at = 0
    while at + 4 <= len(extra):
        kind, length = (
            int.from_bytes(extra[at : at + 2], "little"),
            int.from_bytes(extra[at + 2 : at + 4], "little"),
        )
        if kind == 1:
            field = extra[at + 4 : at + 4 + length]
            for index, value in enumerate(values):
                if value == FULL and len(field) >= 8:
                    values[index], field = int.from_bytes(field[:8], "little"), field[8:]
            break
        at += 4 + length
    return values[0], values[1], values[2]


def _at(file: Readable, start: int, size: int) -> bytes:
    if start < 0:
        return b""
    file.seek(start)
    return file.read(size)
