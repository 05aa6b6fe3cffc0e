"""What a file would hold: bytes, a file elsewhere, or the tensors of other files, some of them renamed, turned, widened or left out."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal, Protocol

import numpy as np

from hubkit.tensors.dtypes import BITS
from hubkit.tensors.header import Header, TensorInfo

BLOCK = 8 << 20
"""Bytes held at once where a tensor is copied as it is."""
ALIGNMENT = 8
BITS_TYPE = {8: "u1", 16: "<u2", 32: "<u4", 64: "<u8"}
Turn = Literal["keep", "transpose", "widen", "repeat"]
Read = Callable[[int, int], bytes]


class Content(Protocol):
    """The bytes of a file that is not written yet."""

    @property
    def size(self) -> int:
        """Bytes."""

    def read(self, start: int, stop: int) -> bytes:
        """Bytes [start, stop)."""

    def blocks(self) -> Iterator[bytes]:
        """All of it, in order, a part at a time."""


@dataclass(frozen=True)
class Text:
    """A small file, held whole."""

    data: bytes

    @property
    def size(self) -> int:
        """Bytes."""
        return len(self.data)

    def read(self, start: int, stop: int) -> bytes:
        """Bytes [start, stop)."""
        return self.data[start:stop]

    def blocks(self) -> Iterator[bytes]:
        """All of it."""
        yield self.data


@dataclass(frozen=True)
class Elsewhere:
    """A file that lies ready outside the folder."""

    path: Path

    @property
    def size(self) -> int:
        """Bytes."""
        return self.path.stat().st_size

    def read(self, start: int, stop: int) -> bytes:
        """Bytes [start, stop)."""
        with self.path.open("rb") as file:
            file.seek(start)
            return file.read(stop - start)

    def blocks(self) -> Iterator[bytes]:
        """All of it, BLOCK bytes at a time."""
        with self.path.open("rb") as file:
            while block := file.read(BLOCK):
                yield block


@dataclass(frozen=True)
class Piece:
    """One tensor of the new file, and where it comes from."""

    source: TensorInfo
    turn: Turn = "keep"
    dtype: str = ""
    """After widening; empty: as it was."""
    name: str = ""
    """In the new file; empty: as it was."""
    shape: tuple[int, ...] | None = None
    """Another shape of the same values, or of one value repeated; None: as it was."""
    read: Read | None = None
    """Where its bytes are read, where that is not the file of the others."""

    @property
    def target(self) -> tuple[str, tuple[int, ...]]:
        """dtype and shape in the new file."""
        shape = self.source.shape[::-1] if self.turn == "transpose" else self.source.shape
        return self.dtype or self.source.dtype, shape if self.shape is None else self.shape

    @property
    def called(self) -> str:
        """Its name in the new file."""
        return self.name or self.source.name

    @property
    def size(self) -> int:
        """Bytes in the new file."""
        dtype, shape = self.target
        return math.prod(shape) * BITS[dtype] // 8

    def data(self, read: Read) -> Iterator[bytes]:
        """Its bytes in the new file. What is kept is copied a block at a time, what is changed is held once."""
        read = self.read or read
        if self.turn == "keep":
            for start in range(self.source.start, self.source.stop, BLOCK):
                yield read(start, min(start + BLOCK, self.source.stop))
            return
        raw = read(self.source.start, self.source.stop)
        if self.turn == "transpose":
            turned = np.frombuffer(raw, BITS_TYPE[BITS[self.source.dtype]]).reshape(self.source.shape).T
            yield np.ascontiguousarray(turned).tobytes()
        elif self.turn == "repeat":
            yield raw * math.prod(self.target[1])
        else:
            yield widened(raw, self.source.dtype, self.target[0])


def widened(raw: bytes, source: str, target: str) -> bytes:
    """Values of a narrow float format in a wider one: every value is the same number, NaN stays NaN."""
    if source == "BF16":
        values = (np.frombuffer(raw, "<u2").astype("<u4") << 16).view("<f4")
    else:
        values = np.frombuffer(raw, {"F16": "<f2", "F32": "<f4"}[source])
    return values.astype({"F32": "<f4", "F64": "<f8"}[target]).tobytes()


@dataclass
class Tensors:
    """A safetensors file made of the tensors of others, which are read by ranges; it is never held whole."""

    read_source: Read
    pieces: tuple[Piece, ...]
    metadata: dict[str, str] = field(default_factory=dict)

    @cached_property
    def head(self) -> bytes:
        """Length and header. Wide formats first, as the Rust writer has it, so that every tensor is aligned."""
        described: dict[str, object] = {"__metadata__": self.metadata} if self.metadata else {}
        at = 0
        for piece in self.ordered:
            dtype, shape = piece.target
            described[piece.called] = {
                "dtype": dtype,
                "shape": list(shape),
                "data_offsets": [at, at + piece.size],
            }
            at += piece.size
        raw = json.dumps(described, separators=(",", ":"), ensure_ascii=False).encode()
        raw += b" " * (-len(raw) % ALIGNMENT)
        return len(raw).to_bytes(8, "little") + raw

    @cached_property
    def ordered(self) -> list[Piece]:
        """The tensors as they lie in the file."""
        return sorted(self.pieces, key=lambda piece: (-BITS[piece.target[0]], piece.called))

    @property
    def size(self) -> int:
        """Bytes."""
        return len(self.head) + sum(piece.size for piece in self.pieces)

    def blocks(self) -> Iterator[bytes]:
        """All of it, in order."""
        yield self.head
        for piece in self.ordered:
            yield from piece.data(self.read_source)

    def read(self, start: int, stop: int) -> bytes:
        """Bytes [start, stop)."""
        found = self.head[start:stop]
        at = len(self.head)
        for piece in self.ordered:
            low, high = max(start - at, 0), min(stop - at, piece.size)
            if low < high:
                found += self._part(piece, low, high)
            at += piece.size
        return found

    def _part(self, piece: Piece, low: int, high: int) -> bytes:
        if piece.turn == "keep":
            return (piece.read or self.read_source)(piece.source.start + low, piece.source.start + high)
        return b"".join(piece.data(self.read_source))[low:high]


def rebuilt(read: Read, header: Header, change: Callable[[TensorInfo], Piece | None]) -> Tensors:
    """The file again, with every tensor as `change` wants it; None leaves it out."""
    pieces = tuple(piece for info in header.tensors.values() if (piece := change(info)))
    return Tensors(read, pieces, dict(header.metadata))
