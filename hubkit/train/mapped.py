"""Many SAEs in one program: SAELens's loss of one, mapped over a stack of weights with `torch.func.vmap`."""

from __future__ import annotations

import copy
import warnings
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from sae_lens.saes.sae import TrainStepInput
from torch import nn

from hubkit.train.adam import StackedAdam
from hubkit.train.captured import CapturedStep
from hubkit.train.footprint import for_rows
from hubkit.train.member import MemberState, Trained
from hubkit.train.padded import TrueRows, filled, shares_of
from hubkit.train.pooled import Pools
from hubkit.train.step import explained_variance

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hubkit.train.cpu_trainer import CpuTrainer

CLIP_EPSILON = 1e-6
"""torch.nn.utils.clip_grad_norm_'s."""
EAGER_STEPS = 3
"""Taken before one is captured: in the first, libraries make their workspaces."""


class _Loss(nn.Module):  # type: ignore[misc]
    """SAELens's training pass as the module that `functional_call` calls."""

    def __init__(self, sae: Any) -> None:
        super().__init__()
        self.sae = sae

    def forward(self, step: TrainStepInput) -> Any:
        return self.sae.training_forward_pass(step)


@dataclass(frozen=True)
class Settings:
    """What each SAE of a stack is given for one step beside its batch, on its device, (S,) each."""

    rates: torch.Tensor
    """Learning rates."""
    coefficients: dict[str, torch.Tensor]
    """The weights of the penalties, by name."""
    ended: torch.Tensor | None
    """1 where the SAE has taken all its steps, else 0; None where all have as many."""

    @property
    def tensors(self) -> list[torch.Tensor]:
        """All of them, in one order."""
        return [
            self.rates,
            *self.coefficients.values(),
            *([] if self.ended is None else [self.ended]),
        ]

    def like(self, tensors: Sequence[torch.Tensor]) -> Settings:
        """The same with other `tensors` for its own."""
        rates, *rest = tensors
        ended = None if self.ended is None else rest.pop()
        return Settings(rates, dict(zip(self.coefficients, rest, strict=True)), ended)


