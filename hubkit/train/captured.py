"""A step of a stack as a CUDA graph: on a GPU the hundreds of kernels of a small step are started at once. Not tried: it was written where there is no GPU."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Callable

    from hubkit.train.mapped import Settings


class CapturedStep:
    """`step` for batches and settings of one shape, recorded once and then replayed."""

    def __init__(
        self, step: Callable[[torch.Tensor, Settings], Any], x: torch.Tensor, settings: Settings
    ) -> None:
        """Records, which moves nothing. Raises RuntimeError where that cannot be done."""
        if x.device.type != "cuda":
            raise RuntimeError(f"CUDA graphs are for CUDA devices, this is {x.device}")
        self._x, self._settings = x.clone(), settings.like([one.clone() for one in settings.tensors])
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph):
            self._found = step(self._x, self._settings)

    def __call__(self, x: torch.Tensor, settings: Settings) -> Any:
        """What `step` gives, in tensors that the next call writes over."""
        self._x.copy_(x)
        for place, given in zip(self._settings.tensors, settings.tensors, strict=True):
            place.copy_(given)
        self._graph.replay()
        return self._found
