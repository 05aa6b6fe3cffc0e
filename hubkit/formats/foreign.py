"""What the readers of families other than SAELens share: their tensors under SAELens's names, sizes from shapes, fields with their places."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hubkit.errors import IncompleteError
from hubkit.formats.sae import Origin, Tensor, Threshold, ThresholdKind
from hubkit.models.hooks import layers_named
from hubkit.release.layout import CFG, WEIGHTS
from hubkit.tensors.slices import read_values

if TYPE_CHECKING:
    from hubkit.formats.folder import Folder, Head
    from hubkit.repo.view import Entry

Names = Mapping[str, tuple[str, bool]]
"""A tensor's own name to SAELens's, and whether it is stored the other way round."""

LINEAR: Names = {
    "encoder.weight": ("W_enc", True), "encoder.bias": ("b_enc", False), "decoder.weight": ("W_dec", True), "decoder.bias": ("b_dec", False),
}  # fmt: skip
"""Of two `torch.nn.Linear`, which keep a weight as (out, in)."""


def under_known_names(head: Head, names: Names = {}, prefix: str = "") -> dict[str, Tensor]:  # noqa: B006 - never changed
    """The tensors of a file by SAELens's names; those that `names` has not keep their own, less a `prefix` that all have."""
    found = {}
    for own, info in (head.header.tensors if head.header else {}).items():
        name, transposed = names.get(own, (own.removeprefix(prefix), False))
        found[name] = Tensor(head.entry.path, info, transposed)
    return found


@dataclass(frozen=True)
class Sizes:
    """Widths as the tensors have them."""

    d_in: int | None = None
    d_sae: int | None = None
    d_out: int | None = None


LATENTS = ("b_enc", "b_gate", "b_mag", "r_mag", "threshold")
"""Tensors with one number a latent."""


def sizes_of(tensors: Mapping[str, Tensor]) -> Sizes:
    """Widths by what most tensors have, so that one of another size is outvoted; between as many, by the biases, which cannot be turned round."""
    d_out = _length(tensors, "b_dec") or _axis(tensors, "W_dec", 1)
    d_sae = _of_most(tensors)
    return Sizes(_other(tensors, "W_enc", d_sae), d_sae, d_out)


def _of_most(tensors: Mapping[str, Tensor]) -> int | None:
    """The number of latents: of the lengths that it can be the one that most tensors have."""
    lengths = [size for name in LATENTS if (size := _length(tensors, name)) is not None]
    sides = [_axis(tensors, "W_enc", 1), _axis(tensors, "W_enc", 0)]
    known = [size for size in sides if size is not None and size != _length(tensors, "b_dec")]
    shapes = [tensors[name].shape for name in (*LATENTS, "W_enc", "W_dec") if name in tensors]
    candidates = [*lengths, *known] or [size for size in sides[:1] if size is not None]
    return max(candidates, key=lambda size: sum(size in shape for shape in shapes), default=None)


def _length(tensors: Mapping[str, Tensor], *names: str) -> int | None:
    shapes = (tensors[name].shape for name in names if name in tensors)
    return next((shape[0] for shape in shapes if len(shape) == 1), None)


def _axis(tensors: Mapping[str, Tensor], name: str, axis: int) -> int | None:
    shape = tensors[name].shape if name in tensors else ()
    return shape[axis] if len(shape) == 2 else None


def _other(tensors: Mapping[str, Tensor], name: str, known: int | None) -> int | None:
    """The side of a matrix that is not `known`; its first where both are, or none is."""
    shape = tensors[name].shape if name in tensors else ()
    if len(shape) != 2:
        return None
    return shape[1] if shape[0] == known and shape[1] != known else shape[0]


def one_threshold(
    tensors: Mapping[str, Tensor], name: str = "threshold", *, log: bool = False, each: bool = False
) -> Threshold | None:
    """The threshold of a file: one value a latent, or one for all; `each`: its loader takes one a latent only."""
    tensor = tensors.get(name)
    if tensor is None or 0 in tensor.shape:
        return None
    kind: ThresholdKind = "log" if log else "scalar" if tensor.info.count == 1 and not each else "values"
    return Threshold(kind, tensor.origin, tensor)


@dataclass
class Fields:
    """Reads fields out of a configuration and notes where each stands."""

    path: str
    keys: Mapping[str, Any]
    origins: dict[str, Origin] = field(default_factory=dict)

    def number(self, name: str, *pointers: str) -> int | None:
        """The first of `pointers` (`trainer/k`) that holds a whole number, noted under `name`; one that holds something else is noted too."""
        value = self._first(name, pointers)
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def text(self, name: str, *pointers: str) -> str | None:
        """The first of `pointers` that holds a text."""
        value = self._first(name, pointers)
        return value if isinstance(value, str) and value else None

    def real(self, name: str, *pointers: str) -> float | None:
        """The first of `pointers` that holds a number."""
        value = self._first(name, pointers)
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None

    def _first(self, name: str, pointers: tuple[str, ...]) -> object:
        for pointer in pointers:
            value = value_at(self.keys, pointer)
            if value is not None:
                self.origins[name] = Origin(self.path, f"/{pointer}")
                return value
        if pointers:
            self.origins.setdefault(name, Origin(self.path, f"/{pointers[0]}"))
        return None


def value_at(keys: Mapping[str, Any], pointer: str) -> Any:
    """What stands under `trainer/k`; None where nothing does."""
    value: Any = keys
    for part in pointer.split("/"):
        if not isinstance(value, Mapping):
            return None
        value = value.get(part)
    return value


def layer_of_path(path: str) -> int | None:
    """The one layer that a path names."""
    named = layers_named(path)
    return named.pop() if len(named) == 1 else None


def number_in(pattern: str, text: str) -> int | None:
    """The number that `pattern` finds in `text`."""
    match = re.search(pattern, text)
    return int(match.group(1)) if match else None


def is_converted(folder: Folder, entry: Entry) -> bool:
    """Whether a folder of the file's name holds the same SAE in SAELens's format: the file is then its source, and no SAE of its own."""
    return {CFG, WEIGHTS} <= folder.at(entry.path.rpartition(".")[0]).files.keys()


def stored_number(folder: Folder, tensor: Tensor | None) -> int | None:
    """A whole number that a file keeps as a tensor of one value (`k`); None where it keeps none, or could not be read."""
    numbers = stored_numbers(folder, tensor, most=1)
    return numbers[0] if numbers else None


def stored_numbers(folder: Folder, tensor: Tensor | None, *, most: int = 64) -> tuple[int, ...] | None:
    """The whole numbers of a small tensor (`group_sizes`); None where there are none, more than `most`, or they could not be read."""
    if tensor is None or not 1 <= tensor.info.count <= most:
        return None
    try:
        found = [float(one) for one in read_values(folder.view, tensor.path, tensor.info).reshape(-1)]
    except IncompleteError:
        return None
    return tuple(map(int, found)) if all(one.is_integer() for one in found) else None