class MappedStack:
    """Compatible members, training together on one device; `trainers` hold their first weights and their batches.

    Batches are as wide as the widest (`padded.py`), and an SAE whose steps are over stays in the program and moves no more. Where all have
    as many steps and rows a step, neither costs anything. With `graphs` a step is captured once as a CUDA graph and replayed; where that cannot be done a
    warning says so, once, and steps are taken as without.
    """

    def __init__(
        self, trainers: Sequence[CpuTrainer], device: str, *, graphs: bool = False, memory: int | None = None
    ) -> None:
        """`memory` is what of the device was given to training, None where nobody said."""
        self.trainers = list(trainers)
        self.device = torch.device(device)
        first = self.trainers[0]
        self.spec = first.member.spec
        self.module = _Loss(copy.deepcopy(first.sae)).to(self.device)
        self.weights = {
            name: self._stacked([one.sae.get_parameter(name) for one in trainers])
            for name, _ in first.sae.named_parameters()
        }
        self.buffers = {
            name: self._stacked([one.sae.get_buffer(name) for one in trainers]).double()
            for name, _ in first.sae.named_buffers()
        }
        self.optimiser = StackedAdam(list(self.weights.values()), self._alike())
        rows = [one.member.rows for one in trainers]
        self.pools = Pools(rows, self.device, first.dtype, resident=for_rows(memory))
        self.scales = self._numbers([one.scale for one in trainers], first.dtype)
        shares = shares_of([one.order.size for one in trainers], first.dtype)
        self.shares = None if shares is None else shares.to(self.device)
        self.follow_rates = self._numbers([one.follow_rate for one in trainers], torch.float64)
        shape = (len(self.trainers), self.spec.d_sae)
        self.fired = torch.zeros(shape, dtype=torch.bool, device=self.device)
        self.quiet = torch.zeros(shape, dtype=torch.int64, device=self.device)
        self.done = 0
        self.graphs = graphs
        self.captured: CapturedStep | None = None
        self.last: tuple[torch.Tensor, tuple[torch.Tensor, torch.Tensor, torch.Tensor]] | None = None
        window = None
        if self.spec.dead_window is not None:
            window = self._numbers([one.member.spec.dead_window for one in trainers], torch.int64)[:, None]
        self.window = window
        dims = (0, 0, 0, None if window is None else 0, None if shares is None else 0)
        self._mapped = torch.func.vmap(torch.func.grad(self._loss, has_aux=True), in_dims=dims)

    def _stacked(self, parts: list[torch.Tensor]) -> torch.Tensor:
        return torch.stack([part.detach() for part in parts]).to(self.device)

    def _numbers(self, numbers: Sequence[float | int | None], dtype: torch.dtype) -> torch.Tensor:
        return torch.tensor(numbers, dtype=dtype, device=self.device)

    def _alike(self) -> list[list[int]]:
        """The numbers of the SAEs with the same learning rate at every step, and as many steps."""
        found: dict[Any, list[int]] = {}
        for index, one in enumerate(self.trainers):
            spec = one.member.spec
            schedule = (spec.lr, spec.lr_schedule, spec.lr_warm_up_steps, spec.lr_decay_steps)
            found.setdefault((one.steps, schedule), []).append(index)
        return list(found.values())

    def advance(self, steps: int, active: Sequence[int]) -> None:
        """Take `steps` steps, without waiting for the device in between.

        All SAEs move, those that have diverged too: leaving them out would be another program.
        """
        del active
        self.last = None  # its matrices are not to lie beside those of the next
        rows, settings = self.rows(steps), self.settings(steps)
        for step in range(steps - 1):
            self.take(self.batch(rows[step]), settings[step])
        x = self.batch(rows[-1])
        self.last = x, self.take(x, settings[-1])

    def rows(self, steps: int) -> torch.Tensor:
        """The placed row numbers (steps, S, batch) of the next `steps` steps: one copy to the device for all of them."""
        width = max(one.order.size for one in self.trainers)
        orders = [filled(one.order.take(steps), width) for one in self.trainers]
        return self.pools.place(torch.stack(orders, dim=1))

    def settings(self, steps: int) -> list[Settings]:
        """What the next `steps` steps are given: one copy to the device for all of it."""
        first, ends = self.done, [one.steps for one in self.trainers]
        # Of those that are done any rate will do.
        rates = [one.rates[first : first + steps] for one in self.trainers]
        rates = [own + [0.0] * (steps - len(own)) for own in rates]
        ended = [[float(step >= end) for step in range(first, first + steps)] for end in ends]
        coefficients = [one.coefficients.take(steps) for one in self.trainers]
        names = list(coefficients[0])
        weights = [[own[name] for own in coefficients] for name in names]
        # (what, S, steps); on a GPU the kernel takes rates in float32.
        table = torch.tensor([rates, ended, *weights], dtype=torch.float64)
        table = table if self.device.type == "cpu" else table.to(self.device, torch.float32)
        columns = table.permute(2, 0, 1).contiguous()
        dtype = self.scales.dtype
        return [
            Settings(
                rates=given[0],
                coefficients={name: given[2 + number].to(dtype) for number, name in enumerate(names)},
                ended=given[1].float() if len(set(ends)) > 1 else None,
            )
            for given in columns
        ]

    def look(self, members: Sequence[int]) -> list[MemberState]:
        """Where each SAE of `members` stands after the last step; what has fired counts from here on."""
        assert self.last is not None  # noqa: S101 - after `advance`
        x, (loss, out, acts) = self.last
        on = self._on(acts).sum(dim=(-2, -1)).double()
        found = (
            loss.double(),
            on / self._numbers([one.order.size for one in self.trainers], torch.float64),
            explained_variance(x, out, self.shares).double(),
            1.0 - self.fired.double().mean(dim=-1),
        )
        states = torch.stack(found, dim=1).tolist()
        self.fired[list(members)] = False
        those = [(self.trainers[index], states[index]) for index in members]
        return [MemberState(one.member.key, one.steps, one.order.size, *state) for one, state in those]

    def _on(self, acts: torch.Tensor) -> torch.Tensor:
        """Which latents are on, (S, batch, d_sae), in the rows that are there."""
        on = acts != 0
        return on if self.shares is None else on & (self.shares > 0)[..., None]

    def finite(self, active: Sequence[int]) -> list[bool]:
        """Whether every weight of each SAE of `active` is a number."""
        sums = [weight.detach().flatten(1).sum(dim=1).double() for weight in self.weights.values()]
        found: list[bool] = torch.isfinite(torch.stack(sums)).all(dim=0).tolist()
        return [found[index] for index in active]

    def batch(self, rows: torch.Tensor) -> torch.Tensor:
        """The scaled activations (S, batch, d_in) of placed row numbers (S, batch)."""
        return self.pools.batch(rows) * self.scales[:, None, None]

    def take(self, x: torch.Tensor, settings: Settings) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """One step on the batches `x` (S, batch, d_in): losses (S,), reconstructions and feature activations."""
        if self.graphs and self.captured is None and self.done >= EAGER_STEPS:
            self._capture(x, settings)
        found = (self.captured or self._step)(x, settings)
        self.done += 1
        return found

    def _capture(self, x: torch.Tensor, settings: Settings) -> None:
        try:
            self.captured = CapturedStep(self._step, x, settings)
        except RuntimeError as error:
            self.graphs = False
            text = f"a step of this stack cannot be captured as a CUDA graph, and is started kernel by kernel: {error}"
            warnings.warn(text, stacklevel=2)

    def _step(self, x: torch.Tensor, settings: Settings) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """The step itself: on the device alone, and the same for every step."""
        self.project()
        gradients, found = self.gradients(x, settings)
        acts, ended = found[2], settings.ended
        clip(gradients)
        self.optimiser.step([gradients[name] for name in self.weights], settings.rates, ended)
        fired = self._on(acts).any(dim=-2)
        follow_rates = self.follow_rates
        if ended is None:
            self.quiet.add_(1)
        else:
            moves = ended == 0
            fired &= moves[:, None]
            self.quiet.add_(moves[:, None])
            follow_rates = follow_rates * moves
        self.quiet.masked_fill_(fired, 0)
        self.fired |= fired
        self.spec.kind.follow(follow_rates, self.buffers, acts)
        return found

    def gradients(
        self, x: torch.Tensor, settings: Settings
    ) -> tuple[dict[str, torch.Tensor], tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
        """The gradients of every weight (S, ...), unclipped, and losses, reconstructions, feature activations."""
        dead = None if self.window is None else self.quiet > self.window
        # A graph would go on with the weights that were cached when it was captured.
        cached, on = not self.graphs, self.spec.autocast
        with torch.autocast(self.device.type, torch.bfloat16, enabled=on, cache_enabled=cached):
            gradients, found = self._mapped(self.weights, x, settings.coefficients, dead, self.shares)
        return gradients, found

    def _loss(
        self,
        weights: dict[str, torch.Tensor],
        x: torch.Tensor,
        coefficients: dict[str, torch.Tensor],
        dead: torch.Tensor | None,
        shares: torch.Tensor | None,
    ) -> tuple[torch.Tensor, tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
        """SAELens's loss of one SAE on its batch `x` (batch, d_in)."""
        step = TrainStepInput(
            sae_in=x,
            coefficients=coefficients,
            dead_neuron_mask=dead,
            n_training_steps=0,  # none of the classes reads it, and a captured step would not hear of another
            is_logging_step=False,
        )
        named = {f"sae.{name}": weight for name, weight in weights.items()}
        with nullcontext() if shares is None else TrueRows(shares):
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
