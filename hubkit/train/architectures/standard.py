"""The ReLU SAE with an L1 penalty."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hubkit.train.architecture import Architecture

if TYPE_CHECKING:
    from hubkit.train.spec import SaeSpec


class _Standard(Architecture):
    name = "standard"
    takes_k = False

    def build(self, spec: SaeSpec, d_in: int, steps: int) -> Any:
        from sae_lens import StandardTrainingSAE, StandardTrainingSAEConfig

        del steps
        cfg = StandardTrainingSAEConfig(
            d_in=d_in,
            d_sae=spec.d_sae,
            l1_coefficient=spec.sparsity_coefficient,
            l1_warm_up_steps=spec.sparsity_warm_up_steps,
        )
        return StandardTrainingSAE(cfg)


ARCHITECTURE = _Standard()
