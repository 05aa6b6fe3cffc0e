"""The content of one zip member, whole or in part, stored or deflated, never more than was asked for."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from hubkit.tensors.header import HeaderError
from hubkit.tensors.zip_directory import DEFLATED, ENCRYPTED, LOCAL, STORED, UTF8

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from hubkit.repo.view import RepoView
    from hubkit.tensors.header import Member

CHUNK = 1 << 18
"""Bytes read, and at most inflated, at a time."""
SMALL_CHUNK = 1024
"""The same, for the header of an array."""
SLACK = 128
"""Bytes beyond a local header and a name that are asked for with them: torch pads to 64."""


def content_start(view: RepoView, path: str, member: Member) -> int:
    """The first byte of the member's content in the archive. Raises HeaderError when its local header contradicts the directory."""
    stop = member.header_at + LOCAL.size + len(member.name.encode())
    return _content_start(view.read_range(path, member.header_at, stop), member)


def check_headers(view: RepoView, path: str, members: Iterable[Member]) -> None:
    """Hold the local header of every member against the directory. Raises HeaderError."""
    with view.held_open(path):
        for member in members:
            content_start(view, path, member)


def _content_start(head: bytes, member: Member) -> int:
    if len(head) < LOCAL.size or not head.startswith(b"PK\x03\x04"):
        raise HeaderError(f"{member.name}: no local header at byte {member.header_at:,}")
    fields = LOCAL.unpack_from(head)
    raw = head[LOCAL.size : LOCAL.size + fields[9]]
    name = raw.decode("utf-8" if fields[2] & UTF8 else "cp437", "replace")
    method = DEFLATED if member.deflated else STORED
    if (name, fields[3], fields[2] & ENCRYPTED) != (member.name, method, 0):
        raise HeaderError(f"{member.name}: its local header contradicts the zip directory")
    return int(member.header_at + LOCAL.size + fields[9] + fields[10])


def read_part(view: RepoView, path: str, member: Member, start: int, stop: int) -> bytes:
    """Bytes [start, stop) of the member's content; the CRC is checked when that is all of it. Raises HeaderError, IncompleteError."""
    stop = min(stop, member.size)
    if member.deflated:
        chunk = CHUNK if stop > SMALL_CHUNK else SMALL_CHUNK
        data = b"".join(_cut(inflated(view, path, member, chunk), start, stop, member.size))
    else:
        data = _read_stored(view, path, member, start, stop)
    if len(data) != stop - start:
        raise HeaderError(f"{member.name}: {len(data):,} bytes where {stop - start:,} were promised")
    if start == 0 and stop == member.size:
        check_crc(member, zlib.crc32(data))
    return data


def _read_stored(view: RepoView, path: str, member: Member, start: int, stop: int) -> bytes:
    """One request where the wanted bytes stand near the local header, else two."""
    near = LOCAL.size + len(member.name.encode()) + SLACK
    if start >= CHUNK:
        head, head_stop = b"", member.header_at
    else:
        head_stop = member.header_at + near + stop
        head = view.read_range(path, member.header_at, head_stop)
    at = _content_start(head, member) if head else content_start(view, path, member)
    begin, end = at + start, at + stop
    if head and end <= head_stop:
        return head[begin - member.header_at : end - member.header_at]
    return view.read_range(path, begin, end)


def inflated(view: RepoView, path: str, member: Member, chunk: int = CHUNK) -> Iterator[bytes]:
    """The content of a deflated member in pieces of at most `chunk` bytes; more than the directory claims is refused."""
    at = content_start(view, path, member)
    stop = at + member.packed
    inflate = zlib.decompressobj(-zlib.MAX_WBITS)
    total = crc = 0
    pending = b""
    while not inflate.eof:
        if not pending:
            pending = view.read_range(path, at, min(at + chunk, stop))
            at += len(pending)
        try:
            piece = inflate.decompress(pending, chunk)
        except zlib.error as error:
            raise HeaderError(f"{member.name}: its compressed bytes are damaged: {error}") from error
        if not pending and not piece:
            raise HeaderError(f"{member.name}: its compressed bytes end too early")
        pending = inflate.unconsumed_tail
        total += len(piece)
        crc = zlib.crc32(piece, crc)
        if total > member.size:
            raise HeaderError(f"{member.name}: inflates beyond the {member.size:,} bytes it claims")
        if piece:
            yield piece
    if total != member.size:
        raise HeaderError(f"{member.name}: inflates to {total:,} bytes and claims {member.size:,}")
    check_crc(member, crc)


def check_content(view: RepoView, path: str, member: Member, *, recorded: bool) -> None:
    """Hold all of a member's content against its CRC-32; `recorded`: where the archive has none, that is one of 0. Raises HeaderError."""
    if member.crc32 is None and not recorded:
        return
    if member.deflated:
        pieces: Iterable[bytes] = inflated(view, path, member)
    else:
        begin = content_start(view, path, member)
        stop = begin + member.size
        pieces = (view.read_range(path, at, min(at + CHUNK, stop)) for at in range(begin, stop, CHUNK))
    crc = 0
    for piece in pieces:
        crc = zlib.crc32(piece, crc)
    if crc != (member.crc32 or 0):
        raise HeaderError(f"{member.name}: wrong CRC-32 {crc:#010x}, expected {member.crc32 or 0:#010x}")


def check_crc(member: Member, crc: int) -> None:
    """Raises HeaderError when `crc` is not the member's."""
    if member.crc32 is not None and crc != member.crc32:
        raise HeaderError(f"{member.name}: wrong CRC-32 {crc:#010x}, expected {member.crc32:#010x}")


def _cut(pieces: Iterator[bytes], start: int, stop: int, size: int) -> Iterator[bytes]:
    """Bytes [start, stop) of a stream of `size` bytes. A part ends the reading; the whole is followed to its checks."""
    at = 0
    for piece in pieces:
        yield piece[max(0, start - at) : max(0, stop - at)]
        at += len(piece)
        if at >= stop and stop < size:
            return
