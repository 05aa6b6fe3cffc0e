"""One SAE on one CPU core: its first weights, and SAELens's training step, the gradient written out where that is faster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from sae_lens.saes.sae import TrainStepInput

from hubkit.train.member import MemberState, Trained
from hubkit.train.sampling import input_scale, mean_of, order_of
from hubkit.train.schedule import Coefficients, learning_rates
from hubkit.train.step import Step, explained_variance

if TYPE_CHECKING:
    from hubkit.train.member import Member
    from hubkit.train.spec import SaeSpec

CLIP_NORM = 1.0
"""SAELens's, of all gradients of one SAE together."""


class CpuTrainer:
    """A member in training. Everything of it is its own: no step depends on which others are trained."""

    def __init__(
        self, member: Member, *, written_out: bool = True, dtype: torch.dtype = torch.float32
    ) -> None:
        """Scale and initialise. Raises HubkitError where the rows cannot be trained on."""
        spec = member.spec
        self.member, self.dtype = member, dtype
        self.steps = spec.steps_for(len(member.rows))
        self.scale = input_scale(member.rows, spec.sae_id)
        self.sae = build(spec, mean_of(member.rows) * self.scale, self.steps).to(dtype)
        self.gradient = spec.kind.gradient(spec, self.sae) if written_out else None
        self.weights = dict(self.sae.named_parameters())
        self.buffers = dict(self.sae.named_buffers())
        if self.gradient is not None:
            # The same numbers, in the order in which they lie: the fused kernel copies anything else.
            self.weights["W_enc"] = torch.nn.Parameter(self.sae.W_enc.detach().t())
        self.optimiser = torch.optim.Adam(self.weights.values(), lr=spec.lr, fused=True)
        self.rates = learning_rates(spec, self.steps)
        self.coefficients = Coefficients(self.sae)
        self.follow_rate = spec.kind.follow_rate(self.sae)
        self.order = order_of(member)
        self.done = 0
        self.fired = torch.zeros(spec.d_sae, dtype=torch.bool)
        self.quiet = torch.zeros(spec.d_sae, dtype=torch.int64)
        self.last: tuple[torch.Tensor, Step] | None = None

    def advance(self, steps: int) -> None:
        """Take `steps` steps."""
        self.last = None  # its matrices are not to lie beside those of the next
        batches = self.order.take(steps)
        for rows in batches[:-1]:
            self.take(self.batch(rows))
        x = self.batch(batches[-1])
        self.last = x, self.take(x)

    def look(self) -> MemberState:
        """Where the SAE stands after the last step; what has fired counts from here on."""
        assert self.last is not None  # noqa: S101 - after `advance`
        x, step = self.last
        share = float(self.fired.double().mean())
        self.fired.zero_()
        return MemberState(
            self.member.key,
            self.steps,
            self.order.size,
            float(step.loss),
            float(step.l0),
            float(explained_variance(x, step.sae_out)),
            1.0 - share,
        )

    def batch(self, rows: torch.Tensor) -> torch.Tensor:
        """The scaled activations (batch, d_in) of the rows numbered `rows`."""
        return self.member.rows[rows].to(self.dtype).mul_(self.scale)

    def take(self, x: torch.Tensor) -> Step:
        """One step on the batch `x` (batch, d_in)."""
        self.project()
        step = self.backward(x)
        if self.gradient is not None:
            self.weights["W_enc"].grad = self.sae.W_enc.grad.t()
        torch.nn.utils.clip_grad_norm_(list(self.weights.values()), CLIP_NORM)
        self.optimiser.param_groups[0]["lr"] = self.rates[self.done]
        self.optimiser.step()
        self.coefficients.step()
        fired = step.fired
        self.fired |= fired
        self.quiet.add_(1).masked_fill_(fired, 0)
        self.done += 1
        return step

    def backward(self, x: torch.Tensor) -> Step:
        """Set the gradients of the loss on the batch `x` (batch, d_in), unclipped."""
        dead = self._dead()
        coefficients = self.coefficients.now()
        step = (
            self._by_autograd(x, coefficients, dead)
            if self.gradient is None or dead is not None
            else self.gradient(x, coefficients)
        )
        self.member.spec.kind.follow(self.follow_rate, self.buffers, step.acts)
        return step

    def _by_autograd(
        self, x: torch.Tensor, coefficients: dict[str, float], dead: torch.Tensor | None
    ) -> Step:
        """SAELens's own forward pass, and torch's gradient of it."""
        self.sae.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=self.member.spec.autocast):
            out = self.sae.training_forward_pass(
                TrainStepInput(
                    sae_in=x,
                    coefficients=coefficients,
                    dead_neuron_mask=dead,
                    n_training_steps=self.done,
                    is_logging_step=False,
                )
            )
        out.loss.backward()
        return Step(out.loss.detach(), out.sae_out.detach(), out.feature_acts.detach())

    def _dead(self) -> torch.Tensor | None:
        """Latents (d_sae,) for the auxiliary loss, or None where there are none."""
        window = self.member.spec.dead_window
        if window is None:
            return None
        dead = self.quiet > window
        return dead if bool(dead.any()) else None

    def project(self) -> None:
        """Put the weights where they may be, as SAELens does before every step."""
        self.member.spec.kind.project(self.weights)

    @property
    def finite(self) -> bool:
        """Whether every weight is a number."""
        return all(bool(torch.isfinite(weight.detach().sum())) for weight in self.sae.parameters())

    def finish(self) -> Trained:
        """The SAE as it will be used: the last step can leave weights where they may not be, too."""
        self.project()
        self.sae.zero_grad()
        self.sae.W_enc.data = self.sae.W_enc.data.contiguous()
        self.sae.eval()
        return Trained(self.member.spec, self.sae, self.scale)


def build(spec: SaeSpec, mean: torch.Tensor, steps: int) -> Any:
    """A fresh training SAE for data with mean `mean` (d_in,) and a run of `steps`, its weights drawn from `spec.seed` alone.

    b_dec starts at the mean of the data: at 0, most latents die on data with a large mean.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(spec.seed)
        sae = spec.kind.build(spec, len(mean), steps)
    with torch.no_grad():
        sae.b_dec.copy_(mean)
    return sae
