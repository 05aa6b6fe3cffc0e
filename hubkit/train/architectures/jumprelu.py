"""JumpReLU (Rajamanoharan et al. 2024, https://arxiv.org/abs/2407.14435): a threshold for each latent, learned by a straight-through estimate (`ste.py`).

`learns` passes the estimate to the encoder too, and aims at a target L0 (the quadratic penalty of Gemma Scope 2). `naive` is a JumpReLU whose threshold
never learns, on purpose, for demonstrations and for the validator's tests.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from hubkit.train.architecture import LEARNS, LR, NAIVE, Architecture, OwnSettings
from hubkit.train.size import MANY_ROWS, many_rows, scheduled

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch

    from hubkit.train.architecture import Gradient
    from hubkit.train.sparse import SparseEntries
    from hubkit.train.spec import SaeSpec
    from hubkit.train.step import Step

LEARNING_LR = 2e-3
"""A threshold moves by about lr a step: at 1e-3, 400 steps on 181 rows of the lab model end up to 38 % over the target L0, at 2e-3 up to 11 %."""
FEWEST_ROWS = 181
"""Below this it was not seen to converge (docs/running.md)."""
TO_INPUT = " + input"
WIDE = 0.1
"""Bandwidth and first threshold on thousands of rows."""
FEW_STEPS = 1000
"""Below this an estimate that does not reach the encoder ends far above its L0 on few rows."""
DENSE_FROM = 0.12
"""Share of entries that are not zero from which dense products are faster (measured at 576 -> 2304)."""


class JumpReLUSettings(OwnSettings):
    """Of the threshold and its penalty."""

    ste: Literal["rectangle", "rectangle + input", "gaussian", "gaussian + input"] = "rectangle + input"
    """JumpReLU's straight-through estimator: a rectangle (DeepMind) or a Gaussian around the threshold; `+ input` passes its gradient to the encoder too (Anthropic). Without it `rectangle + input`; from 2,000 rows on `rectangle`."""
    bandwidth: float = Field(0.05, gt=0)
    """JumpReLU: width of the rectangle, or standard deviation of the Gaussian. From 2,000 rows on 0.1."""
    init_threshold: float = Field(0.01, ge=0)
    """JumpReLU: where every threshold starts, in units of the scaled activations. From 2,000 rows on 0.1."""
    sparsity: Literal["step", "tanh", "quadratic"] = "quadratic"
    """JumpReLU's penalty: `step` counts active latents, `tanh` is Anthropic's, `quadratic` aims at L0 = k."""


