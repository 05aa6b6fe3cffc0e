"""Taking files of elsewhere into the work folder: checked whole before anything is written, their record last. Torch-free."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import Field

from hubkit.collect.imports.caches import TENSOR_AFTER, read_cache
from hubkit.collect.imports.rows import ImportedRow, read_rows, refuse_strangers
from hubkit.collect.judges.column import FILE
from hubkit.errors import UsageError
from hubkit.inference.site import RESID_POST
from hubkit.models.base_width import base_width
from hubkit.release.digests import sha256_of_file, sha256_of_json
from hubkit.release.layout import IMPORTED
from hubkit.release.model import Artefact
from hubkit.release.pool import TENSOR
from hubkit.release.writing import replacing

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hubkit.collect.plan import CollectPlan

RECORD = "import.json"


class ImportRecord(Artefact):
    """What lies in `imported/`, written last: without it nothing is imported."""

    schema_: Literal["urn:hubkit:import:1"] = Field(default="urn:hubkit:import:1", alias="$schema")
    files: dict[str, str]
    """Name of each file as it was given (with `#` the tensor in it) to its sha256."""
    layers: list[int]
    """Blocks whose activations were imported; none where hubkit runs the model on the completions."""

    @property
    def sha256(self) -> str:
        """Digest of everything that was imported."""
        return sha256_of_json(self.model_dump(mode="json"))


def imported_in(out: Path) -> ImportRecord | None:
    """The record of the work folder's import; None where nothing was imported. Raises IncompleteError where it cannot be read."""
    path = out / IMPORTED / RECORD
    return ImportRecord.load(path) if path.exists() else None


def take_in(plan: CollectPlan, out: Path, completions: Path, caches: Mapping[int, str]) -> ImportRecord:
    """Copy `completions` and the activations of `caches` (block -> `FILE` or `FILE#TENSOR`) into the work folder of `plan`.

    An import takes the place of an earlier one, and of sampling. Raises UsageError for everything that does not fit together.
    """
    rows = read_rows(completions)
    refuse_strangers(completions, rows, {one.key for one in plan.scenarios})
    if caches and set(caches) != set(plan.layers):
        raise UsageError(
            f"activations of blocks {sorted(caches)}, the study has {sorted(plan.layers)}; expected the same",
            hint="--activations LAYER=FILE for each layer of the study file, or none: then the model is run",
        )
    if caches and plan.sites != (RESID_POST,):
        raise UsageError(
            f"the study has the sites {', '.join(plan.sites)}; activations of {RESID_POST} alone can be imported",
            hint="leave out `sites`, or leave out --activations: then the model is run",
        )
    if not caches and any(not row.text and not row.token_ids for row in rows):
        raise UsageError(
            f"{completions}: completions without text, and no activations of them",
            hint="--activations LAYER=FILE, or the texts: hubkit then runs the model on them",
        )
    folder = out / IMPORTED
    (folder / RECORD).unlink(missing_ok=True)
    files = {completions.name: sha256_of_file(completions)}
    width = base_width(plan.model, plan.model_name)
    for layer, source in sorted(caches.items()):
        found = read_cache(source)
        _refuse_misfit(source, found, rows, width)
        width = found.shape[1]
        _save(folder / layer_file(layer), found)
        path, mark, tensor = source.partition(TENSOR_AFTER)
        files[f"{Path(path).name}{mark}{tensor}"] = sha256_of_file(Path(path))
    with replacing(folder / FILE) as temporary:
        shutil.copyfile(completions, temporary)
    record = ImportRecord(files=files, layers=sorted(caches))
    record.save(folder / RECORD)
    return record


def layer_file(layer: int) -> str:
    """Name of a block's activations below `imported/`."""
    return f"layer_{layer:02d}.safetensors"


def _refuse_misfit(
    source: str, found: NDArray[np.float32], rows: Sequence[ImportedRow], width: int | None
) -> None:
    """Raise UsageError where the matrix is not one of these completions."""
    used = [row for row in rows if row.row is not None]
    places = [row.row for row in used]
    last = max((place for place in places if place is not None), default=-1)
    if len(set(places)) != len(places):
        twice = next(row for row in used if places.count(row.row) > 1)
        raise UsageError(
            f"line {twice.line}: row {twice.row} is that of another completion as well, expected each once"
        )
    whole = len(used) == len(rows) and last == len(rows) - 1
    if last >= len(found) or (whole and len(found) != len(rows)):
        raise UsageError(
            f"{source}: {len(found):,} rows, the completions need {last + 1:,}; expected a row for each of {len(rows):,} lines",
            hint='say with "row" in each line which row of the activations is its; null for a completion that has none',
        )
    if width is not None and found.shape[1] != width:
        raise UsageError(
            f"{source}: {found.shape[1]} wide, expected {width}, as the model and the other layers are"
        )
    for row in used:
        if not np.isfinite(found[row.row]).all():
            raise UsageError(
                f"{source}: NaN or infinite in row {row.row}, completion {row.completion_id} (line {row.line})",
                hint='take it anew at a wider precision, or leave the completion out: "row": null',
            )


def _save(path: Path, found: NDArray[np.float32]) -> None:
    from safetensors.numpy import save_file

    with replacing(path) as temporary:
        save_file({TENSOR: np.ascontiguousarray(found, np.float32)}, temporary)
