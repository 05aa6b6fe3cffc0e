"""What comes out of a compressed file, as a file that is read from front to back, never more than its limit."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from hubkit.tensors.pickle_stream import BeyondError, PickleError

if TYPE_CHECKING:
    from hubkit.tensors.view_file import Readable, Share

Packing = Literal["gzip", "zlib", "deflate", "bz2", "xz", "lzma", "lzip"]

PIECE = 1 << 16
"""Bytes read, and at most unpacked, at a time."""
SMALLEST_PIECE = 1 << 12
STREAM = 200
"""What it costs to begin one more stream, in the time of a pickle's opcode."""
PER_COST: dict[Packing, int] = {"gzip": 5, "zlib": 5, "deflate": 5, "bz2": 1, "xz": 2, "lzma": 2, "lzip": 2}
"""Bits: how many bytes come out in the time of a pickle's opcode, where they come slowly."""
MAX_UNPACKED = 1 << 28
"""Bytes of one file: 256 MiB."""
LZMA_MEMORY = 1 << 27
"""Bytes that the dictionary of xz may take."""
LZMA_HEADER = 13
"""Bytes of LZMA alone: properties, size of the dictionary, size of the content."""
XZ, LZIP = b"\xfd7zXZ\0", b"LZIP"


class PackingError(PickleError):
    """The compressed bytes are damaged: whoever unpacks them gets no further."""


class _Inflate:
    """zlib's decompressor with the face of the others."""

    def __init__(self, window: int) -> None:
        self._inflate = zlib.decompressobj(window)

    @property
    def eof(self) -> bool:
        return self._inflate.eof

    @property
    def needs_input(self) -> bool:
        return not self._inflate.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._inflate.unused_data

    def decompress(self, data: bytes, limit: int) -> bytes:
        try:
            return self._inflate.decompress(self._inflate.unconsumed_tail + data, limit)
        except zlib.error as error:
            raise ValueError(str(error)) from error


def _bz2() -> Any:
    import bz2

    return bz2.BZ2Decompressor()


class _Lzma:
    """lzma's decompressor with the errors of the others: of whichever of its three forms the bytes are, for one may follow another."""

    def __init__(self) -> None:
        import lzma

        self._error = lzma.LZMAError
        self._make = partial(lzma.LZMADecompressor, memlimit=LZMA_MEMORY)
        self._forms = lzma.FORMAT_ALONE, lzma.FORMAT_AUTO
        self._decompressor: Any = None

    @property
    def eof(self) -> bool:
        return self._decompressor is not None and self._decompressor.eof

    @property
    def needs_input(self) -> bool:
        return self._decompressor is None or self._decompressor.needs_input

    @property
    def unused_data(self) -> bytes:
        return self._decompressor.unused_data if self._decompressor else b""

    def _begin(self, data: bytes) -> bytes:
        """Choose the form; of LZMA alone the first byte behind its header says nothing, and only newer readers mind what it is."""
        marked = data.startswith((XZ, LZIP))
        self._decompressor = self._make(format=self._forms[marked])
        return (
            data
            if marked or len(data) <= LZMA_HEADER
            else data[:LZMA_HEADER] + b"\0" + data[LZMA_HEADER + 1 :]
        )

    def decompress(self, data: bytes, limit: int) -> bytes:
        if self._decompressor is None:
            data = self._begin(data)
        try:
            found: bytes = self._decompressor.decompress(data, limit)
        except self._error as error:
            if "emory" in str(error):
                raise BeyondError(
                    f"it wants more than {LZMA_MEMORY >> 20} MiB of memory to be unpacked"
                ) from error
            raise ValueError(str(error)) from error
        return found


UNPACKERS: dict[Packing, Callable[[], Any]] = {
    "gzip": lambda: _Inflate(31),
    "zlib": lambda: _Inflate(15),
    "deflate": lambda: _Inflate(-15),
    "bz2": _bz2,
    "xz": _Lzma,
    "lzma": _Lzma,
    "lzip": _Lzma,
}
SEVERAL = {"gzip", "bz2", "xz", "lzma", "lzip"}
"""What may hold one stream after the other."""


class Unpacked:
    """The content of `packed`, which is read from its beginning. Going back begins anew, and costs again."""

    streamed = True

    def __init__(self, packed: Readable, kind: Packing, share: Share, stated: int | None = None) -> None:
        """`stated`: bytes that come out, where whatever holds it says so."""
        self.stated = stated
        self._packed, self._kind, self._share = packed, kind, share
        self._begin()

    def _begin(self) -> None:
        self._packed.seek(0)
        self._unpacker = UNPACKERS[self._kind]()
        self._rest = self._held = b""
        self._at = self._made = 0
        self._over = False
        self._failure: PackingError | BeyondError | None = None

    def tell(self) -> int:
        """Where the next read begins."""
        return self._at

    def seek(self, at: int, whence: int = 0, /) -> int:
        """Go to a byte: forward by unpacking, at most to the end."""
        if whence == 2:
            raise BeyondError("the end of a compressed file, which only unpacking all of it finds")
        at += self._at if whence == 1 else 0
        if at < self._at:
            self._begin()
        while self._at < at and self.read(min(PIECE, at - self._at)):
            pass
        return self._at

    def read(self, size: int = -1, /) -> bytes:
        """At most `size` bytes. What stands before damage or a limit is given first; then PackingError or BeyondError is raised."""
        size = MAX_UNPACKED if size < 0 else size
        parts, got = [self._held], len(self._held)
        while got < size and not self._over and self._failure is None:
            try:
                parts.append(self._piece(max(SMALLEST_PIECE, min(PIECE, size - got))))
            except (PackingError, BeyondError) as error:
                self._failure = error
            else:
                got += len(parts[-1])
        data = b"".join(parts)
        if not data and size and self._failure is not None:
            raise self._failure
        self._held = data[size:]
        self._at += min(size, len(data))
        return data[:size]

    def _piece(self, most: int) -> bytes:
        """The next bytes, `most` at most; empty where there is more to read first."""
        if self._unpacker.eof and not self._another():
            return b""
        wants = self._unpacker.needs_input
        fresh = (self._rest or self._packed.read(PIECE)) if wants else b""
        self._rest = b"" if wants else self._rest
        try:
            piece: bytes = self._unpacker.decompress(fresh, most)
        except (OSError, EOFError, ValueError) as error:
            raise PackingError(f"its {self._kind} is damaged: {str(error)[:100]}") from error
        except MemoryError as error:
            raise BeyondError(f"its {self._kind} wants too much memory") from error
        if not piece and wants and not fresh and not self._unpacker.eof:
            raise PackingError(f"its {self._kind} ends too early")
        self._made += len(piece)
        if self._made > MAX_UNPACKED:
            raise BeyondError(f"more than {MAX_UNPACKED >> 20} MiB come out of it")
        self._share.spend_unpacked(len(piece), len(piece) >> PER_COST[self._kind])
        return piece

    def _another(self) -> bool:
        """Begin the stream that follows in the same file, where one does; zeros may fill up the end."""
        self._share.spend_unpacked(0, STREAM)
        rest: bytes = self._unpacker.unused_data or self._packed.read(PIECE)
        while rest and not rest.strip(b"\0"):
            rest = self._packed.read(PIECE)
        filled = rest.lstrip(b"\0")
        if self._kind in {"gzip", "bz2"} or filled.startswith((XZ, LZIP)):
            rest = filled  # LZMA alone may begin with a zero
        if self._kind not in SEVERAL or not rest:
            self._over = True
            return False
        self._unpacker, self._rest = UNPACKERS[self._kind](), rest
        return True
