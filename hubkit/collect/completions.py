"""`completions.parquet`: every sampled completion, also those that no judge could decide. Needs pyarrow, not torch."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from hubkit.errors import IncompleteError
from hubkit.release.pool import SampledHow
from hubkit.release.writing import replacing

if TYPE_CHECKING:
    from pathlib import Path

SAMPLED_KEY = b"hubkit.completions_sha256"
"""Footer entry: which model, prompts and sampling the texts come from."""
PROMPTS_KEY = b"hubkit.prompts_sha256"
"""Footer entry: which prompts the completions go on from, whatever drew them."""
HOW_KEY = b"hubkit.sampled_how"
"""Footer entry: batch size, threads and padding, by which any completion can be drawn again to the last digit."""


@dataclass(frozen=True)
class Source:
    """Where the texts of a table come from."""

    sampled_sha256: str
    prompts_sha256: str
    how: SampledHow | None = None
    """None where they were imported."""


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
    control: str = ""
    """What it is a control of (`scenarios.Control`); empty for what the pool is made of."""
    ended: str = ""
    """`end token`, `stop string` or `limit`."""
    label: str | None = None
    label_unflipped: str | None = None
    """Without the noise that a study may add on purpose; never an input of training."""
    judge: str = ""
    reason: str = ""
    commit_span: tuple[int, int] | None = None
    """Characters of `text`, start and end."""
    split: str | None = None
    """The outer fold that holds this row out; None without a label, and for controls."""

    @property
    def decisive(self) -> bool:
        """Whether it is a row of the pool."""
        return self.label is not None and not self.control


def write_completions(path: Path, completions: list[Completion], source: Source) -> None:
    """Write the table in one step, in the order given."""
    import pyarrow as pa
    from pyarrow import parquet

    rows = [asdict(completion) for completion in completions]
    columns = {name: [row[name] for row in rows] for name in Completion.__dataclass_fields__}
    footer = {
        SAMPLED_KEY: source.sampled_sha256.encode(),
        PROMPTS_KEY: source.prompts_sha256.encode(),
    }
    if source.how is not None:
        footer[HOW_KEY] = source.how.model_dump_json().encode()
    table = pa.table(columns, schema=_schema().with_metadata(footer))
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
    return [as_completion(row) for row in table.to_pylist()]


def source_of(path: Path) -> Source | None:
    """Where the texts of the table at `path` come from; None when there is no such table."""
    found = _footer(path)
    try:
        how = SampledHow.model_validate_json(found[HOW_KEY]) if HOW_KEY in found else None
        return Source(found[SAMPLED_KEY].decode(), found[PROMPTS_KEY].decode(), how)
    except (KeyError, ValueError):
        return None


def _footer(path: Path) -> dict[bytes, bytes]:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        with path.open("rb") as file:
            return parquet.read_schema(file).metadata or {}
    except (OSError, pa.ArrowInvalid):
        return {}


def as_completion(row: dict[str, Any]) -> Completion:
    """A row as JSON or a table has it."""
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
