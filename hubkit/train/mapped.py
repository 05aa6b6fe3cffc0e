"""Many SAEs in one program: SAELens's loss of one, mapped over a stack of weights with `torch.func.vmap`."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import torch
from sae_lens.saes.sae import TrainStepInput
from torch import nn

from hubkit.train.member import MemberState, Trained
from hubkit.train.pooled import Pools
from hubkit.train.schedule import Coefficients
from hubkit.train.step import explained_variance

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hubkit.train.cpu_trainer import CpuTrainer

CLIP_EPSILON = 1e-6
"""torch.nn.utils.clip_grad_norm_'s."""


class _Loss(nn.Module):  # type: ignore[misc]
    """SAELens's training pass as the module that `functional_call` calls."""

    def __init__(self, sae: Any) -> None:
        super().__init__()
        self.sae = sae

    def forward(self, step: TrainStepInput) -> Any:
        return self.sae.training_forward_pass(step)


class MappedStack:
    """Compatible members, training together on one device; `trainers` hold their first weights and their batches."""

    def __init__(self, trainers: Sequence[CpuTrainer], device: str) -> None:
        self.trainers = list(trainers)
        self.device = torch.device(device)
        first = self.trainers[0]
        self.spec, self.rates = first.member.spec, first.rates
        self.coefficients = Coefficients(first.sae)
        self.module = _Loss(copy.deepcopy(first.sae)).to(self.device)
        self.weights = {
            name: nn.Parameter(self._stacked([one.sae.get_parameter(name) for one in trainers]))
            for name, _ in first.sae.named_parameters()
        }
        self.buffers = {
            name: self._stacked([one.sae.get_buffer(name) for one in trainers]).double()
            for name, _ in first.sae.named_buffers()
        }
        self.optimiser = torch.optim.Adam(self.weights.values(), lr=self.spec.lr, fused=True)
        self.pools = Pools([one.member.rows for one in trainers], self.device, first.dtype)
        self.scales = torch.tensor([one.scale for one in trainers], dtype=first.dtype, device=self.device)
        shape = (len(self.trainers), self.spec.d_sae)
        self.fired = torch.zeros(shape, dtype=torch.bool, device=self.device)
        self.quiet = torch.zeros(shape, dtype=torch.int64, device=self.device)
        self.done = 0
        dead = None if self.spec.dead_window is None else 0
        self._mapped = torch.func.vmap(torch.func.grad(self._loss, has_aux=True), in_dims=(0, 0, None, dead))

    def _stacked(self, parts: list[torch.Tensor]) -> torch.Tensor:
        return torch.stack([part.detach() for part in parts]).to(self.device)

    def advance(self, steps: int, active: Sequence[int]) -> list[MemberState]:
        """Take `steps` steps, without waiting for the device in between; where each SAE of `active` then stands.

        All SAEs move, those that have diverged too: leaving them out would be another program.
        """
        self.fired.zero_()
        # (steps, S, batch): one copy to the device for all of them.
        orders = self.pools.place(torch.stack([one.order.take(steps) for one in self.trainers], dim=1))
        for rows in orders[:-1]:
            self.take(self.batch(rows))
        x = self.batch(orders[-1])
        loss, out, acts = self.take(x)
        found = (
            loss.double(),
            acts.count_nonzero(dim=(-2, -1)).double() / acts.shape[-2],
            explained_variance(x, out).double(),
            1.0 - self.fired.double().mean(dim=-1),
        )
        states = torch.stack(found, dim=1).tolist()
        return [MemberState(self.trainers[index].member.key, *states[index]) for index in active]

    def finite(self, active: Sequence[int]) -> list[bool]:
        """Whether every weight of each SAE of `active` is a number."""
        sums = [weight.detach().flatten(1).sum(dim=1).double() for weight in self.weights.values()]
        found: list[bool] = torch.isfinite(torch.stack(sums)).all(dim=0).tolist()
        return [found[index] for index in active]

    def batch(self, rows: torch.Tensor) -> torch.Tensor:
        """The scaled activations (S, batch, d_in) of placed row numbers (S, batch)."""
        return self.pools.batch(rows) * self.scales[:, None, None]

    def take(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """One step on the batches `x` (S, batch, d_in): losses (S,), reconstructions and feature activations."""
        self.project()
        gradients, found = self.gradients(x)
        acts = found[2]
        clip(gradients)
        for name, weight in self.weights.items():
            weight.grad = gradients[name]
        self.optimiser.param_groups[0]["lr"] = self.rates[self.done]
        self.optimiser.step()
        self.coefficients.step()
        fired = (acts != 0).any(dim=-2)
        self.fired |= fired
        self.quiet.add_(1).masked_fill_(fired, 0)
        self.spec.kind.follow(self.module.sae, self.buffers, acts)
        self.done += 1
        return found

    def gradients(
        self, x: torch.Tensor
    ) -> tuple[dict[str, torch.Tensor], tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
        """The gradients of every weight (S, ...), unclipped, and losses, reconstructions, feature activations."""
        weights = {name: weight.detach() for name, weight in self.weights.items()}
        window = self.spec.dead_window
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.spec.autocast):
            dead = None if window is None else self.quiet > window
            gradients, found = self._mapped(weights, x, self.coefficients.now(), dead)
        return gradients, found

    def _loss(
        self, weights: dict[str, torch.Tensor], x: torch.Tensor, coefficients: dict[str, float], dead: Any
    ) -> tuple[torch.Tensor, tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
        """SAELens's loss of one SAE on its batch `x` (batch, d_in)."""
        step = TrainStepInput(
            sae_in=x,
            coefficients=coefficients,
            dead_neuron_mask=dead,
            n_training_steps=self.done,
            is_logging_step=False,
        )
        named = {f"sae.{name}": weight for name, weight in weights.items()}
        out = torch.func.functional_call(self.module, named, (step,))
        return out.loss, (out.loss, out.sae_out, out.feature_acts)

    def project(self) -> None:
        """Put the weights of every SAE where they may be."""
        self.spec.kind.project(self.weights)

    def finish(self) -> list[Trained]:
        """The SAEs, on the CPU, in the order of the members."""
        stacked = self.weights | self.buffers
        for index, one in enumerate(self.trainers):
            with torch.no_grad():
                for name, tensor in (*one.sae.named_parameters(), *one.sae.named_buffers()):
                    tensor.copy_(stacked[name][index])
        return [one.finish() for one in self.trainers]


def clip(gradients: dict[str, torch.Tensor]) -> None:
    """Scale each SAE's gradients to a norm of at most 1 over all its weights, in place, as clip_grad_norm_ does for one."""
    norms = [_norms(gradient) for gradient in gradients.values()]
    widest = max((norm.dtype for norm in norms), key=lambda dtype: torch.finfo(dtype).bits)
    total = _norms(torch.stack([norm.to(widest) for norm in norms], dim=1))
    factors = (1.0 / (total + CLIP_EPSILON)).clamp(max=1.0)
    for gradient in gradients.values():
        gradient.mul_(factors.to(gradient.dtype).view(-1, *[1] * (gradient.dim() - 1)))


def _norms(parts: torch.Tensor) -> torch.Tensor:
    """The norm of each of `parts` (S, ...).

    On a CPU one by one, since the order of a sum over several rows at once depends on their number; elsewhere in one launch.
    """
    if parts.device.type == "cpu":
        return torch.stack([torch.linalg.vector_norm(part) for part in parts])
    return torch.linalg.vector_norm(parts.flatten(1), dim=1)
