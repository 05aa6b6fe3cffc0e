"""The learning rate and the penalty's weight at each step, as SAELens sets them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from sae_lens.training.optim import CoefficientScheduler, get_lr_scheduler

if TYPE_CHECKING:
    from hubkit.train.spec import SaeSpec

LR_END = 0.1
"""Share of lr with which a cosine ends: SAELens's default."""


def learning_rates(spec: SaeSpec, steps: int) -> list[float]:
    """The learning rate of each of `steps` steps, from SAELens's own scheduler."""
    if spec.lr_schedule == "constant" and spec.lr_warm_up_steps == 0 and spec.lr_decay_steps == 0:
        return [spec.lr] * steps
    optimiser = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=spec.lr)
    scheduler = get_lr_scheduler(
        spec.lr_schedule,
        optimizer=optimiser,
        training_steps=steps,
        lr=spec.lr,
        warm_up_steps=spec.lr_warm_up_steps,
        decay_steps=spec.lr_decay_steps,
        lr_end=spec.lr * LR_END,
        num_cycles=1,
    )
    rates = []
    for _ in range(steps):
        rates.append(float(optimiser.param_groups[0]["lr"]))
        optimiser.step()
        scheduler.step()
    return rates


class Coefficients:
    """The weights of an SAE's penalties, step by step."""

    def __init__(self, sae: Any) -> None:
        self.schedulers = {}
        for name, entry in sae.get_coefficients().items():
            value, steps = (
                (entry, 0) if isinstance(entry, (int, float)) else (entry.value, entry.warm_up_steps)
            )
            self.schedulers[name] = CoefficientScheduler(warm_up_steps=steps, final_value=value)

    def now(self) -> dict[str, float]:
        """By name, for the coming step."""
        return {name: scheduler.value for name, scheduler in self.schedulers.items()}

    def step(self) -> None:
        """On to the next step."""
        for scheduler in self.schedulers.values():
            scheduler.step()

    def take(self, steps: int) -> dict[str, list[float]]:
        """By name, for each of the next `steps` steps."""
        found: dict[str, list[float]] = {name: [] for name in self.schedulers}
        for _ in range(steps):
            for name, value in self.now().items():
                found[name].append(value)
            self.step()
        return found
