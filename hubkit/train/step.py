"""What one training step found out about its batch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from hubkit.train.sparse import SparseEntries


@dataclass(frozen=True)
class Step:
    """Nothing here has a gradient."""

    loss: torch.Tensor
    sae_out: torch.Tensor
    """(B, d_in)."""
    acts: torch.Tensor
    """(B, d_sae), or one value for each of `entries`."""
    entries: SparseEntries | None = None

    @property
    def l0(self) -> torch.Tensor:
        """Mean number of active latents in a row."""
        return torch.count_nonzero(self.acts) / len(self.sae_out)

    @property
    def fired(self) -> torch.Tensor:
        """(d_sae,) bool: latents active on some row."""
        active = self.acts != 0
        if self.entries is None:
            # The maximum of bytes is found twenty times sooner than `any` of a column.
            return active.view(torch.uint8).amax(dim=0).view(torch.bool)
        fired = torch.zeros(self.entries.n_columns, dtype=torch.bool)
        fired[self.entries.columns[active]] = True
        return fired


def explained_variance(
    x: torch.Tensor, reconstruction: torch.Tensor, shares: torch.Tensor | None = None
) -> torch.Tensor:
    """1 - sum |x - x^|^2 / sum |x - mean(x)|^2 over the rows of (..., B, d_in); one value for each leading index.

    In batches that are filled up, `shares` (..., B) is what each row counts for in a mean: 1 / n of the n that are there, else 0.
    """
    if shares is None:
        left = (x - reconstruction).square().sum(dim=(-2, -1))
        return 1.0 - left / (x - x.mean(dim=-2, keepdim=True)).square().sum(dim=(-2, -1))
    mean = (x * shares[..., None]).sum(dim=-2, keepdim=True)
    left, total = ((one.square().sum(dim=-1) * shares).sum(dim=-1) for one in (x - reconstruction, x - mean))
    return 1.0 - left / total
