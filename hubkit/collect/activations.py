"""The residual stream of chosen blocks, by forward hooks, pooled over chosen tokens of each completion. Needs torch."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch

from hubkit.engine.events import Event, Progress, silent
from hubkit.errors import HubkitError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from hubkit.collect.model import BaseModel

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
        outputs = _outputs(base, module_paths, batch)
        for path in module_paths:
            rows = _pool(outputs[path], batch, pooling).cpu().numpy()
            _refuse_non_finite(rows, path, batch)
            pooled[path].append(rows)
        report(Event("collect", start + len(batch), len(passages), "activations"))
    return {path: np.concatenate(parts) for path, parts in pooled.items()}


def _outputs(base: BaseModel, module_paths: Sequence[str], batch: Sequence[Passage]) -> Mapping[str, Any]:
    """Module path -> (rows, positions, d), from one pass.

    Padding is on the right and masked, so a token's position is its index and, attention being causal, no token sees padding.
    """
    longest = max(len(passage.token_ids) for passage in batch)
    ids = torch.zeros((len(batch), longest), dtype=torch.int64)
    mask = torch.zeros_like(ids)
    for row, passage in enumerate(batch):
        ids[row, : len(passage.token_ids)] = torch.tensor(passage.token_ids)
        mask[row, : len(passage.token_ids)] = 1
    device = base.model.device
    with torch.no_grad(), _recorded(base.model, module_paths) as outputs:
        # the backbone alone: the head would fill memory with (rows, positions, vocabulary) that nobody reads
        base.model.base_model(input_ids=ids.to(device), attention_mask=mask.to(device), use_cache=False)
    return outputs


@contextmanager
def _recorded(model: Any, module_paths: Sequence[str]) -> Iterator[dict[str, Any]]:
    """While the block runs, forward hooks put each module's output into the dictionary."""
    outputs: dict[str, Any] = {}

    def record(path: str) -> Any:
        def hook(_module: Any, _inputs: Any, output: Any) -> None:
            outputs[path] = output[0] if isinstance(output, tuple) else output

        return hook

    handles = [model.get_submodule(path).register_forward_hook(record(path)) for path in module_paths]
    try:
        yield outputs
    finally:
        for handle in handles:
            handle.remove()


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
