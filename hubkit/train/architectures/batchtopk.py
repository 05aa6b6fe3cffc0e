"""BatchTopK (Bussmann et al. 2024, https://arxiv.org/abs/2412.06410): k latents a row on average over the batch, and one threshold where there is no batch.

In training the k B largest latents of a batch of B rows are kept. A published SAE sees no such batches: SAELens follows the smallest latent that was
kept, as a running mean (`topk_threshold`), and saves a JumpReLU that has it as the threshold of every latent. Here that mean is followed beside the
gradient, so that a stack can be mapped, and what was trained is read as it will be published.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from hubkit.train.architectures.topk import TopK, aux_coefficient

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch

    from hubkit.train.architecture import Gradient
    from hubkit.train.spec import SaeSpec

LEFT_OF_START = 0.01
"""Weight that the 0 with which the running threshold starts has left after a quarter of the run."""
SLOWEST = 0.01
"""SAELens's own rate of that threshold, kept where a run is long enough for it."""


class BatchTopK(TopK):
    """Also what its Matryoshka has in common with it."""

    name = "batchtopk"
    mixes_rows = True

    def build(self, spec: SaeSpec, d_in: int, steps: int) -> Any:
        """SAELens's, its threshold followed by `follow`."""
        from sae_lens import BatchTopKTrainingSAE, BatchTopKTrainingSAEConfig

        from hubkit.train.stackable import MaskedAuxLoss, ThresholdBeside, stackable

        cfg = BatchTopKTrainingSAEConfig(d_in=d_in, d_sae=spec.d_sae, **self.arguments(spec, steps))
        return stackable(BatchTopKTrainingSAE, ThresholdBeside, MaskedAuxLoss)(cfg)

    def arguments(self, spec: SaeSpec, steps: int) -> dict[str, Any]:
        """What SAELens's configuration is to say of it."""
        assert spec.k is not None  # noqa: S101 - the spec's own rule
        return {
            "k": float(spec.k),
            "topk_threshold_lr": spec.threshold_lr or threshold_rate(steps),
            "aux_loss_coefficient": aux_coefficient(spec),
        }

    def gradient(self, spec: SaeSpec, sae: Any) -> Gradient | None:
        """Torch's: the entries that are kept have another number in every row."""
        del spec, sae
        return None

    def follow_rate(self, sae: Any) -> float:
        """Of the running threshold."""
        return float(sae.cfg.topk_threshold_lr)

    def follow(
        self, rate: float | torch.Tensor, buffers: Mapping[str, torch.Tensor], acts: torch.Tensor
    ) -> None:
        """The running mean of the smallest active value, as SAELens's `update_topk_threshold`: a batch without any leaves it."""
        import torch

        threshold = buffers["topk_threshold"]
        smallest = torch.where(acts > 0, acts, torch.inf).amin(dim=(-2, -1)).to(threshold.dtype)
        moved = (1 - rate) * threshold + rate * smallest
        threshold.copy_(torch.where(smallest < torch.inf, moved, threshold))

    def encode(self, sae: Any, x: torch.Tensor) -> torch.Tensor:
        """By the running threshold: the batches are gone, it stays."""
        _, pre = sae.encode_with_hidden_pre(x)
        acts: torch.Tensor = pre.relu() * (pre > sae.topk_threshold)
        return acts


def threshold_rate(steps: int) -> float:
    """r such that (1 - r)^(steps / 4) is LEFT_OF_START; never slower than SAELens's default."""
    return max(SLOWEST, 1.0 - math.pow(LEFT_OF_START, 4.0 / steps))


ARCHITECTURE = BatchTopK()
