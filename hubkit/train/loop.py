"""One SAE, one loop: Adam on SAELens's losses over shuffled batches of scaled activations."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from sae_lens.saes.sae import TrainStepInput

from hubkit.errors import HubkitError
from hubkit.train.recipe import build

if TYPE_CHECKING:
    from hubkit.train.spec import SaeSpec

CLIP_NORM = 1.0


@dataclass(frozen=True)
class Trained:
    """A trained SAE, which lives on activations multiplied by `scale`."""

    spec: SaeSpec
    sae: Any
    """SAELens's training class."""
    scale: float

    def encode(self, x: torch.Tensor) -> torch.Tensor:
        """Feature activations (n, d_sae) of raw activations `x` (n, d_in), in the units of the saved form.

        TopK is saved with decoder rows of norm 1, so its activations are lengths in raw space; JumpReLU keeps its own units.
        """
        with torch.no_grad():
            acts: torch.Tensor = self.sae.encode(x * self.scale)
        return acts / self.scale if self.spec.architecture == "topk" else acts

    def reconstruct(self, x: torch.Tensor) -> torch.Tensor:
        """The reconstruction (n, d_in) of raw activations `x` (n, d_in)."""
        with torch.no_grad():
            out: torch.Tensor = self.sae(x * self.scale)
        return out / self.scale


def fit(spec: SaeSpec, rows: torch.Tensor) -> Trained:
    """Train `spec` on raw activations `rows` (n, d_in), float32.

    The rows are scaled to E||x|| = sqrt(d_in), where the learning rate and the penalties mean the same for every layer
    and model. Deterministic for one spec, one set of rows, one machine. Raises HubkitError for fewer than 2 rows, for rows
    that are not finite or all zero, and when training diverges.
    """
    scale = input_scale(rows, spec.sae_id)
    data = rows * scale
    sae = build(spec, data.mean(dim=0))
    optimiser = torch.optim.Adam(sae.parameters(), lr=spec.lr, fused=True)
    parameters = list(sae.parameters())
    coefficients = _coefficients(sae)
    loss = torch.zeros(())
    for step, batch in enumerate(batches(len(data), spec)):
        loss = sae.training_forward_pass(
            TrainStepInput(
                sae_in=data[batch],
                coefficients=coefficients,
                dead_neuron_mask=None,
                n_training_steps=step,
                is_logging_step=False,
            )
        ).loss
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, CLIP_NORM)
        optimiser.step()
    _finish(spec, sae, loss)
    return Trained(spec, sae, scale)


def input_scale(rows: torch.Tensor, sae_id: str) -> float:
    """s such that the mean of ||s x|| over `rows` (n, d_in) is sqrt(d_in). Raises HubkitError where there is none."""
    n, d_in = rows.shape
    if n < 2:
        raise HubkitError(
            f"{sae_id}: {n} rows to train on, expected at least 2", hint="collect more completions"
        )
    norm = float(rows.double().norm(dim=1).mean())
    if not math.isfinite(norm) or norm == 0:
        raise HubkitError(
            f"{sae_id}: the mean norm of its activations is {norm}", hint="collect the activations again"
        )
    return math.sqrt(d_in) / norm


def batches(n: int, spec: SaeSpec) -> torch.Tensor:
    """Row numbers (steps, batch) : permutations of all n rows end to end, cut into batches of one constant size."""
    generator = torch.Generator().manual_seed(spec.seed)
    size = min(spec.batch_size, n)
    epochs = math.ceil(spec.steps * size / n)
    order = torch.cat([torch.randperm(n, generator=generator) for _ in range(epochs)])
    return order[: spec.steps * size].view(spec.steps, size)


def _coefficients(sae: Any) -> dict[str, float]:
    """SAELens's loss coefficients at their final values (these recipes have no warm-up)."""
    return {
        name: float(entry if isinstance(entry, (int, float)) else entry.value)
        for name, entry in sae.get_coefficients().items()
    }


def _finish(spec: SaeSpec, sae: Any, loss: torch.Tensor) -> None:
    """Leave the SAE as it will be used."""
    if not bool(torch.isfinite(loss)):
        raise HubkitError(
            f"{spec.sae_id}: training diverged, the last loss is {loss.item()}", hint="lower its lr"
        )
    if spec.architecture == "jumprelu":
        # SAELens projects at the start of a step, so the last step can leave a threshold below 0, where the training
        # form passes negative values and the published form does not.
        sae.threshold.data.clamp_(min=0.0)
    sae.eval()
    sae.zero_grad()
