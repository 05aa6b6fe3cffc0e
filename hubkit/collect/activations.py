"""What chosen modules give for the tokens of completions, pooled and written row by row. Needs torch."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from hubkit.collect.row_files import RowFile
from hubkit.engine.events import Event, Progress, silent
from hubkit.errors import HubkitError
from hubkit.inference.hooks import recorded
from hubkit.inference.prompts import Prompts
from hubkit.words import human_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from hubkit.collect.plan import Pooling
    from hubkit.inference.load import BaseModel

    Rows = Mapping[str, NDArray[np.float32]]
    """Module path -> (rows, d)."""

POOLED: dict[Pooling, Callable[[Any], Any]] = {
    "mean": lambda chosen: chosen.mean(0, keepdim=True),
    "first": lambda chosen: chosen[:1],
    "last": lambda chosen: chosen[-1:],
    "all": lambda chosen: chosen,
}
"""From the pooled tokens (tokens, d) to rows."""


@dataclass(frozen=True)
class Passage:
    """One completion to run behind its prompt, and the tokens of it to pool."""

    completion_id: str
    prompt: tuple[int, ...]
    token_ids: tuple[int, ...]
    pooled: tuple[int, ...]
    """Positions in `token_ids`, rising, at least one."""

    def rows(self, pooling: Pooling) -> int:
        """How many rows it gives."""
        return len(self.pooled) if pooling == "all" else 1


def pool_outputs(
    base: BaseModel,
    module_paths: Sequence[str],
    batch: Sequence[Passage],
    pooling: Pooling,
    prompts: Prompts | None = None,
) -> Rows:
    """The outputs of the modules, pooled per passage: path -> (rows, d) float32.

    `mean` is over the pooled positions, `first` and `last` are one of them, `all` is a row for each; a module that gives a tuple counts with its first
    element. One forward pass of the responses alone, behind prompts that are run once (`prompts` keeps them from batch to batch). Raises HubkitError
    naming module and completion when a value is NaN or infinite.
    """
    begun = (prompts or Prompts(base)).begin([passage.prompt for passage in batch])
    ids = torch.zeros((len(batch), max(len(passage.token_ids) for passage in batch)), dtype=torch.int64)
    mask = torch.zeros_like(ids)
    for row, passage in enumerate(batch):
        ids[row, : len(passage.token_ids)] = torch.tensor(passage.token_ids)
        mask[row, : len(passage.token_ids)] = 1
    with recorded(base.model, module_paths) as outputs:
        begun.go_on(ids, mask, head=False)
    return {path: _pool(path, outputs[path], batch, pooling) for path in module_paths}


def pool_states(states: Rows, passages: Sequence[Passage], offsets: Sequence[int], pooling: Pooling) -> Rows:
    """The same of states that were kept while sampling: `states` (tokens, d), those of a passage beginning at its offset."""
    found = {}
    for path, tokens in states.items():
        rows = [
            torch.from_numpy(tokens[offset : offset + len(passage.token_ids)])
            for passage, offset in zip(passages, offsets, strict=True)
        ]
        found[path] = _pool(path, rows, passages, pooling)
    return found


def write_rows(
    files: Sequence[tuple[str, RowFile]],
    batches: Iterable[Rows],
    there: Sequence[int],
    total: int,
    report: Progress = silent,
) -> None:
    """Append every batch to the files of its modules, and put the whole files in their places. `there` are the rows of the batches that are there."""
    done = sum(there)
    for rows in batches:
        for path, file in files:
            file.append(rows[path])
        done += len(next(iter(rows.values())))
        report(Event("activations", done, total, "rows"))
    for _, file in files:
        file.finish()


def finished_batches(files: Sequence[tuple[str, RowFile]], sizes: Sequence[int]) -> int:
    """How many batches are there in every file; rows behind them, of a batch that a kill cut short, are taken away."""
    there = min(file.rows for _, file in files)
    ends = np.cumsum(sizes)
    finished = int(np.searchsorted(ends, there, side="right"))
    for _, file in files:
        file.truncate(int(ends[finished - 1]) if finished else 0)
    return finished


def refuse_small_disk(folder: Path, needed: int) -> None:
    """Raise HubkitError when `needed` bytes will not fit where `folder` is."""
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise HubkitError(
            f"{folder}: the activations need {human_bytes(needed)}, and {human_bytes(free)} are free",
            hint="make room on that disk, take fewer layers, or another folder: hubkit collect STUDY.yaml --folder FOLDER",
        )


def _pool(path: str, output: Any, batch: Sequence[Passage], pooling: Pooling) -> NDArray[np.float32]:
    """Of each passage (positions, d) -> (rows, d) float32."""
    rows = []
    for states, passage in zip(output, batch, strict=True):
        chosen = states[list(passage.pooled)].float()
        rows.append(POOLED[pooling](chosen))
    pooled: NDArray[np.float32] = torch.cat(rows).cpu().numpy()
    finite = np.asarray(np.isfinite(pooled).all(axis=1))
    if not bool(finite.all()):
        owner = [passage.completion_id for passage in batch for _ in range(passage.rows(pooling))]
        bad = {name for name, good in zip(owner, finite.tolist(), strict=True) if not good}
        raise HubkitError(
            f"{path}: NaN or infinite activations in completion {owner[int(np.argmin(finite))]} "
            f"({len(bad)} of {len(batch)} in its batch), expected finite numbers",
            hint="use precision: bfloat16 or float32 in the study file",
        )
    return pooled
