"""The gated SAE (Rajamanoharan et al. 2024, https://arxiv.org/abs/2404.16014): one path decides which latents are on, another how much."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hubkit.train.architecture import Architecture

if TYPE_CHECKING:
    from hubkit.train.spec import SaeSpec


class _Gated(Architecture):
    name = "gated"
    takes_k = False

    def build(self, spec: SaeSpec, d_in: int, steps: int) -> Any:
        from sae_lens import GatedTrainingSAE, GatedTrainingSAEConfig

        del steps
        cfg = GatedTrainingSAEConfig(
            d_in=d_in,
            d_sae=spec.d_sae,
            l1_coefficient=spec.sparsity_coefficient,
            l1_warm_up_steps=spec.sparsity_warm_up_steps,
        )
        return GatedTrainingSAE(cfg)


ARCHITECTURE = _Gated()
