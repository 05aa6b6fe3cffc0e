"""In what precision a GPU takes products of float32 matrices."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Iterator

TORCHS = {"fp32": "highest", "tf32": "high"}


@contextmanager
def products(setting: str | None, device: torch.device) -> Iterator[None]:
    """`fp32` (None, too) or `tf32` inside the block, whatever else of this process has asked for; torch's setting is the process's, and is put back. A CPU has one way only."""
    if device.type != "cuda":
        yield
        return
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision(TORCHS[setting or "fp32"])
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before)
