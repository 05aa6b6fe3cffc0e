"""In what precision a GPU takes products of float32 matrices."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def products(setting: str | None, device: torch.device) -> Iterator[None]:
    """`fp32` (None, too) or `tf32` inside the block, whatever else of this process has asked for; torch's setting is the process's, and is put back.

    It is CUDA's own, and not `set_float32_matmul_precision`, which a CPU follows too: SAEs are proven there beside the training.
    """
    if device.type != "cuda":
        yield
        return
    before = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = setting == "tf32"
    try:
        yield
    finally:
        torch.backends.cuda.matmul.allow_tf32 = before