class _JumpReLU(Architecture):
    name = "jumprelu"
    own = JumpReLUSettings
    recipes = (LEARNS, NAIVE)

    def lr(self, recipe: str) -> float:
        return LR if recipe == NAIVE else LEARNING_LR

    def suited(self, spec: SaeSpec, n: int) -> dict[str, Any]:
        """No estimate for the encoder: on thousands of rows it is what keeps the features from being found."""
        if not self.needs_k(spec):
            return {}
        return {"ste": "rectangle", "bandwidth": WIDE, "init_threshold": WIDE} | scheduled(spec, n)

    def needs_k(self, spec: SaeSpec) -> bool:
        return spec.recipe != NAIVE and spec.own(JumpReLUSettings).sparsity == "quadratic"

    def build(self, spec: SaeSpec, d_in: int, steps: int) -> Any:
        from sae_lens import JumpReLUTrainingSAEConfig

        from hubkit.train.ste import NaiveJumpReLU, StackableJumpReLU

        del steps
        shape = {"d_in": d_in, "d_sae": spec.d_sae}
        if spec.recipe == NAIVE:
            return NaiveJumpReLU(
                JumpReLUTrainingSAEConfig(**shape, jumprelu_init_threshold=0.0, l0_coefficient=1.0)
            )
        own = spec.own(JumpReLUSettings)
        kernel, _, to_input = own.ste.partition(" + ")
        cfg = JumpReLUTrainingSAEConfig(
            **shape,
            jumprelu_init_threshold=own.init_threshold,
            jumprelu_bandwidth=own.bandwidth,
            jumprelu_ste_to_input=to_input == "input",
            jumprelu_sparsity_loss_mode=own.sparsity,
            l0_coefficient=spec.sparsity_coefficient,
            l0_warm_up_steps=spec.sparsity_warm_up_steps,
            target_l0=None if spec.k is None else float(spec.k),
        )
        return StackableJumpReLU(cfg, kernel)

    def gradient(self, spec: SaeSpec, sae: Any) -> Gradient | None:
        from hubkit.train.gradient import written_out

        if spec.autocast or spec.recipe == NAIVE or spec.own(JumpReLUSettings).sparsity == "tanh":
            return None
        return written_out(sae, _gradient)

    def project(self, weights: Mapping[str, torch.Tensor]) -> None:
        """A threshold below 0 would let negative values pass; SAELens projects before every step."""
        weights["threshold"].data.clamp_(min=0.0)

    def initial_threshold(self, sae: Any) -> float | None:
        return float(sae.cfg.jumprelu_init_threshold)

    def details(self, spec: SaeSpec, sae: Any) -> dict[str, Any]:
        found = super().details(spec, sae)
        if spec.recipe == NAIVE:
            # The estimator's own settings are in SAELens's configuration but had nothing to act on.
            kept = ("decoder_init_norm", "jumprelu_init_threshold", "l0_coefficient")
            return {key: found[key] for key in kept} | {"straight_through_estimator": False}
        return found | {"straight_through_estimator": spec.own(JumpReLUSettings).ste}

    def warnings(self, spec: SaeSpec, n: int) -> list[str]:
        said = []
        if n < FEWEST_ROWS:
            said.append(
                f"JumpReLU trained on {n} rows; below {FEWEST_ROWS} its threshold was not seen to converge"
            )
        if not self.needs_k(spec):
            return said
        ste, steps = spec.own(JumpReLUSettings).ste, spec.steps_for(n)
        if many_rows(n, steps) and ste.endswith(TO_INPUT):
            said.append(
                f"ste `{ste}` on {n:,} rows: from {MANY_ROWS:,} rows on it finds next to nothing of a known dictionary, `rectangle` most of it; leave ste out"
            )
        if n < MANY_ROWS // 2 and steps < FEW_STEPS and not ste.endswith(TO_INPUT):
            said.append(
                f"ste `{ste}` in {steps} steps on {n:,} rows: below {FEW_STEPS:,} steps it ends above its L0, `{ste}{TO_INPUT}` near it; leave ste out, or train longer"
            )
        return said


@dataclass(frozen=True)
class _Latents:
    """What a batch is to the latents, (B, d_sae) each."""

    pre: torch.Tensor
    on: torch.Tensor
    """Above the threshold."""
    near: torch.Tensor
    """Within the rectangle around it."""


@dataclass(frozen=True)
class _Penalty:
    """On L0."""

    value: torch.Tensor
    """The mean over the rows."""
    weight: torch.Tensor
    """Its gradient in each row's L0 (B,)."""


