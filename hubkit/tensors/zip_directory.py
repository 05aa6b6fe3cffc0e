"""The directory of a zip by range reads, with zip64, stricter than the format: what two readers could read in two ways is refused.

Source: PKWARE's APPNOTE 6.3.10, sections 4.3 and 4.5.3.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

from hubkit.tensors.header import HeaderError, Member

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hubkit.repo.view import RepoView

MAX_DIRECTORY = 1 << 20
"""Bytes of a directory that is read: some 10,000 members."""
FIRST_TAIL = 4096
"""Bytes of the end asked for first: enough for the directory of an SAE."""
LAST_TAIL = 22 + 0xFFFF + 20 + 56
END, END64, LOCATOR = struct.Struct("<4s4H2LH"), struct.Struct("<4sQ2H2L4Q"), struct.Struct("<4sLQL")
ENTRY, LOCAL = struct.Struct("<4s6H3L5H2L"), struct.Struct("<4s5H3L2H")
STORED, DEFLATED = 0, 8
ENCRYPTED, UTF8 = 1 | 1 << 5 | 1 << 6 | 1 << 13, 1 << 11
"""Bits of a member's flags; those say that it, or the directory, is encrypted or a patch."""
NEWEST = 63
"""Version of the format, times ten: beyond it Python's zipfile opens nothing."""
FOLDER = 0x10
"""Bit of a member's attributes, as DOS has them."""
FULL = 0xFFFFFFFF
MAX_RATIO = 1040
"""Deflate's own limit is 1032: what claims more is no honest archive."""


class _Tail(NamedTuple):
    """The end of the file that was read, from `at` on; the directory's end record begins at `end` inside it."""

    data: bytes
    at: int
    end: int


class _Extent(NamedTuple):
    """Where the directory lies in the file, and how many entries it has."""

    start: int
    stop: int
    entries: int


def read_directory(view: RepoView, path: str) -> dict[str, Member]:
    """The files of the archive by name, in the directory's order. Raises HeaderError."""
    tail = _find_end(view, path)
    extent = _extent(tail)
    if extent.stop - extent.start > MAX_DIRECTORY:
        raise HeaderError(
            f"the zip directory has {extent.stop - extent.start:,} bytes, expected at most {MAX_DIRECTORY:,}"
        )
    if extent.start >= tail.at:
        data = tail.data[extent.start - tail.at : extent.stop - tail.at]
    else:
        data = view.read_range(path, extent.start, extent.stop)
    members: dict[str, Member] = {}
    for member in _entries(data, extent.entries):
        if member.name in members:
            raise HeaderError(f"the zip has two members called {member.name!r}")
        members[member.name] = member
    _check_layout(members, extent.start)
    return {name: member for name, member in members.items() if not name.endswith("/")}


def _find_end(view: RepoView, path: str) -> _Tail:
    entry = view.entry(path)
    size = entry.size if entry else 0
    for length in (FIRST_TAIL, LAST_TAIL):
        at = max(0, size - length)
        data = view.read_range(path, at, size)
        end = data.rfind(b"PK\x05\x06")
        while end >= 0:
            if len(data) - end >= END.size and END.unpack_from(data, end)[7] == len(data) - end - END.size:
                return _Tail(data, at, end)
            end = data.rfind(b"PK\x05\x06", 0, end + 3)
        if at == 0:
            break
    raise HeaderError("no zip directory at its end: truncated, or no zip")


def _extent(tail: _Tail) -> _Extent:
    _, disk, first_disk, here, count, size, start, _ = END.unpack_from(tail.data, tail.end)
    end = tail.at + tail.end
    record = tail.end - LOCATOR.size
    if record >= END64.size and tail.data.startswith(b"PK\x06\x07", record):
        at = record - END64.size
        signature, length, _, _, disk, first_disk, here, count, size, start = END64.unpack_from(tail.data, at)
        end = tail.at + at
        _, part, points_at, parts = LOCATOR.unpack_from(tail.data, record)
        if signature != b"PK\x06\x06" or points_at != end or length < END64.size - 12:
            raise HeaderError("the zip64 record is not where its locator points, or is cut")
        if part or parts != 1:  # miniz, which torch reads with, wants one
            raise HeaderError("the zip is one part of several, expected a whole one")
    elif FULL in (size, start) or 0xFFFF in (here, count):
        raise HeaderError("the zip needs a zip64 record and has none")
    if disk or first_disk or here != count:
        raise HeaderError("the zip is one part of several, expected a whole one")
    if start + size != end:
        raise HeaderError(
            f"the zip directory claims bytes {start:,} to {start + size:,}, expected its end at {end:,}: "
            "something stands before the archive or in it"
        )
    return _Extent(start, end, count)


