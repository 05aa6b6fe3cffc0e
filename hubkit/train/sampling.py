"""Which rows a step sees, and their scale."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

from hubkit.errors import HubkitError

if TYPE_CHECKING:
    from hubkit.train.member import Member

BLOCK = 1 << 24
"""Numbers that are converted to float64 at a time: pools may be larger than memory."""


class Order:
    """The rows of one SAE's batches: permutations of all n rows end to end, cut into batches of one constant size.

    They depend on n, the size and the seed alone, and are drawn as they are used.
    """

    def __init__(self, n: int, size: int, seed: int) -> None:
        self.n, self.size = n, size
        self.generator = torch.Generator().manual_seed(seed)
        self.left = torch.empty(0, dtype=torch.int64)

    def take(self, steps: int) -> torch.Tensor:
        """Row numbers (steps, size) of the next batches."""
        needed = steps * self.size
        parts, found = [self.left], len(self.left)
        while found < needed:
            parts.append(torch.randperm(self.n, generator=self.generator))
            found += self.n
        rows = torch.cat(parts)
        self.left = rows[needed:]
        return rows[:needed].view(steps, self.size)


def input_scale(rows: torch.Tensor, sae_id: str) -> float:
    """s such that the mean of ||s x|| over `rows` (n, d_in) is sqrt(d_in). Raises HubkitError where there is none."""
    n, d_in = rows.shape
    if n < 2:
        raise HubkitError(
            f"{sae_id}: {n} rows to train on, expected at least 2", hint="collect more completions"
        )
    norm = math.fsum(float(block.double().norm(dim=1).sum()) for block in rows.split(_rows_at_once(rows))) / n
    if not math.isfinite(norm) or norm == 0:
        raise HubkitError(
            f"{sae_id}: the mean norm of its activations is {norm}", hint="collect the activations again"
        )
    return float(math.sqrt(d_in) / norm)


def mean_of(rows: torch.Tensor) -> torch.Tensor:
    """The mean (d_in,) of `rows` (n, d_in), summed in float64."""
    total = torch.zeros(rows.shape[1], dtype=torch.float64)
    for block in rows.split(_rows_at_once(rows)):
        total += block.double().sum(dim=0)
    return (total / len(rows)).to(torch.float32)


def _rows_at_once(rows: torch.Tensor) -> int:
    return max(1, BLOCK // int(rows.shape[1]))


def order_of(member: Member) -> Order:
    """The batches of `member`."""
    n = len(member.rows)
    return Order(n, member.spec.batch_for(n), member.spec.seed)
