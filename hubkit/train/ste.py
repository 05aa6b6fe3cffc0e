"""Straight-through estimators for JumpReLU: gradients for a step that has none; and the JumpReLU of who forgets them.

With H the step and K a kernel of width b, the pseudo-derivatives (Rajamanoharan et al. 2024, https://arxiv.org/abs/2407.14435, eq. 11 and 12) are

    d/dt H(x - t)   = -1/b K((x - t) / b)
    d/dt x H(x - t) = -t/b K((x - t) / b)

and, where the estimate is passed on to the encoder (Anthropic), the same with the other sign for x. The rectangle is SAELens's own
function; the Gaussian is K(u) = exp(-u^2 / 2) / sqrt(2 pi), so that the sum over rows is a kernel density estimate at t.
`generate_vmap_rule` is what SAELens's functions lack to run under `torch.func.vmap`.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from sae_lens import JumpReLUTrainingSAE, JumpReLUTrainingSAEConfig
from sae_lens.saes.jumprelu_sae import JumpReLU, Step
from sae_lens.saes.sae import TrainingSAE

ROOT_2_PI = math.sqrt(2 * math.pi)


class RectangleStep(Step):  # type: ignore[misc]
    """SAELens's step, under vmap."""

    generate_vmap_rule = True


class RectangleJumpReLU(JumpReLU):  # type: ignore[misc]
    """SAELens's JumpReLU, under vmap."""

    generate_vmap_rule = True


def gaussian(u: torch.Tensor) -> torch.Tensor:
    """The density of the standard normal distribution at `u`."""
    return torch.exp(-0.5 * u * u) / ROOT_2_PI


class GaussianStep(Step):  # type: ignore[misc]
    """H(x - threshold), its gradient estimated with a Gaussian."""

    generate_vmap_rule = True

    @staticmethod
    def backward(ctx: Any, grad_output: torch.Tensor) -> Any:
        """Gradients of x (n, d_sae) and threshold (d_sae,)."""
        x, threshold = ctx.saved_tensors
        estimate = gaussian((x - threshold) / ctx.bandwidth) * (grad_output / ctx.bandwidth)
        return estimate if ctx.ste_to_input else None, -estimate.sum(dim=0), None, None


class GaussianJumpReLU(JumpReLU):  # type: ignore[misc]
    """x H(x - threshold), the gradient of its jump estimated with a Gaussian."""

    generate_vmap_rule = True

    @staticmethod
    def backward(ctx: Any, grad_output: torch.Tensor) -> Any:
        """Gradients of x (n, d_sae) and threshold (d_sae,)."""
        x, threshold = ctx.saved_tensors
        kernel = gaussian((x - threshold) / ctx.bandwidth)
        estimate = (threshold / ctx.bandwidth) * kernel * grad_output
        inside = (x > threshold) * grad_output
        return inside + estimate if ctx.ste_to_input else inside, -estimate.sum(dim=0), None, None


class StackableJumpReLU(JumpReLUTrainingSAE):  # type: ignore[misc]
    """SAELens's JumpReLU training SAE with a choice of kernel, and in a form that `torch.func` can map.

    Same arithmetic for the rectangle. The threshold is kept from falling below 0 by `project`, before each step, where SAELens writes
    to `.data` inside the forward pass.
    """

    def __init__(self, cfg: JumpReLUTrainingSAEConfig, kernel: str = "rectangle") -> None:
        super().__init__(cfg)
        self.kernel = kernel
        self.jump = GaussianJumpReLU if kernel == "gaussian" else RectangleJumpReLU
        self.step = GaussianStep if kernel == "gaussian" else RectangleStep

    def training_forward_pass(self, step_input: Any) -> Any:
        """SAELens's losses; the thresholds are taken as they are."""
        return TrainingSAE.training_forward_pass(self, step_input)

    def encode_with_hidden_pre(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Feature activations and pre-activations, (n, d_sae) each, of `x` (n, d_in)."""
        pre = self.hook_sae_acts_pre(self.process_sae_in(x) @ self.W_enc + self.b_enc)
        acts = self.jump.apply(
            pre, self.threshold.to(pre.dtype), self.bandwidth, self.cfg.jumprelu_ste_to_input
        )
        return self.hook_sae_acts_post(acts), pre

    def calculate_aux_loss(
        self, step_input: Any, feature_acts: torch.Tensor, hidden_pre: torch.Tensor, sae_out: torch.Tensor
    ) -> dict[str, torch.Tensor]:
        """The sparsity penalty: SAELens's own for tanh, and its formulae on this SAE's step for the other two."""
        if self.cfg.jumprelu_sparsity_loss_mode == "tanh":
            losses: dict[str, torch.Tensor] = super().calculate_aux_loss(
                step_input, feature_acts, hidden_pre, sae_out
            )
            return losses
        threshold = self.threshold.to(hidden_pre.dtype)
        fired = self.step.apply(hidden_pre, threshold, self.bandwidth, self.cfg.jumprelu_ste_to_input)
        l0 = torch.sum(fired, dim=-1)
        if self.cfg.jumprelu_sparsity_loss_mode == "quadratic":
            target = self.cfg.target_l0
            l0 = 2 / target * (l0 - target) ** 2
        return {"l0_loss": (step_input.coefficients["l0"] * l0).mean()}


class NaiveJumpReLU(JumpReLUTrainingSAE):  # type: ignore[misc]
    """A JumpReLU written as one writes it without thinking of gradients.

    `pre * (pre > threshold)`, and an L0 penalty that counts `pre > threshold`. Comparing is piecewise constant: autograd
    gives it no gradient, so Adam has nothing to move the threshold by, and it is at the end what it was at the
    start: 0. With threshold 0 the forward is a plain ReLU, the penalty is a constant that moves nothing, and about half of
    the latents fire on every row. What is missing is a straight-through estimator for the step
    (Rajamanoharan et al. 2024, https://arxiv.org/abs/2407.14435, section 3).
    """

    def training_forward_pass(self, step_input: Any) -> Any:
        """The losses, without SAELens's projection of thresholds that cannot move anyway."""
        return TrainingSAE.training_forward_pass(self, step_input)

    def encode_with_hidden_pre(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Feature activations and pre-activations, (n, d_sae) each, of `x` (n, d_in)."""
        pre = self.process_sae_in(x) @ self.W_enc + self.b_enc
        return pre * (pre > self.threshold), pre

    def calculate_aux_loss(
        self, step_input: Any, feature_acts: Any, hidden_pre: torch.Tensor, sae_out: Any
    ) -> dict[str, torch.Tensor]:
        """The count of active latents: a number, but one without a gradient."""
        del feature_acts, sae_out
        l0 = (hidden_pre > self.threshold).to(hidden_pre).sum(dim=-1)
        return {"l0_loss": (step_input.coefficients["l0"] * l0).mean()}
