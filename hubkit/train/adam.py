"""Adam over a stack: torch's fused kernel, with a learning rate and an end for each SAE."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.optim.adam import adam

if TYPE_CHECKING:
    from collections.abc import Sequence

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8
"""torch.optim.Adam's, and SAELens's."""


class StackedAdam:
    """torch.optim.Adam(fused=True) for SAEs whose weights lie in stacks (S, ...)."""

    def __init__(self, weights: Sequence[torch.Tensor], groups: Sequence[Sequence[int]]) -> None:
        """`groups` are the numbers of those SAEs that have the same learning rate at every step, and as many steps; together they are all of the stack.

        One group is one call on the stacks themselves, several are a call for each on the SAEs' own parts of them.
        """
        self.groups = [list(group) for group in groups]
        self.weights = self._grouped(weights)
        # SAELens keeps thresholds in float32 beside wider weights: each has moments of its own type.
        self.averages = self._grouped([torch.zeros_like(weight) for weight in weights])
        self.squares = self._grouped([torch.zeros_like(weight) for weight in weights])
        device = weights[0].device
        self.steps = [
            [torch.zeros((), dtype=torch.float32, device=device) for _ in parts] for parts in self.weights
        ]

    def step(
        self, gradients: Sequence[torch.Tensor], rates: torch.Tensor, ended: torch.Tensor | None
    ) -> None:
        """Move the weights against `gradients`, in their order, with `rates` (S,), except where `ended` (S,) is 1: there weights, moments and counts stay to the bit."""
        for number, (group, parts) in enumerate(zip(self.groups, self._grouped(gradients), strict=True)):
            adam(
                self.weights[number],
                parts,
                self.averages[number],
                self.squares[number],
                [],
                self.steps[number],
                fused=True,
                # What the kernel has for steps that mixed precision leaves out; it is read on the device.
                found_inf=None if ended is None else ended[group[0]],
                amsgrad=False,
                beta1=BETA1,
                beta2=BETA2,
                lr=rates[group[0]],
                weight_decay=0.0,
                eps=EPSILON,
                maximize=False,
            )

    def _grouped(self, stacks: Sequence[torch.Tensor]) -> list[list[torch.Tensor]]:
        """The tensors (S, ...) as the kernel gets them, for each group."""
        if len(self.groups) == 1:
            return [list(stacks)]
        parts = [stack.unbind(0) for stack in stacks]
        return [[each[index] for index in group for each in parts] for group in self.groups]
