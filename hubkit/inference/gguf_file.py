"""What a GGUF file holds: the type and size of each tensor. Read by the package `gguf`, which follows the format and runs nothing of the file."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hubkit.errors import IncompleteError
from hubkit.inference.extras import needed

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class GgufTensors:
    """The tensors of one file, by type."""

    parameters: dict[str, int]
    """Type (`Q4_1`, `F32`) to numbers, the most frequent type first."""
    bytes: int
    """Of all of them as they are stored, scales included."""

    @property
    def main_type(self) -> str:
        """The type of most numbers: what such a file is called after."""
        return next(iter(self.parameters))

    @property
    def bits(self) -> float:
        """A parameter, on average."""
        return 8 * self.bytes / sum(self.parameters.values())


def read_tensors(path: Path) -> GgufTensors:
    """The table of a GGUF file. Raises IncompleteError for a damaged file, UsageError when the package `gguf` is not there."""
    needed("gguf", f"{path}: reading a GGUF file")
    from gguf import GGUFReader

    try:
        tensors = GGUFReader(path).tensors
        numbers, size = Counter[str](), 0
        for one in tensors:
            numbers[one.tensor_type.name] += int(one.n_elements)
            size += int(one.n_bytes)
    except (ValueError, IndexError, KeyError, OverflowError, OSError, MemoryError) as error:
        raise IncompleteError(
            f"{path}: a damaged GGUF file: {str(error)[:300] or type(error).__name__}",
            hint="download it again",
        ) from error
    if not numbers:
        raise IncompleteError(f"{path}: a GGUF file without a tensor, expected the weights of a model")
    return GgufTensors(dict(numbers.most_common()), size)
