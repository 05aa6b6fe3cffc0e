"""The proof after saving: what SAELens loads from disk is what was trained, and it learned what it was asked to learn."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from sae_lens import SAE

from hubkit.errors import HubkitError
from hubkit.formats.saelens import no_model_is_run
from hubkit.train.training_warnings import warnings_of

if TYPE_CHECKING:
    from pathlib import Path

    from hubkit.train.stack import Trained

TOLERANCE = 1e-4
"""Largest error, relative to the largest value; float32 rounding stays near 1e-6."""
MOST_ROWS = 4096
"""Rows that the proof is made on: more would say nothing else."""


@dataclass(frozen=True)
class Readback:
    """What the SAE on disk does with its training rows, the first MOST_ROWS of them."""

    max_error: float
    """Against the SAE in memory, relative to the largest value."""
    l0: float
    dead_share: float
    at_initial_threshold: float | None
    """Share of thresholds exactly at their initial value; None without thresholds."""
    warnings: list[str]


def read_back(trained: Trained, rows: torch.Tensor, folder: Path) -> Readback:
    """Load the SAE in `folder` with SAELens and compare it with `trained` on raw activations `rows` (n, d_in).

    Raises HubkitError when features or reconstructions differ by more than TOLERANCE.
    """
    n, rows = rows.shape[0], rows[:MOST_ROWS]
    with no_model_is_run():
        loaded = SAE.load_from_disk(folder)
    with torch.no_grad():
        acts, expected = loaded.encode(rows), trained.encode(rows)
        # A latent within rounding of its boundary may fire in one form only; where it does, both reconstructions are right.
        same = ((acts > 0) == (expected > 0)).all(dim=1)
        error = largest(
            compare(loaded, acts, expected),
            relative_error(loaded.decode(acts)[same], trained.reconstruct(rows)[same]),
        )
    if not error <= TOLERANCE:
        raise HubkitError(
            f"{folder}: what was saved differs from what was trained by {error:.2g} of the largest value, "
            f"expected at most {TOLERANCE:g}",
            hint="this is a defect of hubkit or of the installed sae-lens; report it with both versions",
        )
    alive = (acts > 0).any(dim=0)
    moved = _at_initial_threshold(loaded, trained)
    l0 = float((acts != 0).sum(dim=1).double().mean())
    dead = 1.0 - float(alive.double().mean())
    return Readback(error, l0, dead, moved, warnings_of(trained.spec, (n, rows.shape[1]), l0, dead, moved))


def compare(loaded: Any, acts: torch.Tensor, expected: torch.Tensor) -> float:
    """Largest relative difference of two (n, d_sae) feature matrices of one SAE.

    Where a latent fires in one of them only, the difference is its distance from the boundary that it crossed: its threshold,
    or the smallest active value of the row.
    """
    crossed = (acts > 0) != (expected > 0)
    error = relative_error(acts.masked_fill(crossed, 0.0), expected.masked_fill(crossed, 0.0))
    if not bool(crossed.any()):
        return error
    higher = torch.maximum(acts, expected)
    smallest = higher.masked_fill(higher <= 0, torch.inf).min(dim=1, keepdim=True).values
    boundary = loaded.threshold.expand_as(acts) if hasattr(loaded, "threshold") else smallest.expand_as(acts)
    distance = (higher - boundary)[crossed].abs().max() / expected.abs().max().clamp(min=1e-30)
    return largest(error, float(distance))


def largest(first: float, second: float) -> float:
    """The larger of two errors; NaN when one is NaN (the built-in max would drop it)."""
    return math.nan if math.isnan(first) or math.isnan(second) else max(first, second)


def relative_error(value: torch.Tensor, expected: torch.Tensor) -> float:
    """max |value - expected| / max |expected|; NaN stays NaN, no entries are no error."""
    if expected.numel() == 0:
        return 0.0
    return float((value - expected).abs().max() / expected.abs().max().clamp(min=1e-30))


def _at_initial_threshold(loaded: Any, trained: Trained) -> float | None:
    initial = trained.spec.kind.initial_threshold(trained.sae)
    if initial is None:
        return None
    return float((loaded.threshold == torch.tensor(initial, dtype=torch.float32)).double().mean())
