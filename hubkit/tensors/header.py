"""What every container says about its tensors before any of them is read."""

from __future__ import annotations

from dataclasses import dataclass

from hubkit.errors import IncompleteError


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """One tensor of a file."""

    name: str
    dtype: str
    """As safetensors names it: `F32`, `BF16`, ..."""
    shape: tuple[int, ...]
    start: int
    """First byte in the file."""
    stop: int
    """One past the last byte in the file."""


@dataclass(frozen=True, slots=True)
class Header:
    """The tensors of a file by name, in the file's order."""

    tensors: dict[str, TensorInfo]
    metadata: dict[str, str]
    header_bytes: int
    """Where the data begins."""


class HeaderError(IncompleteError):
    """The file is not what its name says. `lfs_pointer` when it is a Git-LFS pointer text."""

    def __init__(self, message: str, *, lfs_pointer: bool = False) -> None:
        super().__init__(message)
        self.lfs_pointer = lfs_pointer
