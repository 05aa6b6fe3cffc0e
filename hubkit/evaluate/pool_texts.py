"""The texts of a pool's completions, which lie beside its activations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubkit.errors import IncompleteError
from hubkit.release.layout import COMPLETIONS

if TYPE_CHECKING:
    from pathlib import Path

    from hubkit.release.pool import PoolManifest

NAMES = ["completion_id", "text"]


def pool_texts(pool_folder: Path, manifest: PoolManifest) -> list[str] | None:
    """The text of each row's completion; None where the pool keeps none. Raises IncompleteError for a table that cannot be read."""
    path = pool_folder.parent / COMPLETIONS
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
    known = dict(zip(ids, texts, strict=True))
    if any(row.completion_id not in known for row in manifest.rows):
        return None
    return [str(known[row.completion_id]) for row in manifest.rows]
