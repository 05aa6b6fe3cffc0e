"""Matryoshka BatchTopK (Bussmann et al. 2025, https://arxiv.org/abs/2503.17547): the first latents alone must reconstruct too, at several widths.

The losses of the inner widths are added to that of the whole, which leaves the general features to the first latents. Like a BatchTopK it is saved as a
JumpReLU with its running threshold. SAELens's auxiliary loss of each level is not offered: its shapes depend on the data.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BeforeValidator

from hubkit.train.architecture import OwnSettings
from hubkit.train.architectures.batchtopk import BatchTopK

if TYPE_CHECKING:
    from hubkit.train.spec import SaeSpec

SHARES = (16, 8, 4, 2)
"""Of d_sae, where no widths are given: each level has as many latents of its own as all before it."""


def _as_tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


class MatryoshkaSettings(OwnSettings):
    """Of the nested levels."""

    matryoshka_widths: Annotated[tuple[int, ...], BeforeValidator(_as_tuple)] | None = None
    """Matryoshka BatchTopK: latents of each inner level, growing; all latents are the last. Without it d_sae / 16, / 8, / 4, / 2."""


class _Matryoshka(BatchTopK):
    name = "matryoshka_batchtopk"
    own = MatryoshkaSettings

    def problem(self, spec: SaeSpec) -> str | None:
        widths = (0, *_inner(spec), spec.d_sae)
        if len(widths) < 3 or any(low >= high for low, high in pairwise(widths)):
            return f"matryoshka_widths is {list(widths[1:-1])}, expected at least one, growing, below d_sae = {spec.d_sae}"
        return super().problem(spec)

    def build(self, spec: SaeSpec, d_in: int, steps: int) -> Any:
        from sae_lens import MatryoshkaBatchTopKTrainingSAE, MatryoshkaBatchTopKTrainingSAEConfig

        from hubkit.train.stackable import MaskedAuxLoss, ThresholdBeside, stackable

        cfg = MatryoshkaBatchTopKTrainingSAEConfig(
            d_in=d_in,
            d_sae=spec.d_sae,
            matryoshka_widths=[*_inner(spec), spec.d_sae],
            **self.arguments(spec, steps),
        )
        return stackable(MatryoshkaBatchTopKTrainingSAE, ThresholdBeside, MaskedAuxLoss)(cfg)


def _inner(spec: SaeSpec) -> tuple[int, ...]:
    """The widths inside d_sae."""
    given = spec.own(MatryoshkaSettings).matryoshka_widths
    shares = tuple(dict.fromkeys(spec.d_sae // share for share in SHARES))
    return tuple(width for width in shares if width) if given is None else given


ARCHITECTURE = _Matryoshka()
