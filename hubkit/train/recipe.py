"""The SAEs as they start: SAELens's own training classes, configured so that they learn from a few hundred rows.

`learns`: b_dec starts at the mean of the data (at 0, most latents die on data with a large mean); JumpReLU passes its
straight-through estimate to the encoder too, and aims at a target L0 (the quadratic penalty of Gemma Scope 2).
`naive`: a JumpReLU whose threshold never learns, on purpose, for demonstrations and for the validator's tests.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from sae_lens import (
    JumpReLUTrainingSAE,
    JumpReLUTrainingSAEConfig,
    TopKTrainingSAE,
    TopKTrainingSAEConfig,
)

if TYPE_CHECKING:
    from hubkit.train.spec import SaeSpec

INIT_THRESHOLD = 0.01
"""SAELens's default start of the `learns` recipe, in units of the scaled activations."""


class NaiveJumpReLU(JumpReLUTrainingSAE):  # type: ignore[misc]
    """A JumpReLU written as one writes it without thinking of gradients.

    `pre * (pre > threshold)`, and an L0 penalty that counts `pre > threshold`. Comparing is piecewise constant: autograd
    gives it no gradient, so `threshold.grad` stays None, Adam skips the parameter, and it is at the end what it was at the
    start: 0. With threshold 0 the forward is a plain ReLU, the penalty is a constant that moves nothing, and about half of
    the latents fire on every row. What is missing is a straight-through estimator for the step
    (Rajamanoharan et al. 2024, https://arxiv.org/abs/2407.14435, section 3).
    """

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


def build(spec: SaeSpec, mean: torch.Tensor) -> Any:
    """A fresh training SAE for data with mean `mean` (d_in,), its weights drawn from `spec.seed` alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(spec.seed)
        sae = _ARCHITECTURES[spec.architecture](spec, len(mean))
    with torch.no_grad():
        sae.b_dec.copy_(mean)
    return sae


def _topk(spec: SaeSpec, d_in: int) -> Any:
    # No auxiliary loss: it needs a count of dead latents over a window, and brought no gain at these sizes.
    return TopKTrainingSAE(
        TopKTrainingSAEConfig(d_in=d_in, d_sae=spec.d_sae, k=spec.k, aux_loss_coefficient=0.0)
    )


def _jumprelu(spec: SaeSpec, d_in: int) -> Any:
    if spec.recipe == "naive":
        return NaiveJumpReLU(
            JumpReLUTrainingSAEConfig(
                d_in=d_in, d_sae=spec.d_sae, jumprelu_init_threshold=0.0, l0_coefficient=1.0
            )
        )
    return JumpReLUTrainingSAE(
        JumpReLUTrainingSAEConfig(
            d_in=d_in,
            d_sae=spec.d_sae,
            jumprelu_init_threshold=INIT_THRESHOLD,
            jumprelu_ste_to_input=True,
            jumprelu_sparsity_loss_mode="quadratic",
            target_l0=float(spec.k),
        )
    )


_ARCHITECTURES = {"topk": _topk, "jumprelu": _jumprelu}


def training_details(spec: SaeSpec, sae: Any) -> dict[str, Any]:
    """What `metadata.training_architecture_details` says: the configuration as far as it acted."""
    details: dict[str, Any] = sae.cfg.get_training_architecture_details()
    if spec.recipe == "naive":
        # The estimator's own settings are in SAELens's configuration but had nothing to act on.
        kept = ("decoder_init_norm", "jumprelu_init_threshold", "l0_coefficient")
        return {key: details[key] for key in kept} | {"straight_through_estimator": False}
    return details
