"""The gradient of a step written out, for the CPU: SAELens's losses, without multiplying zeros and without a tape.

Each form is proven equal to SAELens's own by tests/train/test_equality.py. Notation, for a batch x (B, d_in): pre = (x - b_dec) W_enc + b_enc;
acts (B, d_sae); r = acts W_dec + b_dec - x; the loss is mean over rows of |r|^2, plus the penalty; G = 2 r / B its gradient in the
reconstruction. W_enc is held transposed (d_sae, d_in), so that a latent's weights lie together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from hubkit.train.sparse import Places, topk_columns
from hubkit.train.ste import gaussian
from hubkit.train.step import Step

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hubkit.train.spec import SaeSpec

DENSE_FROM = 0.12
"""Share of entries that are not zero from which dense products are faster (measured at 576 -> 2304)."""


def gradient_of(spec: SaeSpec, sae: Any) -> Callable[[torch.Tensor, Mapping[str, float]], Step] | None:
    """The written-out gradient of `sae`, which sets every `.grad`, or None where there is none.

    Moves W_enc into transposed storage.
    """
    if spec.autocast or spec.recipe == "naive":
        return None
    if spec.architecture == "topk":
        return _prepared(sae, _topk)
    if spec.architecture == "jumprelu" and spec.sparsity != "tanh":
        return _prepared(sae, _jumprelu)
    return None


def _prepared(sae: Any, form: Any) -> Callable[[torch.Tensor, Mapping[str, float]], Step]:
    sae.W_enc.data = sae.W_enc.data.t().contiguous().t()

    def gradient(x: torch.Tensor, coefficients: Mapping[str, float]) -> Step:
        with torch.no_grad():
            step: Step = form(sae, x, coefficients)
        return step

    return gradient


def _topk(sae: Any, x: torch.Tensor, coefficients: Mapping[str, float]) -> Step:
    """SAELens's TopK, selecting by pre * |W_dec row|: the norm divides out of the activation again, and so out of its gradient."""
    del coefficients
    centred = x - sae.b_dec
    pre = torch.addmm(sae.b_enc, centred, sae.W_enc)
    norms = sae.W_dec.norm(dim=1)
    values, columns = topk_columns(pre.mul_(norms), sae.cfg.k)
    places = Places.of(columns, sae.cfg.d_sae)
    acts = values.view(-1).relu_().div_(norms[places.columns])
    out = places.times(acts, sae.W_dec).add_(sae.b_dec)
    residual = out - x
    G = residual * (2.0 / len(x))
    d_pre = places.product(G, sae.W_dec).mul_(acts > 0)
    sae.W_dec.grad = places.transposed_times(acts, G)
    sae.W_enc.grad = places.transposed_times(d_pre, centred).t()
    sae.b_enc.grad = places.sums(d_pre)
    sae.b_dec.grad = G.sum(dim=0).sub_(sae.W_enc @ sae.b_enc.grad)
    return Step(residual.square().sum(dim=-1).mean(), out, acts, places)


def _jumprelu(sae: Any, x: torch.Tensor, coefficients: Mapping[str, float]) -> Step:
    """JumpReLU with the penalty on L0: dense while many latents fire, over the places alone once few do.

    With K the kernel at u = (pre - threshold) / b and w = d penalty / d L0 of each row, the estimate is E = K / b (threshold dacts + w);
    dthreshold = -sum E, and dpre = [pre > threshold] dacts (+ E where it is passed on).
    """
    centred = x - sae.b_dec
    pre = torch.addmm(sae.b_enc, centred, sae.W_enc)
    threshold = sae.threshold.to(pre.dtype)
    on = pre > threshold
    fired = on.sum(dim=1, dtype=x.dtype)
    penalty, weight = _penalty(sae.cfg, coefficients["l0"], fired)
    offset = (pre - threshold).div_(sae.bandwidth)
    wide = sae.kernel == "gaussian"
    near = None if wide else (offset > -0.5) & (offset < 0.5)
    touched = None if near is None else on | near
    sparse = touched is not None and int(touched.sum()) < DENSE_FROM * touched.numel()
    if sparse and touched is not None and near is not None:
        return _jumprelu_sparse(sae, x, centred, (pre, on, near, touched), (penalty, weight))
    kernel = gaussian(offset) if near is None else near.to(x.dtype)
    acts = pre.mul_(on)
    out = torch.addmm(sae.b_dec, acts, sae.W_dec)
    residual = out - x
    G = residual * (2.0 / len(x))
    d_acts = G @ sae.W_dec.t()
    estimate = torch.addcmul(weight[:, None], d_acts, threshold).mul_(kernel).div_(sae.bandwidth)
    d_pre = d_acts.mul_(on)
    if sae.cfg.jumprelu_ste_to_input:
        d_pre.add_(estimate)
    sae.threshold.grad = estimate.sum(dim=0).neg_().to(sae.threshold.dtype)
    sae.W_dec.grad = acts.t() @ G
    sae.W_enc.grad = (d_pre.t() @ centred).t()
    sae.b_enc.grad = d_pre.sum(dim=0)
    sae.b_dec.grad = G.sum(dim=0).sub_(sae.W_enc @ sae.b_enc.grad)
    return Step(residual.square().sum(dim=-1).mean().add_(penalty), out, acts)


def _jumprelu_sparse(
    sae: Any,
    x: torch.Tensor,
    centred: torch.Tensor,
    latents: tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor],
    penalty: tuple[torch.Tensor, torch.Tensor],
) -> Step:
    """The same over the places where a latent is on or within the rectangle."""
    pre, on, near, touched = latents
    places = Places.where(touched)
    at = (places.rows, places.columns)
    on_at = on[at]
    threshold = sae.threshold[places.columns].to(pre.dtype)
    acts = pre[at].mul_(on_at)
    out = places.times(acts, sae.W_dec).add_(sae.b_dec)
    residual = out - x
    G = residual * (2.0 / len(x))
    d_acts = places.product(G, sae.W_dec)
    estimate = torch.addcmul(penalty[1][places.rows], d_acts, threshold).mul_(near[at]).div_(sae.bandwidth)
    d_pre = d_acts.mul_(on_at)
    if sae.cfg.jumprelu_ste_to_input:
        d_pre.add_(estimate)
    sae.threshold.grad = places.sums(estimate).neg_().to(sae.threshold.dtype)
    sae.W_dec.grad = places.transposed_times(acts, G)
    sae.W_enc.grad = places.transposed_times(d_pre, centred).t()
    sae.b_enc.grad = places.sums(d_pre)
    sae.b_dec.grad = G.sum(dim=0).sub_(sae.W_enc @ sae.b_enc.grad)
    return Step(residual.square().sum(dim=-1).mean().add_(penalty[0]), out, acts, places)


def _penalty(cfg: Any, coefficient: float, l0: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The penalty on L0 (B,) of each row, as a mean, and its gradient (B,)."""
    if cfg.jumprelu_sparsity_loss_mode == "step":
        return coefficient * l0.mean(), torch.full_like(l0, coefficient / len(l0))
    over = l0 - cfg.target_l0
    scale = 2 / cfg.target_l0 * coefficient
    return scale * over.square().mean(), over.mul_(2 * scale / len(l0))
