"""SAELens's losses of a batch that was filled up: they are means over rows, and the rows that were added count for nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.overrides import TorchFunctionMode

from hubkit.errors import HubkitError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class TrueRows(TorchFunctionMode):  # type: ignore[misc]
    """Inside, the mean over the rows of a batch is that over the rows that are there.

    SAELens's losses are one number for each row, and then `.mean()`. What a row adds to such a sum it adds to the gradient: nothing, times a finite number, where it
    only fills up. Raises HubkitError for any other mean, which nobody has looked at.
    """

    def __init__(self, shares: torch.Tensor) -> None:
        """`shares` (B,): 1 / n for the n rows that are there, 0 for the others."""
        super().__init__()
        self.shares = shares

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Sequence[Any] = (), kwargs: Any = None
    ) -> Any:
        """`func`, means apart."""
        del types
        if func not in (torch.mean, torch.Tensor.mean):
            return func(*args, **(kwargs or {}))
        rows = args[0]
        if len(args) > 1 or kwargs or rows.shape != self.shares.shape:
            raise HubkitError(
                f"a loss has a mean over {tuple(rows.shape)}, expected one over the {len(self.shares)} rows of a batch",
                hint="give all SAEs one batch_size, which no condition has fewer rows than: then nothing is filled up",
            )
        return (rows * self.shares).sum()


def shares_of(sizes: Sequence[int], dtype: torch.dtype) -> torch.Tensor | None:
    """What each row of batches of `sizes`, filled up to the widest, counts for in a mean, (S, B); None where all are as wide."""
    widest = max(sizes)
    if min(sizes) == widest:
        return None
    there = torch.tensor(sizes, dtype=torch.float64)[:, None]
    return torch.where(torch.arange(widest) < there, 1.0 / there, 0.0).to(dtype)


def filled(rows: torch.Tensor, width: int) -> torch.Tensor:
    """Row numbers (steps, size) as (steps, width): the batch's own first row fills it up, so that no number comes in that the SAE does not train on."""
    return torch.cat([rows, rows[:, :1].expand(-1, width - rows.shape[1])], dim=1)
