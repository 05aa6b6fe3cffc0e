"""Activations that were taken elsewhere: one tensor of a file, read without running anything. Torch-free."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hubkit.errors import HubkitError, UsageError
from hubkit.repo.view import Entry, RepoView
from hubkit.small_files import instead_of_file
from hubkit.tensors.container import read_header
from hubkit.tensors.npy_file import open_npy
from hubkit.tensors.stream import blocks

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hubkit.tensors.header import Header, TensorInfo

TENSOR_AFTER = "#"
"""`cache.pt#layer_18`."""


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


def read_cache(source: str) -> NDArray[np.float32]:
    """(n, d) float32 of `FILE` or `FILE#TENSOR`: `.npy`, `.npz`, safetensors, or what torch saved. No pickle is run.

    Raises UsageError where there is no such file or tensor, or none that is a matrix of floating point numbers.
    """
    path, _, name = source.partition(TENSOR_AFTER)
    file = Path(path)
    if (instead := instead_of_file(file)) is not None or not file.is_file():
        raise UsageError(f"{file}: {instead or 'there is no such file'}, expected a file of activations")
    try:
        found = _npy(file) if file.suffix == ".npy" else _tensor(file, name)
    except (HubkitError, OSError, EOFError, ValueError) as error:
        said = error.message if isinstance(error, HubkitError) else str(error)
        raise UsageError(
            f"{source}: {said}",
            hint=getattr(error, "hint", None)
            or "activations are a matrix of floating point numbers, a row for each completion",
        ) from error
    if found.ndim != 2 or not found.size:
        raise UsageError(f"{source}: shape {found.shape}, expected (completions, width)")
    return found


def _npy(file: Path) -> NDArray[np.float32]:
    found = open_npy(file)
    if found.dtype.kind != "f":
        raise UsageError(f"numbers of type {found.dtype}, expected floating point")
    return np.asarray(found, np.float32)


def _tensor(file: Path, name: str) -> NDArray[np.float32]:
    view = OneFile(str(file), file=file)
    header = read_header(view, file.name)
    info = _chosen(header, name)
    whole: NDArray[np.float32] = np.empty(info.count, np.float32)
    for block in blocks(view, file.name, info):
        whole[block.first : block.first + len(block.values)] = block.values
    return whole.reshape(info.shape[::-1]).T if info.order == "F" else whole.reshape(info.shape)


def _chosen(header: Header, name: str) -> TensorInfo:
    """The tensor of that name; without a name, the only matrix of floating point numbers."""
    matrices = [key for key, info in header.tensors.items() if len(info.shape) == 2 and _is_float(info)]
    if name and name not in header.tensors:
        raise UsageError(f"no tensor {name!r}, it has {', '.join(sorted(header.tensors)) or 'none'}")
    if not name and len(matrices) != 1:
        raise UsageError(
            f"{len(matrices)} matrices ({', '.join(sorted(matrices)[:10]) or 'none'}), expected one",
            hint=f"name the tensor: FILE{TENSOR_AFTER}TENSOR",
        )
    info = header.tensors[name or matrices[0]]
    if not _is_float(info):
        raise UsageError(f"{info.name}: numbers of type {info.dtype}, expected floating point")
    return info


def _is_float(info: TensorInfo) -> bool:
    return info.dtype.startswith(("F", "BF"))
