"""A tensor of rows written as they come: a safetensors file that is whole when the last row is there, and goes on after a kill."""

from __future__ import annotations

import json
import os
import struct
from typing import TYPE_CHECKING

import numpy as np

from hubkit.release.pool import TENSOR
from hubkit.release.writing import naming

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

ALIGNED = 8
"""Bytes; the head of a safetensors file is filled up to a multiple."""


class RowFile:
    """`activations` (n, d) float32 at `path`, written to a file beside it until it is whole. Memory holds no row."""

    def __init__(self, path: Path, shape: tuple[int, int], made_from: str) -> None:
        """Go on with a part of the same shape that was `made_from` the same, or begin."""
        self.path, self.shape = path, shape
        self.part = path.with_suffix(".part")
        self.head = _head(shape, made_from)
        path.parent.mkdir(parents=True, exist_ok=True)
        if not self._is_ours():
            with naming(path):
                self.part.write_bytes(self.head)

    @property
    def rows(self) -> int:
        """How many are there."""
        return (self.part.stat().st_size - len(self.head)) // self._width

    def truncate(self, rows: int) -> None:
        """Forget what is behind the first `rows`."""
        with self.part.open("rb+") as file:
            file.truncate(len(self.head) + rows * self._width)

    def append(self, rows: NDArray[np.float32]) -> None:
        """Add rows (m, d)."""
        with naming(self.path), self.part.open("ab") as file:
            file.write(np.ascontiguousarray(rows, dtype="<f4").tobytes())

    def finish(self) -> None:
        """Put the whole file in its place."""
        with naming(self.path), self.part.open("rb+") as file:
            os.fsync(file.fileno())
        self.part.replace(self.path)

    @property
    def _width(self) -> int:
        return 4 * self.shape[1]

    def _is_ours(self) -> bool:
        try:
            with self.part.open("rb") as file:
                return file.read(len(self.head)) == self.head
        except OSError:
            return False


def _head(shape: tuple[int, int], made_from: str) -> bytes:
    said = {
        "__metadata__": {"made_from": made_from},
        TENSOR: {"dtype": "F32", "shape": list(shape), "data_offsets": [0, 4 * shape[0] * shape[1]]},
    }
    text = json.dumps(said, separators=(",", ":")).encode()
    text += b" " * (-len(text) % ALIGNED)
    return struct.pack("<Q", len(text)) + text
