"""Directions to steer along, and random ones of the same length beside them. numpy alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hubkit.errors import UsageError
from hubkit.measures.bootstrap import SEED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Rows = NDArray[np.floating[Any]]

RAW = "raw difference of means"
DECODED = "decoded difference of means"
ISOTROPIC = "random directions, all alike"
COVARIANCE = "random directions of the activations' covariance"
CONTROLS = (ISOTROPIC, COVARIANCE)


@dataclass(frozen=True)
class Direction:
    """What is added to the activations."""

    name: str
    unit: Floats
    """(d,) of length 1."""
    of_sae: bool = False
    """Whether it is read from the SAE."""


@dataclass(frozen=True)
class Dose:
    """How long a direction of alpha 1 is."""

    length: float
    """Of the raw difference of means."""
    typical: float
    """Median length of a row."""

    def share(self, alpha: float) -> float:
        """What is added, as a share of the median length of a row."""
        return abs(alpha) * self.length / self.typical


def dose_of(x: Rows, positive: NDArray[np.bool_]) -> Dose:
    """Of rows (n, d) and their labels (n,). Raises UsageError where the two labels have one mean."""
    length = float(np.linalg.norm(difference(x, positive)))
    if length == 0:
        raise UsageError(
            "the rows of the two labels have the same mean, so there is no direction to steer along"
        )
    return Dose(length, float(np.median(np.linalg.norm(x, axis=1))))


def difference(rows: Rows, positive: NDArray[np.bool_]) -> Floats:
    """Mean of the positive rows less that of the others, (d,). Raises UsageError where one of the labels has no row."""
    if positive.all() or not positive.any():
        raise UsageError(f"{len(positive)} rows, all of one label, expected both")
    found: Floats = rows[positive].mean(axis=0, dtype=np.float64) - rows[~positive].mean(
        axis=0, dtype=np.float64
    )
    return found


def directions(
    x: Rows,
    positive: NDArray[np.bool_],
    acts: Rows,
    decoder: Rows,
    latents: Sequence[int] = (),
) -> list[Direction]:
    """The SAE's and the raw difference of means, and the decoder's rows of some latents.

    `x` (n, d) with its labels (n,), `acts` (n, d_sae) of the SAE on them, `decoder` (d_sae, d). The SAE's difference is decoded without b_dec, which
    both means have in common; it is left out where it is 0. A latent is taken with the sign that its own means give it, so that each points from the
    second label to the first. Raises UsageError for a latent that there is not.
    """
    latent = difference(acts, positive)
    wrong = [one for one in latents if not 0 <= one < len(decoder)]
    if wrong:
        raise UsageError(
            f"latent {wrong[0]} of an SAE of {len(decoder)}", hint=f"choose from 0 to {len(decoder) - 1}"
        )
    found = [(DECODED, latent @ decoder.astype(np.float64), True), (RAW, difference(x, positive), False)]
    found += [
        (f"latent {one}", decoder[one].astype(np.float64) * (-1.0 if latent[one] < 0 else 1.0), True)
        for one in latents
    ]
    return [
        Direction(name, vector / np.linalg.norm(vector), of_sae)
        for name, vector, of_sae in found
        if np.linalg.norm(vector) > 0
    ]


def random_directions(x: Rows, count: int, kind: str) -> list[Direction]:
    """`count` directions drawn all alike, or with the covariance of the rows `x` (n, d); the same ones whenever they are asked for."""
    generator = np.random.default_rng([SEED, CONTROLS.index(kind)])
    if kind == ISOTROPIC:
        drawn = generator.normal(size=(count, x.shape[1]))
    else:
        drawn = generator.normal(size=(count, len(x))) @ (x - x.mean(axis=0, dtype=np.float64))
    return [Direction(kind, row / np.linalg.norm(row)) for row in drawn if np.linalg.norm(row) > 0]
