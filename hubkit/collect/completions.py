"""`completions.parquet`: every sampled completion, also those that no judge could decide. Needs pyarrow, not torch."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from hubkit.errors import IncompleteError
from hubkit.release.writing import replacing, write_bytes

if TYPE_CHECKING:
    from pathlib import Path

SAMPLED_KEY = b"hubkit.completions_sha256"
"""Footer entry: which model, prompts and sampling the texts come from."""


@dataclass(frozen=True)
class Completion:
    """One row of `completions.parquet`."""

    completion_id: str
    scenario_id: str
    variant: str
    text: str
    token_ids: tuple[int, ...]
    """Without the prompt and the end token."""
    seed: int
    label: str | None = None
    label_unflipped: str | None = None
    """Without the noise that a study may add on purpose; never an input of training."""
    judge: str = ""
    reason: str = ""
    commit_span: tuple[int, int] | None = None
    """Characters of `text`, start and end."""
    split: str | None = None
    """The outer fold that holds this row out; None where `label` is."""


def write_completions(path: Path, completions: list[Completion], sampled_sha256: str) -> None:
    """Write the table in one step, in the order given."""
    import pyarrow as pa
    from pyarrow import parquet

    rows = [asdict(completion) for completion in completions]
    columns = {name: [row[name] for row in rows] for name in Completion.__dataclass_fields__}
    table = pa.table(columns, schema=_schema().with_metadata({SAMPLED_KEY: sampled_sha256.encode()}))
    with replacing(path) as temporary:
        parquet.write_table(table, temporary)


def read_completions(path: Path) -> list[Completion]:
    """The rows of `completions.parquet`. Raises IncompleteError when it is missing or not such a table."""
    import pyarrow as pa
    from pyarrow import parquet

    try:
        with path.open("rb") as file:
            table = parquet.read_table(file)
        if not table.schema.equals(_schema(), check_metadata=False):
            raise IncompleteError(
                f"{path}: columns {table.schema.names}, expected {_schema().names} and their types"
            )
    except (OSError, pa.ArrowInvalid) as error:
        raise IncompleteError(
            f"{path}: not readable as completions: {error}", hint="hubkit collect STUDY.yaml"
        ) from error
    return [_completion(row) for row in table.to_pylist()]


def sampled_sha256(path: Path) -> str | None:
    """Which sampling the table at `path` holds; None when there is no such table."""
    import pyarrow as pa
    from pyarrow import parquet

    try:
        with path.open("rb") as file:
            found = (parquet.read_schema(file).metadata or {}).get(SAMPLED_KEY)
    except (OSError, pa.ArrowInvalid):
        return None
    return None if found is None else str(found.decode())


def write_part(path: Path, completions: list[Completion], sampled_sha256: str) -> None:
    """Keep the completions of one scenario until all are there."""
    part = {
        "sampled_sha256": sampled_sha256,
        "completions": [asdict(completion) for completion in completions],
    }
    write_bytes(path, json.dumps(part).encode())


def read_part(path: Path, sampled_sha256: str) -> list[Completion] | None:
    """The completions of one scenario if they are there and of this sampling."""
    try:
        part = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    if part["sampled_sha256"] != sampled_sha256:
        return None
    return [_completion(row) for row in part["completions"]]


def _completion(row: dict[str, Any]) -> Completion:
    span = row["commit_span"]
    return Completion(
        **{
            **row,
            "token_ids": tuple(row["token_ids"]),
            "commit_span": None if span is None else (span[0], span[1]),
        }
    )


def _schema() -> Any:
    import pyarrow as pa

    types = {
        "token_ids": pa.list_(pa.int32()),
        "seed": pa.int64(),
        "commit_span": pa.list_(pa.int32(), 2),
    }
    return pa.schema([(name, types.get(name, pa.string())) for name in Completion.__dataclass_fields__])
