"""Rows that somebody gives: activations from a file, a label and a scenario for each."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from hubkit.errors import HubkitError, IncompleteError, UsageError
from hubkit.evaluate.probe import fold_of_labels
from hubkit.measures.design import Design, numbered
from hubkit.tensors.arrays import NUMPY, arrays_in
from hubkit.tensors.header import HeaderError
from hubkit.tensors.npy_file import open_npy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Rows = NDArray[np.float32]

FOLDS = 5
HINT = "one row a token or a completion"


@dataclass(frozen=True)
class Given:
    """Activations of one or several hooks, and what is known of their rows."""

    layers: dict[str, Rows]
    """By the name that the file has for them; all with as many rows."""
    design: Design | None = None
    """Label, scenario and fold of each row; None where no labels were given."""
    labels: tuple[str, ...] = ()
    """The two, the first is the positive one."""

    @property
    def n(self) -> int:
        """Rows."""
        return len(next(iter(self.layers.values())))

    def name_of(self, hook: str | None, layer: int | None, d_in: int | None, sae_id: str) -> str:
        """The name of the activations that an SAE reads: those of its hook's name, else the only ones of its width. Raises UsageError where none, or several, can be meant."""
        named = [name for name in (hook, f"layer_{layer}", f"layer.{layer}") if name in self.layers]
        fitting = [name for name, rows in self.layers.items() if rows.shape[1] == d_in]
        if named and named[0] in fitting:
            return named[0]
        if len(fitting) == 1 and len(self.layers) == 1:
            return fitting[0]
        sizes = ", ".join(f"{name} {rows.shape}" for name, rows in self.layers.items())
        raise UsageError(
            f"{sae_id}: reads {hook or 'a hook that its files do not name'} of width {d_in}, the activations are {sizes}",
            hint="one tensor (rows, d_in), or one for each hook under the hook's name",
        )


def read_activations(path: Path) -> dict[str, Rows]:
    """Tensor name to (n, d) rows of a .safetensors, .npy, .npz or .pt file; a pickle's tensors are read without running it.

    Raises IncompleteError for a file that cannot be read, UsageError for other shapes or values that are no numbers.
    """
    try:
        stored = arrays_in(path)
        for one in stored:
            if not one.is_real:
                raise UsageError(
                    f"{path}: {one.name} holds values of type {one.dtype}, expected numbers", hint=HINT
                )
        rows = {one.name: one.read() for one in stored}
    except HeaderError as error:
        raise UsageError(f"{path}: {error.message}", hint=HINT) from error
    except (OSError, ValueError) as error:
        raise IncompleteError(f"{path}: cannot be read: {error}") from error
    sizes = {len(array) for array in rows.values() if array.ndim == 2}
    if not rows or len(sizes) != 1 or any(array.ndim != 2 for array in rows.values()):
        shapes = ", ".join(f"{name} {array.shape}" for name, array in rows.items()) or "no tensor"
        raise UsageError(
            f"{path}: {shapes}, expected tensors (rows, d_in) with as many rows",
            hint=HINT,
        )
    for name, array in rows.items():
        if not np.isfinite(array).all():
            raise UsageError(f"{path}: {name} holds NaN or infinity")
    return rows


def read_column(path: Path, n: int) -> list[str]:
    """One value for each row: a JSON list, an .npy array, or a line a row. Raises UsageError for another number of them."""
    try:
        if path.suffix == NUMPY:
            values = [str(value) for value in open_npy(path).tolist()]
        else:
            text = path.read_text(encoding="utf-8")
            values = [str(one) for one in json.loads(text)] if path.suffix == ".json" else text.splitlines()
    except HeaderError as error:
        raise UsageError(
            f"{path}: {error.message}", hint="a line a row, a JSON list, or an .npy array"
        ) from error
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise IncompleteError(f"{path}: cannot be read: {error}") from error
    if len(values) != n:
        raise UsageError(f"{path}: {len(values)} values, the activations have {n} rows")
    return values


def given(activations: Path, labels: Path | None = None, scenarios: Path | None = None) -> Given:
    """What the files hold. Raises HubkitError naming the file and what is wrong with it."""
    layers = read_activations(activations)
    n = len(next(iter(layers.values())))
    if labels is None:
        if scenarios is not None:
            raise UsageError(f"{scenarios}: scenarios without labels say nothing", hint="--labels FILE")
        return Given(layers)
    column = read_column(labels, n)
    kinds = sorted(set(column))
    if len(kinds) != 2:
        raise HubkitError(f"{labels}: {len(kinds)} labels ({', '.join(kinds[:5])}), expected two")
    where = read_column(scenarios, n) if scenarios else ["all"] * n
    return Given(layers, designed([one == kinds[0] for one in column], where), tuple(kinds))


def designed(positive: Sequence[bool], scenario: Sequence[str]) -> Design:
    """With folds dealt as those of a pool are."""
    truth, names = np.array(positive, dtype=bool), np.array(scenario, dtype=np.str_)
    folds = fold_of_labels(truth, numbered(names), FOLDS, "given rows")
    return Design(truth, names, np.array([f"fold{number}" for number in folds], dtype=np.str_))
