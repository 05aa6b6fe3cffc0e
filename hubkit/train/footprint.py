"""How much memory training takes. Torch-free: it is asked before anything is trained."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hubkit.train.spec import SaeSpec

WEIGHT_COPIES = 7
"""The first weights, those in training, Adam's two moments, the gradient and what it is summed from."""
LATENT_COPIES = 24
"""(batch, d_sae) matrices that one step of the mapped form holds at once; with WEIGHT_COPIES, what a stack of 9 was seen to need (docs/training.md)."""
INPUT_COPIES = 6
"""The same of (batch, d_in)."""
SHARE = 0.8
"""Of the memory, for stacks; the rest is for the allocator's gaps and the activations."""
ROWS_SHARE = 0.1
"""Of a memory that was given, for activations on the device."""
RESIDENT = 1 << 30
"""Bytes of activations that a stack's device holds at most."""


def bytes_in_training(spec: SaeSpec, n: int, d_in: int) -> int:
    """Of one SAE on `n` rows of width `d_in`: WEIGHT_COPIES of its float32 weights and one step's matrices."""
    weights = 2 * d_in * spec.d_sae + 3 * spec.d_sae + d_in
    step = spec.batch_for(n) * (LATENT_COPIES * spec.d_sae + INPUT_COPIES * d_in)
    return 4 * (WEIGHT_COPIES * weights + step)


def for_stacks(memory: int) -> int:
    """Bytes of `memory` that a stack may fill."""
    return int(SHARE * memory)


def for_rows(memory: int | None) -> int:
    """Bytes of distinct activations that a stack of `memory` (None: nobody gave any) keeps on its device; beyond, batches are gathered where they lie."""
    return RESIDENT if memory is None else min(RESIDENT, int(ROWS_SHARE * memory))
