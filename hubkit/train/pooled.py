"""The activations of a stack's members where its device can gather batches from them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from hubkit.train.footprint import RESIDENT

if TYPE_CHECKING:
    from collections.abc import Sequence


class Pools:
    """Gathers batches. Members that share their rows share the copy: on the device up to `resident` bytes, beyond that where they lie."""

    def __init__(
        self,
        rows: Sequence[torch.Tensor],
        device: torch.device,
        dtype: torch.dtype,
        *,
        resident: int = RESIDENT,
    ) -> None:
        self.device, self.dtype = device, dtype
        self.rows = list(rows)
        distinct = {_identity(part): part for part in rows}
        self.resident: torch.Tensor | None = None
        if device.type != "cpu" and sum(part.nbytes for part in distinct.values()) <= resident:
            starts, start = {}, 0
            for key, part in distinct.items():
                starts[key] = start
                start += len(part)
            self.resident = torch.cat([part.to(device, dtype) for part in distinct.values()])
            self.starts = torch.tensor([starts[_identity(part)] for part in rows])

    def place(self, order: torch.Tensor) -> torch.Tensor:
        """Row numbers (steps, S, batch) in the form that `batch` takes."""
        if self.resident is None:
            return order
        return (order + self.starts[:, None]).to(self.device)

    def batch(self, rows: torch.Tensor) -> torch.Tensor:
        """The activations (S, batch, d_in) of the placed row numbers (S, batch)."""
        if self.resident is not None:
            return self.resident[rows]
        parts = [part[chosen].to(self.dtype) for part, chosen in zip(self.rows, rows, strict=True)]
        return torch.stack(parts).to(self.device)


def _identity(rows: torch.Tensor) -> tuple[int, tuple[int, ...], tuple[int, ...]]:
    return rows.data_ptr(), tuple(rows.shape), rows.stride()
