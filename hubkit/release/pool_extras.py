"""What is kept beside a pool to say what its labels mean: rows that no SAE is trained on (`activations/extras.json`)."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, ClassVar, Literal, get_args

from pydantic import Field

from hubkit.errors import IncompleteError
from hubkit.release.activations import read_rows
from hubkit.release.layout import EXTRAS, MANIFEST
from hubkit.release.model import Artefact
from hubkit.release.pool import Activations, PoolLayer

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from hubkit.release.pool import PoolManifest

SetName = Literal["controls", "distances", "swapped", "deleted"]
"""`controls`: decided completions of the study's controls, pooled as the pool is. `distances`: single tokens, counted from the committing word.
`swapped`, `deleted`: the pool's completions run again with the word of the other label in place of theirs, or with none, pooled over the same tokens."""

SETS: tuple[SetName, ...] = get_args(SetName)


class ExtraRow(Artefact):
    """One row of every file of its set."""

    left_out: ClassVar[frozenset[str]] = frozenset(
        {"variant", "control", "split", "distance", "token", "replaced", "by"}
    )

    completion_id: str
    scenario_id: str
    variant: str = ""
    """The wording of the scenario; of a control with the facts turned, `turned`."""
    control: Literal["", "turned", "neutral"] = ""
    """Empty for a completion of the pool."""
    label: str
    """What was chosen, as the judge gave it: by the word, whatever the facts are; of a swapped or deleted word, the label of the word that had been there."""
    split: str | None = None
    """The outer fold that holds the completion out. Those of the controls are dealt by the same rule among the controls of one kind; None where they are too few."""
    distance: int | None = None
    """Tokens behind the committing word: 0 is its last token, 1 the first behind it."""
    token: int | None = None
    """Which token of the completion it is (after the word was swapped or deleted), where a row is of one."""
    replaced: tuple[int, int] | None = Field(default=None, strict=False)
    """Tokens of the completion, start and end, that were taken out."""
    by: tuple[int, ...] = Field(default=(), strict=False)
    """The token ids that were put in their place."""


class ExtraSet(Artefact):
    """Rows of one kind, with a file for each layer and site of the pool, as `PoolLayer` says."""

    name: SetName
    rows: list[ExtraRow]
    without: int = Field(default=0, ge=0)
    """Completions that were asked for and give no row: no committing word is known, or no token is there to pool."""
    layers: list[PoolLayer]

    def layer(self, layer: int) -> PoolLayer:
        """The entry of block `layer`, of the first site. Raises KeyError."""
        for entry in self.layers:
            if entry.layer == layer:
                return entry
        raise KeyError(layer)


class PoolExtras(Artefact):
    """Written last, beside the pool's manifest. The pool and whatever is trained on it do not depend on this."""

    schema_: Literal["urn:hubkit:pool-extras:1"] = Field(default="urn:hubkit:pool-extras:1", alias="$schema")
    pool_sha256: str
    """`inputs_sha256` of the pool."""
    d_in: int
    distances: list[int]
    """Those that were asked for; a completion has a row for each that it is long enough for."""
    activations: Activations
    sets: list[ExtraSet]
    inputs_sha256: str
    """Digest of everything these rows were made from."""

    def named(self, name: SetName) -> ExtraSet | None:
        """The set of a name; None where it was not asked for, or no completion gave a row."""
        return next((one for one in self.sets if one.name == name), None)


def read_extras(pool_folder: Path, manifest: PoolManifest) -> PoolExtras | None:
    """What was kept beside a pool; None where nothing was. Raises IncompleteError when it is of another pool."""
    path = pool_folder / EXTRAS
    if not path.is_file():
        return None
    found = PoolExtras.load(path)
    if found.pool_sha256 != manifest.inputs_sha256:
        raise IncompleteError(
            f"{path}: kept beside another pool than the one of {MANIFEST}", hint="hubkit collect STUDY.yaml"
        )
    return found


def forget_extras(pool_folder: Path, but: Collection[str] = ()) -> None:
    """Take away the sets of an earlier plan that lie beside a pool, all but those of these names."""
    if not but:
        (pool_folder / EXTRAS).unlink(missing_ok=True)
    for name in set(SETS) - set(but):
        shutil.rmtree(pool_folder / name, ignore_errors=True)


def read_extra(
    pool_folder: Path, extras: PoolExtras, kept: ExtraSet, entry: PoolLayer
) -> NDArray[np.float32]:
    """The activations (n, d_in) of one layer and site of a set, row i that of `kept.rows[i]`. Raises IncompleteError when the file is not the one of the set."""
    return read_rows(pool_folder, entry, (len(kept.rows), extras.d_in))
