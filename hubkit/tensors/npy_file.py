"""An array of numpy in a file on disk, read by what its header says and by nothing else: no header is evaluated, no object unpickled."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from hubkit.tensors.header import HeaderError
from hubkit.tensors.npz import MAX_NPY_HEADER, header_length, parse_npy, plain_bytes

if TYPE_CHECKING:
    from numpy.typing import NDArray

LONGEST_HEAD = 12 + MAX_NPY_HEADER


def open_npy(path: Path) -> NDArray[Any]:
    """The array of `path`, of numbers or texts, mapped and not read. Raises HeaderError where the file holds none, OSError where it cannot be opened."""
    with path.open("rb") as file:
        head = file.read(LONGEST_HEAD)
        size = file.seek(0, 2)
    head = head[: header_length(head, path.name)]
    array, needed = parse_npy(head, path.name), plain_bytes(head)
    if needed is None:
        raise HeaderError(f"{path.name}: its type is {array.descr!a}, expected numbers or texts")
    if size - len(head) < needed:
        raise HeaderError(
            f"{path.name}: {array.descr} of shape {array.shape} needs {needed:,} bytes, the file has {size - len(head):,}"
        )
    dtype = np.dtype(array.descr)
    order: Literal["F", "C"] = "F" if array.fortran else "C"
    found: NDArray[Any]
    try:
        if needed:
            found = np.memmap(path, dtype, "r", len(head), array.shape, order)
        else:
            found = np.empty(array.shape, dtype, order)
    except (ValueError, OverflowError, MemoryError) as error:
        raise HeaderError(f"{path.name}: the shape {array.shape} is none that numpy has") from error
    return found
