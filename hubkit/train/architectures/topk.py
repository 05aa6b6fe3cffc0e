"""TopK (Gao et al. 2024, https://arxiv.org/abs/2406.04093): the k largest latents of each row, by SAELens chosen as if the decoder's rows had norm 1."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hubkit.train.architecture import Architecture
from hubkit.train.size import MANY_ROWS, dead_window, many_rows, rate, scheduled

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch

    from hubkit.train.architecture import Gradient
    from hubkit.train.spec import SaeSpec
    from hubkit.train.step import Step


class TopK(Architecture):
    """Also what BatchTopK has in common with it."""

    name = "topk"
    unit_decoder = True

    def suited(self, spec: SaeSpec, n: int) -> dict[str, Any]:
        """A higher learning rate, and the auxiliary loss for the latents that it would leave dead."""
        return {"dead_window": dead_window(spec.steps_for(n))} | scheduled(spec, n)

    def needs_k(self, spec: SaeSpec) -> bool:
        """Always."""
        del spec
        return True

    def build(self, spec: SaeSpec, d_in: int, steps: int) -> Any:
        """SAELens's, its scatter and its auxiliary loss in forms that can be mapped."""
        from sae_lens import TopKTrainingSAE, TopKTrainingSAEConfig

        from hubkit.train.stackable import MaskedAuxLoss, ScatteredTopK, stackable

        del steps
        cfg = TopKTrainingSAEConfig(
            d_in=d_in, d_sae=spec.d_sae, k=spec.k, aux_loss_coefficient=aux_coefficient(spec)
        )
        return stackable(TopKTrainingSAE, ScatteredTopK, MaskedAuxLoss)(cfg)

    def warnings(self, spec: SaeSpec, n: int) -> list[str]:
        """A rate for hundreds of rows on thousands."""
        if 2 * spec.lr > rate(spec, n) or not many_rows(n, spec.steps_for(n)):
            return []
        return [
            f"lr {spec.lr:g} on {n:,} rows: from {MANY_ROWS:,} rows on it finds fewer features of a known dictionary than {rate(spec, n):.2g} does; leave lr out"
        ]

    def gradient(self, spec: SaeSpec, sae: Any) -> Gradient | None:
        """Over the entries that are not zero."""
        from hubkit.train.gradient import written_out

        return None if spec.autocast else written_out(sae, _gradient)


def aux_coefficient(spec: SaeSpec) -> float:
    """SAELens's coefficient, or 0 where no dead window is set (it brought no gain on a few hundred rows)."""
    return 0.0 if spec.dead_window is None else 1.0


def _gradient(sae: Any, x: torch.Tensor, coefficients: Mapping[str, float]) -> Step:
    """SAELens's TopK, selecting by pre * |W_dec row|: the norm divides out of the activation again, and so out of its gradient."""
    import torch

    from hubkit.train.sparse import SparseEntries, topk_columns
    from hubkit.train.step import Step

    del coefficients
    centred = x - sae.b_dec
    pre = torch.addmm(sae.b_enc, centred, sae.W_enc)
    norms = sae.W_dec.norm(dim=1)
    values, columns = topk_columns(pre.mul_(norms), sae.cfg.k)
    entries = SparseEntries.of(columns, sae.cfg.d_sae)
    acts = values.view(-1).relu_().div_(norms[entries.columns])
    out = entries.times(acts, sae.W_dec).add_(sae.b_dec)
    residual = out - x
    G = residual * (2.0 / len(x))
    d_pre = entries.product(G, sae.W_dec).mul_(acts > 0)
    sae.W_dec.grad = entries.transposed_times(acts, G)
    sae.W_enc.grad = entries.transposed_times(d_pre, centred).t()
    sae.b_enc.grad = entries.sums(d_pre)
    sae.b_dec.grad = G.sum(dim=0).sub_(sae.W_enc @ sae.b_enc.grad)
    return Step(residual.square().sum(dim=-1).mean(), out, acts, entries)


ARCHITECTURE = TopK()
