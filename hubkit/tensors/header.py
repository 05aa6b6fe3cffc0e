"""What every container says about its tensors before any of them is read."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from hubkit.errors import IncompleteError

Container = Literal["safetensors", "npz", "torch", "pickle"]


@dataclass(frozen=True, slots=True)
class Member:
    """One file inside a zip, as the archive's directory describes it."""

    name: str
    header_at: int
    """First byte of its local header in the archive."""
    packed: int
    """Bytes in the archive."""
    size: int
    """Bytes of its content."""
    crc32: int | None
    """None where the archive records none: torch.serialization.set_crc32_options(False) writes 0 everywhere."""
    deflated: bool


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """One tensor of a file."""

    name: str
    dtype: str
    """As safetensors names it: `F32`, `BF16`, ..."""
    shape: tuple[int, ...]
    start: int
    """First byte in the file; in `member`'s content where there is one."""
    stop: int
    """One past the last byte, counted like `start`."""
    strides: tuple[int, ...] | None = None
    """Steps between neighbours along each axis, in values; None: row-major without gaps."""
    member: Member | None = None
    """The zip member that holds the values."""
    big_endian: bool = False

    @property
    def count(self) -> int:
        """How many values the shape has."""
        return math.prod(self.shape)

    @property
    def order(self) -> Literal["C", "F"] | None:
        """How the values lie: row-major, column-major, or None where they have gaps or repeat."""
        if self.strides is None or self.strides == row_major(self.shape):
            return "C"
        if self.strides == row_major(self.shape[::-1])[::-1]:
            return "F"
        return None


def row_major(shape: tuple[int, ...]) -> tuple[int, ...]:
    """The strides, in values, of a row-major tensor without gaps."""
    strides = [1] * len(shape)
    for axis in range(len(shape) - 2, -1, -1):
        strides[axis] = strides[axis + 1] * max(shape[axis + 1], 1)
    return tuple(strides)


@dataclass(frozen=True, slots=True)
class Header:
    """The tensors of a file by name, in the file's order."""

    tensors: dict[str, TensorInfo]
    metadata: dict[str, str]
    header_bytes: int
    """Where the data begins; 0 in a zip, where each member begins somewhere else."""
    container: Container = "safetensors"
    imports: tuple[str, ...] = ()
    """Every global a pickle asks for, as `module.name`. Nothing was imported."""
    refused: tuple[str, ...] = ()
    """What the file holds beside its tensors and was not read, each with its reason."""


class HeaderError(IncompleteError):
    """The file is not what its name says. `lfs_pointer` when it is a Git-LFS pointer text; `imports` of a pickle that could not be read to its end."""

    def __init__(self, message: str, *, lfs_pointer: bool = False, imports: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.lfs_pointer = lfs_pointer
        self.imports = imports