def _entries(data: bytes, count: int) -> Iterator[Member]:
    at = found = 0
    while at < len(data):
        if len(data) - at < ENTRY.size or not data.startswith(b"PK\x01\x02", at):
            raise HeaderError(f"the zip directory is damaged at its byte {at:,}")
        fields = ENTRY.unpack_from(data, at)
        lengths = fields[10:13]
        name_at = at + ENTRY.size
        at = name_at + sum(lengths)
        if at > len(data):
            raise HeaderError("the zip directory is damaged: its last entry is cut")
        extra_at = name_at + lengths[0]
        yield _member(fields, data[name_at:extra_at], data[extra_at : extra_at + lengths[1]])
        found += 1
    if found != count:
        raise HeaderError(f"the zip directory has {found} entries and announces {count}")


def _member(fields: tuple[int, ...], raw_name: bytes, extra: bytes) -> Member:
    flags, method, crc32, packed, size, header_at = fields[3], fields[4], *fields[7:10], fields[16]
    name = _name(raw_name, flags)
    size, packed, header_at = _widened(extra, size, packed, header_at)
    if fields[2] > NEWEST:
        raise HeaderError(f"{name} needs version {fields[2] / 10} of zip, expected at most {NEWEST / 10}")
    if fields[13]:
        raise HeaderError(f"{name} is said to be on part {fields[13]} of several")
    if fields[15] & FOLDER and not name.endswith("/"):
        raise HeaderError(f"{name} is marked as a folder: torch would read nothing of it")
    if flags & ENCRYPTED:
        raise HeaderError(f"{name} is encrypted")
    if method not in (STORED, DEFLATED):
        raise HeaderError(f"{name} is compressed by method {method}, expected stored or deflated")
    if method == STORED and packed != size:
        raise HeaderError(f"{name} is stored in {packed:,} bytes and claims {size:,}")
    if size > MAX_RATIO * packed + 64:
        raise HeaderError(f"{name} claims {size:,} bytes out of {packed:,}: more than deflate can hold")
    return Member(name, header_at, packed, size, crc32 or None, method == DEFLATED)


def _name(raw: bytes, flags: int) -> str:
    try:
        name = raw.decode("utf-8" if flags & UTF8 else "cp437")
    except UnicodeDecodeError as error:
        raise HeaderError("a zip member's name is not UTF-8") from error
    parts = name.removesuffix("/").split("/")
    if (
        not name.isprintable()
        or "\\" in name
        or name[1:2] == ":"
        or not all(parts)
        or {".", ".."} & set(parts)
    ):
        raise HeaderError(f"the zip member's name {name!a} does not belong in an archive")
    return name


def _widened(extra: bytes, size: int, packed: int, header_at: int) -> tuple[int, int, int]:
    """The 64-bit values of the zip64 extra field, for those that are full."""
    values = [size, packed, header_at]
    wanted = [index for index, value in enumerate(values) if value == FULL]
    at = 0
    while wanted and at + 4 <= len(extra):
        kind, length = struct.unpack_from("<2H", extra, at)
        if kind == 1 and length >= 8 * len(wanted) and at + 4 + length <= len(extra):
            for index, value in zip(
                wanted, struct.unpack_from(f"<{len(wanted)}Q", extra, at + 4), strict=True
            ):
                values[index] = value
            return values[0], values[1], values[2]
        at += 4 + length
    if wanted:
        raise HeaderError("a zip member needs a zip64 field and has none")
    return size, packed, header_at


def _check_layout(members: dict[str, Member], directory_at: int) -> None:
    """No two members share bytes: the trick of overlapping zip bombs."""
    at = 0
    for member in sorted(members.values(), key=lambda member: member.header_at):
        if member.header_at < at:
            raise HeaderError(f"the zip member {member.name} overlaps the one before it")
        at = member.header_at + LOCAL.size + len(member.name.encode()) + member.packed
    if at > directory_at:
        raise HeaderError("truncated: the zip members reach into the directory")
