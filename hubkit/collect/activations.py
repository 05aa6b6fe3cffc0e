"""The residual stream of chosen blocks, pooled over chosen tokens of each completion. Needs torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch

from hubkit.engine.events import Event, Progress, silent
from hubkit.errors import HubkitError
from hubkit.inference.hooks import module_outputs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hubkit.inference.load import BaseModel

Pooling = Literal["mean", "last"]


@dataclass(frozen=True)
class Passage:
    """One sequence to run: prompt and completion, and the tokens of it to pool."""

    completion_id: str
    token_ids: tuple[int, ...]
    pooled: tuple[int, ...]
    """Positions in `token_ids`, rising, at least one."""


def pool_outputs(
    base: BaseModel,
    module_paths: Sequence[str],
    passages: Sequence[Passage],
    pooling: Pooling,
    *,
    batch_size: int = 32,
    report: Progress = silent,
) -> dict[str, np.ndarray]:
    """The outputs of the modules, pooled per passage: path -> (n, d) float32.

    `mean` is over the pooled positions, `last` is the last of them; a module that gives a tuple counts with its first element.
    One forward pass per batch. Raises HubkitError naming module and completion when a value is NaN or infinite.
    """
    pooled: dict[str, list[np.ndarray]] = {path: [] for path in module_paths}
    for start in range(0, len(passages), batch_size):
        batch = passages[start : start + batch_size]
        outputs = module_outputs(base, module_paths, [passage.token_ids for passage in batch])
        for path in module_paths:
            rows = _pool(outputs[path], batch, pooling).cpu().numpy()
            _refuse_non_finite(rows, path, batch)
            pooled[path].append(rows)
        report(Event("collect", start + len(batch), len(passages), "activations"))
    return {path: np.concatenate(parts) for path, parts in pooled.items()}


def _pool(output: Any, batch: Sequence[Passage], pooling: Pooling) -> Any:
    """(rows, positions, d) -> (rows, d) in float32."""
    rows = []
    for row, passage in enumerate(batch):
        positions = passage.pooled if pooling == "mean" else passage.pooled[-1:]
        rows.append(output[row, list(positions)].float().mean(0))
    return torch.stack(rows)


def _refuse_non_finite(rows: np.ndarray, path: str, batch: Sequence[Passage]) -> None:
    finite = np.isfinite(rows).all(axis=1)
    if not finite.all():
        first = batch[int(np.argmin(finite))].completion_id
        raise HubkitError(
            f"{path}: NaN or infinite activations in completion {first} ({int((~finite).sum())} of {len(batch)} in its batch), "
            "expected finite numbers",
            hint="use precision: bfloat16 or float32 in the study file",
        )
