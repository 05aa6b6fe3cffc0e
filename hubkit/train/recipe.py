"""The SAEs as they start: SAELens's own training classes, configured so that they learn from a few hundred rows.

`learns`: b_dec starts at the mean of the data (at 0, most latents die on data with a large mean); JumpReLU passes its
straight-through estimate to the encoder too, and aims at a target L0 (the quadratic penalty of Gemma Scope 2); BatchTopK's running
threshold forgets its start within a quarter of the run.
`naive`: a JumpReLU whose threshold never learns, on purpose, for demonstrations and for the validator's tests.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from sae_lens import (
    BatchTopKTrainingSAE,
    BatchTopKTrainingSAEConfig,
    GatedTrainingSAE,
    GatedTrainingSAEConfig,
    JumpReLUTrainingSAE,
    JumpReLUTrainingSAEConfig,
    StandardTrainingSAE,
    StandardTrainingSAEConfig,
    TopKTrainingSAE,
    TopKTrainingSAEConfig,
)
from sae_lens.saes.sae import TrainingSAE

from hubkit.train.ste import StackableJumpReLU
from hubkit.train.topk import StackableAuxLoss, TopKActivation

if TYPE_CHECKING:
    from hubkit.train.spec import SaeSpec

LEFT_OF_START = 0.01
"""Weight that the 0 with which BatchTopK's running threshold starts has left after a quarter of the run."""
SLOWEST = 0.01
"""SAELens's own rate of that threshold, kept where a run is long enough for it."""


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


class StackableTopK(StackableAuxLoss, TopKTrainingSAE):  # type: ignore[misc]
    """SAELens's TopK, its auxiliary loss in a form without data-dependent shapes."""

    def get_activation_fn(self) -> TopKActivation:
        """TopK and ReLU."""
        return TopKActivation(self.cfg.k)


class StackableBatchTopK(StackableAuxLoss, BatchTopKTrainingSAE):  # type: ignore[misc]
    """SAELens's BatchTopK; its running threshold is updated beside the gradient, not inside the forward pass."""

    def training_forward_pass(self, step_input: Any) -> Any:
        """SAELens's losses, without the side effect."""
        return TrainingSAE.training_forward_pass(self, step_input)


def build(spec: SaeSpec, mean: torch.Tensor, steps: int) -> Any:
    """A fresh training SAE for data with mean `mean` (d_in,) and a run of `steps`, its weights drawn from `spec.seed` alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(spec.seed)
        sae = _ARCHITECTURES[spec.architecture](spec, len(mean), steps)
    with torch.no_grad():
        sae.b_dec.copy_(mean)
    return sae


def _standard(spec: SaeSpec, d_in: int, steps: int) -> Any:
    del steps
    return StandardTrainingSAE(
        StandardTrainingSAEConfig(
            d_in=d_in,
            d_sae=spec.d_sae,
            l1_coefficient=spec.sparsity_coefficient,
            l1_warm_up_steps=spec.sparsity_warm_up_steps,
        )
    )


def _gated(spec: SaeSpec, d_in: int, steps: int) -> Any:
    del steps
    return GatedTrainingSAE(
        GatedTrainingSAEConfig(
            d_in=d_in,
            d_sae=spec.d_sae,
            l1_coefficient=spec.sparsity_coefficient,
            l1_warm_up_steps=spec.sparsity_warm_up_steps,
        )
    )


def _topk(spec: SaeSpec, d_in: int, steps: int) -> Any:
    del steps
    assert spec.k is not None  # noqa: S101 - the spec's own rule
    return StackableTopK(
        TopKTrainingSAEConfig(d_in=d_in, d_sae=spec.d_sae, k=spec.k, aux_loss_coefficient=_aux(spec))
    )


def _batchtopk(spec: SaeSpec, d_in: int, steps: int) -> Any:
    assert spec.k is not None  # noqa: S101 - the spec's own rule
    return StackableBatchTopK(
        BatchTopKTrainingSAEConfig(
            d_in=d_in,
            d_sae=spec.d_sae,
            k=float(spec.k),
            topk_threshold_lr=spec.threshold_lr or threshold_rate(steps),
            aux_loss_coefficient=_aux(spec),
        )
    )


def _aux(spec: SaeSpec) -> float:
    """SAELens's coefficient, or 0 where no dead window is set (it brought no gain on a few hundred rows)."""
    return 0.0 if spec.dead_window is None else 1.0


def threshold_rate(steps: int) -> float:
    """r such that (1 - r)^(steps / 4) is LEFT_OF_START; never slower than SAELens's default."""
    return max(SLOWEST, 1.0 - math.pow(LEFT_OF_START, 4.0 / steps))


def _jumprelu(spec: SaeSpec, d_in: int, steps: int) -> Any:
    del steps
    if spec.recipe == "naive":
        return NaiveJumpReLU(
            JumpReLUTrainingSAEConfig(
                d_in=d_in, d_sae=spec.d_sae, jumprelu_init_threshold=0.0, l0_coefficient=1.0
            )
        )
    kernel, _, to_input = spec.ste.partition(" + ")
    cfg = JumpReLUTrainingSAEConfig(
        d_in=d_in,
        d_sae=spec.d_sae,
        jumprelu_init_threshold=spec.init_threshold,
        jumprelu_bandwidth=spec.bandwidth,
        jumprelu_ste_to_input=to_input == "input",
        jumprelu_sparsity_loss_mode=spec.sparsity,
        l0_coefficient=spec.sparsity_coefficient,
        l0_warm_up_steps=spec.sparsity_warm_up_steps,
        target_l0=None if spec.k is None else float(spec.k),
    )
    return StackableJumpReLU(cfg, kernel)


_ARCHITECTURES = {
    "standard": _standard,
    "topk": _topk,
    "batchtopk": _batchtopk,
    "gated": _gated,
    "jumprelu": _jumprelu,
}


def training_details(spec: SaeSpec, sae: Any) -> dict[str, Any]:
    """What `metadata.training_architecture_details` says: the configuration as far as it acted."""
    details: dict[str, Any] = sae.cfg.get_training_architecture_details()
    if spec.recipe == "naive":
        # The estimator's own settings are in SAELens's configuration but had nothing to act on.
        kept = ("decoder_init_norm", "jumprelu_init_threshold", "l0_coefficient")
        return {key: details[key] for key in kept} | {"straight_through_estimator": False}
    if spec.architecture == "jumprelu":
        return details | {"straight_through_estimator": spec.ste}
    return details