def _gradient(sae: Any, x: torch.Tensor, coefficients: Mapping[str, float]) -> Step:
    """JumpReLU with the penalty on L0: dense while many latents fire, over the entries alone once few do.

    With K the kernel at u = (pre - threshold) / b and w = d penalty / d L0 of each row, the estimate is E = K / b (threshold dacts + w);
    dthreshold = -sum E, and dpre = [pre > threshold] dacts (+ E where it is passed on).
    """
    import torch

    from hubkit.train.sparse import SparseEntries
    from hubkit.train.ste import gaussian
    from hubkit.train.step import Step

    centred = x - sae.b_dec
    pre = torch.addmm(sae.b_enc, centred, sae.W_enc)
    threshold = sae.threshold.to(pre.dtype)
    on = pre > threshold
    penalty = _penalty(sae.cfg, coefficients["l0"], on.sum(dim=1, dtype=x.dtype))
    offset = (pre - threshold).div_(sae.bandwidth)
    near = None if sae.kernel == "gaussian" else (offset > -0.5) & (offset < 0.5)
    if near is not None:
        touched = on | near
        if int(touched.sum()) < DENSE_FROM * touched.numel():
            entries = SparseEntries.where(touched)
            return _sparse_gradient(sae, x, centred, _Latents(pre, on, near), penalty, entries)
    kernel = gaussian(offset) if near is None else near.to(x.dtype)
    acts = pre.mul_(on)
    out = torch.addmm(sae.b_dec, acts, sae.W_dec)
    residual = out - x
    G = residual * (2.0 / len(x))
    d_acts = G @ sae.W_dec.t()
    estimate = torch.addcmul(penalty.weight[:, None], d_acts, threshold).mul_(kernel).div_(sae.bandwidth)
    d_pre = d_acts.mul_(on)
    if sae.cfg.jumprelu_ste_to_input:
        d_pre.add_(estimate)
    sae.threshold.grad = estimate.sum(dim=0).neg_().to(sae.threshold.dtype)
    sae.W_dec.grad = acts.t() @ G
    sae.W_enc.grad = (d_pre.t() @ centred).t()
    sae.b_enc.grad = d_pre.sum(dim=0)
    sae.b_dec.grad = G.sum(dim=0).sub_(sae.W_enc @ sae.b_enc.grad)
    return Step(residual.square().sum(dim=-1).mean().add_(penalty.value), out, acts)


def _sparse_gradient(
    sae: Any,
    x: torch.Tensor,
    centred: torch.Tensor,
    latents: _Latents,
    penalty: _Penalty,
    entries: SparseEntries,
) -> Step:
    """The same over the `entries` at which a latent is on or within the rectangle."""
    import torch

    from hubkit.train.step import Step

    at = (entries.rows, entries.columns)
    on = latents.on[at]
    threshold = sae.threshold[entries.columns].to(latents.pre.dtype)
    acts = latents.pre[at].mul_(on)
    out = entries.times(acts, sae.W_dec).add_(sae.b_dec)
    residual = out - x
    G = residual * (2.0 / len(x))
    d_acts = entries.product(G, sae.W_dec)
    weight = penalty.weight[entries.rows]
    estimate = torch.addcmul(weight, d_acts, threshold).mul_(latents.near[at]).div_(sae.bandwidth)
    d_pre = d_acts.mul_(on)
    if sae.cfg.jumprelu_ste_to_input:
        d_pre.add_(estimate)
    sae.threshold.grad = entries.sums(estimate).neg_().to(sae.threshold.dtype)
    sae.W_dec.grad = entries.transposed_times(acts, G)
    sae.W_enc.grad = entries.transposed_times(d_pre, centred).t()
    sae.b_enc.grad = entries.sums(d_pre)
    sae.b_dec.grad = G.sum(dim=0).sub_(sae.W_enc @ sae.b_enc.grad)
    return Step(residual.square().sum(dim=-1).mean().add_(penalty.value), out, acts, entries)


def _penalty(cfg: Any, coefficient: float, l0: torch.Tensor) -> _Penalty:
    """On the L0 (B,) of each row, as SAELens's `step` or `quadratic`."""
    import torch

    if cfg.jumprelu_sparsity_loss_mode == "step":
        return _Penalty(coefficient * l0.mean(), torch.full_like(l0, coefficient / len(l0)))
    over = l0 - cfg.target_l0
    scale = 2 / cfg.target_l0 * coefficient
    return _Penalty(scale * over.square().mean(), over.mul_(2 * scale / len(l0)))


ARCHITECTURE = _JumpReLU()
