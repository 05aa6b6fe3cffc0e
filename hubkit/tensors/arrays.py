"""The arrays that a file of any container holds (.npy, .npz, safetensors, what torch saved), without torch and without running a pickle."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hubkit.repo.view import Entry, RepoView
from hubkit.tensors.container import read_header
from hubkit.tensors.npy_file import open_npy
from hubkit.tensors.slices import MAX_SLICE, read_values
from hubkit.tensors.stream import blocks

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hubkit.tensors.header import TensorInfo

NUMPY = ".npy"
REAL, FLOATING = "biuf", "f"
"""numpy's kinds of real numbers, and of those that are no whole ones."""


@dataclass
class OneFile(RepoView):
    """A view of one file, and not of the folder that it lies in."""

    file: Path = field(default_factory=Path)

    def _list(self) -> list[Entry]:
        return [Entry(self.file.name, self.file.stat().st_size)]

    def _read_range(self, entry: Entry, start: int, stop: int) -> bytes:
        del entry
        with self.file.open("rb") as file:
            file.seek(start)
            return file.read(stop - start)


@dataclass(frozen=True)
class StoredArray:
    """One array of a file, not yet read."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    """As the file has it."""
    is_floating: bool
    is_real: bool
    read: Callable[[], NDArray[np.float32]]
    """All of it, row-major."""


def arrays_in(file: Path) -> list[StoredArray]:
    """What `file` holds. Raises HeaderError or another HubkitError where it holds none, OSError where it cannot be opened."""
    if file.suffix == NUMPY:
        array = open_npy(file)
        kind = array.dtype.kind
        read = partial(np.ascontiguousarray, array, dtype=np.float32)
        return [StoredArray(file.stem, array.shape, str(array.dtype), kind in FLOATING, kind in REAL, read)]
    view = OneFile(str(file), file=file)
    return [_tensor(view, file.name, info) for info in read_header(view, file.name).tensors.values()]


def _tensor(view: OneFile, path: str, info: TensorInfo) -> StoredArray:
    def read() -> NDArray[np.float32]:
        return np.ascontiguousarray(whole(view, path, info, np.float32))

    floating = info.dtype.startswith(("F", "BF"))
    return StoredArray(info.name, info.shape, info.dtype, floating, True, read)


def whole(
    view: RepoView, path: str, info: TensorInfo, dtype: type[np.floating[Any]] = np.float64
) -> NDArray[Any]:
    """All values of a tensor in the shape that the file has, however large. Raises IncompleteError where it cannot be read."""
    if max(info.stop - info.start, info.count) <= MAX_SLICE or info.order is None:
        return read_values(view, path, info).astype(dtype, copy=False)
    found = np.empty(info.count, dtype=dtype)
    for block in blocks(view, path, info):
        found[block.first : block.first + len(block.values)] = block.values
    return found.reshape(info.shape, order=info.order)
