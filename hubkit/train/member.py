"""What goes into a stack and what comes out of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from hubkit.train.spec import SaeSpec


@dataclass(frozen=True)
class Member:
    """One SAE to train."""

    key: str
    """Its name in snapshots and results; unique in a stack."""
    spec: SaeSpec
    rows: torch.Tensor
    """Raw activations (n, d_in), float32 on the CPU; members may share storage, and it may be a memory-mapped file."""


@dataclass(frozen=True)
class MemberState:
    """Where one SAE stands, on the batch of the step."""

    key: str
    steps: int
    """Of its whole run."""
    batch: int
    """Rows of a step."""
    loss: float
    l0: float
    explained_variance: float
    """1 - ||x - x^||^2 / ||x - mean(x)||^2, both summed over the batch."""
    dead_share: float
    """Share of latents that fired on none of the rows since the last snapshot."""


@dataclass(frozen=True)
class Snapshot:
    """Where those members of a stack stand whose turn it is."""

    step: int
    """Steps done."""
    steps_per_second: float
    """Of each member, since somebody was last looked at."""
    members: list[MemberState]


@dataclass(frozen=True)
class Diverged:
    """A member whose loss or weights became NaN or infinite, or whose rows cannot be trained on."""

    key: str
    step: int
    """The step at which it was seen; 0 before the first."""
    reason: str


@dataclass(frozen=True)
class Trained:
    """A trained SAE, which lives on activations multiplied by `scale`."""

    spec: SaeSpec
    sae: Any
    """SAELens's training class with its final weights, on the CPU."""
    scale: float

    def encode(self, x: torch.Tensor) -> torch.Tensor:
        """Feature activations (n, d_sae) of raw activations `x` (n, d_in), in the units of the saved form.

        Those saved with decoder rows of norm 1 have activations that are lengths in raw space; the others keep their own units.
        """
        acts = self._encode(x)
        return acts / self.scale if self.spec.kind.unit_decoder else acts

    def reconstruct(self, x: torch.Tensor) -> torch.Tensor:
        """The reconstruction (n, d_in) of raw activations `x` (n, d_in)."""
        with torch.no_grad():
            out: torch.Tensor = self.sae.decode(self._encode(x))
        return out / self.scale

    def _encode(self, x: torch.Tensor) -> torch.Tensor:
        """In the SAE's own units."""
        with torch.no_grad():
            return self.spec.kind.encode(self.sae, x * self.scale)
