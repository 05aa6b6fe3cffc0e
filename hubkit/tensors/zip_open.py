"""The content of a member of a zip, by whichever of its methods it is packed: stored, deflated, bz2, lzma.

Source: PKWARE's APPNOTE 6.3.10, sections 4.4.5 and 5.8: LZMA's stream there has a version and the length of its properties before it, and no size.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubkit.tensors.pickle_stream import PickleError, UndoneError
from hubkit.tensors.unpacked import Packing, Unpacked
from hubkit.tensors.view_file import Window, is_streamed
from hubkit.tensors.zip_directory import DEFLATED, LOCAL, STORED

if TYPE_CHECKING:
    from hubkit.tensors.view_file import Readable, Share
    from hubkit.tensors.zip_entries import ZipEntry

LZMA = 14
METHODS: dict[int, Packing] = {DEFLATED: "deflate", 12: "bz2", LZMA: "lzma"}
PROPERTIES = 5
"""Bytes of LZMA's properties."""
UNKNOWN_SIZE = b"\xff" * 8


def open_member(file: Readable, entry: ZipEntry, share: Share) -> Readable:
    """The content of a member. Raises PickleError where its local header is none: no reader gets at it; UndoneError where nothing unpacks it."""
    if entry.encrypted:
        raise UndoneError("encrypted")
    if entry.method != STORED and entry.method not in METHODS:
        raise UndoneError(f"compressed by zip's method {entry.method}, which is not undone here")
    file.seek(max(0, entry.header_at))
    head = file.read(LOCAL.size)
    if entry.header_at < 0 or len(head) < LOCAL.size or not head.startswith(b"PK\x03\x04"):
        raise PickleError(f"no local header at byte {entry.header_at:,}")
    fields = LOCAL.unpack(head)
    begin = entry.header_at + LOCAL.size + fields[9] + fields[10]
    packed = Window(file, begin, entry.packed)
    if entry.method == STORED:
        return packed
    if entry.method == LZMA:
        return Unpacked(_as_lzma_alone(file, begin, entry), "lzma", share, entry.size)
    return Unpacked(packed, METHODS[entry.method], share, entry.size)


def _as_lzma_alone(file: Readable, begin: int, entry: ZipEntry) -> Readable:
    """The member with the header that LZMA has as a file of its own."""
    file.seek(begin)
    head = file.read(4 + PROPERTIES)
    if len(head) < 4 + PROPERTIES or head[2:4] != PROPERTIES.to_bytes(2, "little"):
        raise PickleError("its lzma is damaged: no properties")
    rest = Window(file, begin + len(head), max(0, entry.packed - len(head)))
    return _Behind(head[4:] + UNKNOWN_SIZE, rest)


class _Behind:
    """Some bytes, and a file behind them, as one file."""

    def __init__(self, head: bytes, rest: Window) -> None:
        self._head, self._rest = head, rest
        self.streamed = is_streamed(rest)
        self._at = 0

    def tell(self) -> int:
        """Where the next read begins."""
        return self._at

    def seek(self, at: int, whence: int = 0, /) -> int:
        """Go to a byte."""
        self._at = max(0, at + (0, self._at, len(self._head) + self._rest.size)[whence])
        return self._at

    def read(self, size: int = -1, /) -> bytes:
        """At most `size` bytes."""
        size = len(self._head) + self._rest.size if size < 0 else size
        data = self._head[self._at : self._at + size]
        if len(data) < size:
            self._rest.seek(max(0, self._at - len(self._head)))
            data += self._rest.read(size - len(data))
        self._at += len(data)
        return data
