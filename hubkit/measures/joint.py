"""Several differences on the same rows at once: how many may stand out by chance, and how far the furthest may."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hubkit.measures.bootstrap import SEED
from hubkit.measures.inference import Z

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from hubkit.measures.design import Booleans, Design
    from hubkit.measures.differing import Differing

    Values = NDArray[np.float64]

DRAWS = 1999


class Joint:
    """Differences of S probes from their references, each a sum over the same rows; and the same of rows whose signs were thrown.

    Row by row one coin for all S: what they share, they share in every throw (a multiplier bootstrap; Westfall & Young 1993, Chernozhukov et al. 2013).
    """

    def __init__(self, several: Sequence[Differing], design: Design) -> None:
        by_row = np.stack([one.by_row for one in several], axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            deviations = np.array([one.deviation for one in several])
            self.distances: Values = np.nan_to_num(by_row.sum(axis=0) / deviations)
            """(S,) in standard errors; 0 where nothing differs."""
        residuals = _centred(by_row, design)
        size = np.sqrt((residuals**2).sum(axis=0))
        coins = np.random.default_rng(SEED).integers(0, 2, size=(DRAWS, len(by_row))) * 2.0 - 1.0
        self._thrown: Values = coins @ (residuals / np.where(size > 0, size, 1.0))

    def as_many_above(self, chosen: Booleans) -> tuple[int, float]:
        """How many of the `chosen` are above their reference, and how often so many of all are where there is no difference."""
        count = int((self.distances[chosen] > Z).sum())
        return count, float((1 + ((self._thrown > Z).sum(axis=1) >= count).sum()) / (1 + DRAWS))

    def corrected(self) -> Values:
        """(S,) two-sided p of each, for the furthest of all (max-T)."""
        furthest = np.abs(self._thrown).max(axis=1)
        found: Values = (1 + (furthest[:, None] >= np.abs(self.distances)[None]).sum(axis=0)) / (1 + DRAWS)
        return found


def _centred(by_row: Values, design: Design) -> Values:
    """Less their mean over scenario and label, widened by n / (n - 1); a row alone in its cell as it is."""
    found = np.zeros(by_row.shape)
    for rows in design.members.values():
        for chosen in (rows[design.positive[rows]], rows[~design.positive[rows]]):
            n, cell = len(chosen), by_row[chosen]
            found[chosen] = (cell - cell.mean(axis=0)) * np.sqrt(n / (n - 1)) if n > 1 else cell
    return found
