"""The gradient of a step written out, for the CPU: SAELens's losses, without multiplying zeros and without a tape.

An architecture that has one (`architectures/topk.py`, `jumprelu.py`) proves it equal to SAELens's own in tests/train/. Notation, for a batch x (B, d_in):
pre = (x - b_dec) W_enc + b_enc; acts (B, d_sae); r = acts W_dec + b_dec - x; the loss is mean over rows of |r|^2, plus the penalty; G = 2 r / B its
gradient in the reconstruction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from hubkit.train.architecture import Gradient
    from hubkit.train.step import Step


def written_out(sae: Any, form: Callable[[Any, torch.Tensor, Mapping[str, float]], Step]) -> Gradient:
    """`form` of `sae`, batch and coefficients as a gradient of `sae`, without a tape.

    Moves W_enc into transposed storage (d_sae, d_in), so that a latent's weights lie together.
    """
    sae.W_enc.data = sae.W_enc.data.t().contiguous().t()

    def gradient(x: torch.Tensor, coefficients: Mapping[str, float]) -> Step:
        with torch.no_grad():
            return form(sae, x, coefficients)

    return gradient
