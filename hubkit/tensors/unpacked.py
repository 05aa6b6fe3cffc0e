"""What comes out of a compressed file, as a file that is read from front to back, never more than its limit."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

from hubkit.tensors.pickle_stream import BeyondError, PickleError

if TYPE_CHECKING:
    from hubkit.tensors.view_file import Allowance, Readable

Packing = Literal["gzip", "zlib", "deflate", "bz2", "xz", "lzma"]

PIECE = 1 << 16
"""Bytes read, and at most unpacked, at a time."""
MAX_UNPACKED = 1 << 28
"""Bytes of one file: 256 MiB."""
LZMA_MEMORY = 1 << 27
"""Bytes that the dictionary of xz may take."""


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
    """lzma's decompressor with the errors of the others."""

    def __init__(self, *, alone: bool) -> None:
        import lzma

        self._error = lzma.LZMAError
        kind = lzma.FORMAT_ALONE if alone else lzma.FORMAT_XZ
        self._decompressor = lzma.LZMADecompressor(format=kind, memlimit=LZMA_MEMORY)

    @property
    def eof(self) -> bool:
        return self._decompressor.eof

    @property
    def needs_input(self) -> bool:
        return self._decompressor.needs_input

    @property
    def unused_data(self) -> bytes:
        return self._decompressor.unused_data

    def decompress(self, data: bytes, limit: int) -> bytes:
        try:
            return self._decompressor.decompress(data, limit)
        except self._error as error:
            if "emory" in str(error):
                raise BeyondError(
                    f"it wants more than {LZMA_MEMORY >> 20} MiB of memory to be unpacked"
                ) from error
            raise ValueError(str(error)) from error


UNPACKERS: dict[Packing, Callable[[], Any]] = {
    "gzip": lambda: _Inflate(31),
    "zlib": lambda: _Inflate(15),
    "deflate": lambda: _Inflate(-15),
    "bz2": _bz2,
    "xz": lambda: _Lzma(alone=False),
    "lzma": lambda: _Lzma(alone=True),
}
SEVERAL = {"gzip", "bz2", "xz"}
"""What may hold one stream after the other."""


class Unpacked:
    """The content of `packed`, which is read from its beginning. Going back begins anew, and costs again."""

    def __init__(self, packed: Readable, kind: Packing, allowance: Allowance) -> None:
        self._packed, self._kind, self._allowance = packed, kind, allowance
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
                parts.append(self._piece())
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

    def _piece(self) -> bytes:
        """The next bytes, PIECE at most; empty where there is more to read first."""
        if self._unpacker.eof and not self._another():
            return b""
        wants = self._unpacker.needs_input
        fresh = (self._rest or self._packed.read(PIECE)) if wants else b""
        self._rest = b"" if wants else self._rest
        try:
            piece: bytes = self._unpacker.decompress(fresh, PIECE)
        except (OSError, EOFError, ValueError) as error:
            raise PackingError(f"its {self._kind} is damaged: {str(error)[:100]}") from error
        except MemoryError as error:
            raise BeyondError(f"its {self._kind} wants too much memory") from error
        if not piece and wants and not fresh and not self._unpacker.eof:
            raise PackingError(f"its {self._kind} ends too early")
        self._made += len(piece)
        if self._made > MAX_UNPACKED:
            raise BeyondError(f"more than {MAX_UNPACKED >> 20} MiB come out of it")
        self._allowance.spend_unpacked(len(piece))
        return piece

    def _another(self) -> bool:
        """Begin the stream that follows in the same file, where one does; zeros may fill up the end."""
        rest: bytes = self._unpacker.unused_data or self._packed.read(PIECE)
        while rest and not rest.strip(b"\0"):
            rest = self._packed.read(PIECE)
        rest = rest.lstrip(b"\0")
        if self._kind not in SEVERAL or not rest:
            self._over = True
            return False
        self._unpacker, self._rest = UNPACKERS[self._kind](), rest
        return True
