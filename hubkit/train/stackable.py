"""What SAELens's training classes lack to be mapped over a stack: shapes that do not depend on the data, and no side effects. Put before a class by `stackable`."""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from sae_lens.saes.topk_sae import TopK, act_times_W_dec


@cache
def stackable(base: type, *changes: type) -> type:
    """SAELens's training class `base` with `changes` of this module."""
    return type(f"Stackable{base.__name__}", (*changes, base), {"__module__": __name__})


class TopKActivation(TopK):  # type: ignore[misc]
    """SAELens's TopK; its scatter in place would be carried out SAE by SAE under vmap."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The k largest of each row of `x` (n, d_sae), those below 0 and all others as 0."""
        largest = torch.topk(x, k=self.k, dim=-1, sorted=False)
        return torch.zeros_like(x).scatter(-1, largest.indices, largest.values.relu())


class ScatteredTopK:
    """For SAELens's TopK: the activation above."""

    cfg: Any

    def get_activation_fn(self) -> TopKActivation:
        """TopK and ReLU."""
        return TopKActivation(self.cfg.k)


class ThresholdBeside:
    """For SAELens's BatchTopK classes: the running threshold is followed after the step (`Architecture.follow`), not inside the forward pass."""

    def update_topk_threshold(self, acts_topk: torch.Tensor) -> None:
        """Nothing."""


class MaskedAuxLoss:
    """For SAELens's TopK classes: the same auxiliary loss, by masking where SAELens counts and cuts."""

    cfg: Any
    W_dec: torch.Tensor

    def calculate_topk_aux_loss(
        self,
        sae_in: torch.Tensor,
        sae_out: torch.Tensor,
        hidden_pre: torch.Tensor,
        dead_neuron_mask: torch.Tensor | None,
    ) -> torch.Tensor:
        """The dead latents' best min(d_in // 2, dead) reconstruct what the living leave over (Gao et al. 2024, https://arxiv.org/abs/2406.04093, A.2).

        SAELens takes the top min(k_aux, dead) of the dead latents; here the top k_aux are taken and the living among them, which
        come last, are put to 0.
        """
        if dead_neuron_mask is None:
            return sae_out.new_zeros(())
        k_aux = min(sae_in.shape[-1] // 2, hidden_pre.shape[-1])
        # With none dead this is 0, and so is the loss.
        share = (dead_neuron_mask.sum().to(sae_out.dtype) / (sae_in.shape[-1] // 2)).clamp(max=1.0)
        best = torch.where(dead_neuron_mask, hidden_pre, -torch.inf).topk(k_aux, sorted=False)
        dead = best.values > -torch.inf
        values = torch.where(dead, best.values, 0.0)
        acts = torch.zeros_like(hidden_pre).scatter(-1, best.indices, values)
        recons = act_times_W_dec(acts, self.W_dec, self.cfg.rescale_acts_by_decoder_norm)
        residual = (sae_in - sae_out).detach()
        loss = (recons - residual).pow(2).sum(dim=-1).mean()
        return self.cfg.aux_loss_coefficient * share * loss
