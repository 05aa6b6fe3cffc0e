"""Rows of a known dictionary, and how much of it an SAE found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Callable

D_IN, FEATURES, ACTIVE = 64, 128, 8
NOISE = 0.05
FOUND = 0.9
"""Cosine with a decoder row above which a feature counts as found."""


@dataclass(frozen=True)
class Recovery:
    """Of one SAE."""

    cosine: float
    """Mean over the true features of the largest cosine with a decoder row."""
    found: float
    """Share of true features whose largest cosine is above FOUND."""
    alive: float
    """Share of latents that fire on held-out rows, as do `l0` and `explained_variance`."""
    l0: float
    explained_variance: float


def dictionary(seed: int = 0) -> torch.Tensor:
    """FEATURES unit directions (FEATURES, D_IN), drawn evenly over the sphere: twice as many as dimensions."""
    drawn = torch.randn(FEATURES, D_IN, generator=torch.Generator().manual_seed(seed))
    return drawn / drawn.norm(dim=1, keepdim=True)


def rows_of(features: torch.Tensor, n: int, seed: int) -> torch.Tensor:
    """`n` rows (n, d_in): each feature is on in ACTIVE / FEATURES of them by itself, with a magnitude from 0.5 to 1.5, and normal noise is added."""
    g = torch.Generator().manual_seed(seed)
    on = torch.rand(n, len(features), generator=g) < ACTIVE / FEATURES
    codes = on * (0.5 + torch.rand(n, len(features), generator=g))
    return codes @ features + NOISE * torch.randn(n, features.shape[1], generator=g)


def recovery(
    decoder: torch.Tensor,
    encode: Callable[[torch.Tensor], torch.Tensor],
    reconstruct: Callable[[torch.Tensor], torch.Tensor],
    features: torch.Tensor,
    held_out: torch.Tensor,
) -> Recovery:
    """Of an SAE with `decoder` rows (d_sae, d_in), on rows (n, d_in) that it has not seen."""
    unit = decoder / decoder.norm(dim=1, keepdim=True).clamp(min=1e-12)
    best = (features @ unit.t()).max(dim=1).values
    on = encode(held_out) > 0
    error = (held_out - reconstruct(held_out)).square().sum()
    return Recovery(
        cosine=float(best.mean()),
        found=float((best > FOUND).double().mean()),
        alive=float(on.any(dim=0).double().mean()),
        l0=float(on.sum(dim=1).double().mean()),
        explained_variance=float(1 - error / (held_out - held_out.mean(dim=0)).square().sum()),
    )
