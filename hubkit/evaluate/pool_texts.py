"""The texts of a pool's completions, which lie beside its activations."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from hubkit.errors import IncompleteError
from hubkit.release.layout import COMPLETIONS, PUBLISHED_COMPLETIONS

if TYPE_CHECKING:
    from pathlib import Path

    from hubkit.release.pool import PoolManifest

NAMES = ["completion_id", "text"]


def pool_texts(pool_folder: Path, manifest: PoolManifest) -> list[str] | None:
    """The text of each row's completion; None where the pool keeps none. Raises IncompleteError for a table that cannot be read."""
    known = _table(pool_folder.parent / COMPLETIONS)
    if known is None:
        known = _lines(pool_folder.parent / PUBLISHED_COMPLETIONS)
    if known is None or any(row.completion_id not in known for row in manifest.rows):
        return None
    return [known[row.completion_id] for row in manifest.rows]


def _table(path: Path) -> dict[str, str] | None:
    """Completion to text, of a work folder; None where there is no such file."""
    if not path.is_file():
        return None
    import pyarrow as pa
    from pyarrow import parquet

    try:
        with path.open("rb") as file:
            table = parquet.read_table(file, columns=NAMES)
    except (OSError, pa.ArrowInvalid) as error:
        raise IncompleteError(
            f"{path}: not readable as completions: {error}", hint="hubkit collect STUDY.yaml"
        ) from error
    ids, texts = (table.column(name).to_pylist() for name in NAMES)
    return dict(zip(map(str, ids), map(str, texts), strict=True))


def _lines(path: Path) -> dict[str, str] | None:
    """The same of the pool that a release carries."""
    if not path.is_file():
        return None
    try:
        with path.open(encoding="utf-8") as file:
            rows = [json.loads(line) for line in file]
        return {str(row["completion_id"]): str(row["text"]) for row in rows}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise IncompleteError(f"{path}: not readable as completions: {error!r}") from error
