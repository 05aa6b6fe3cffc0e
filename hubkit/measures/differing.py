"""What tells two probes of the same rows apart, row by row, and how much further it scatters because these rows trained both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from hubkit.measures.inference import TOGETHER, stratified_deviation, stratified_deviations, together
from hubkit.measures.probed import contributions, contributions_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hubkit.measures.design import Booleans, Design
    from hubkit.measures.probed import Probed, Values


@dataclass(frozen=True)
class Differing:
    """What each row adds to the difference of two balanced accuracies, and the same of permuted labels, on which both probes were fitted."""

    by_row: Values
    """(n,): their sum is the difference."""
    permuted: Values | None
    """(n, B); None where the two were not fitted on the same permuted labels."""
    positive: Booleans | None
    """(n, B) these labels."""
    design: Design

    @classmethod
    def of(cls, probe: Probed, reference: Probed, design: Design) -> Self:
        """`probe` less `reference`."""
        by_row = contributions(probe.predicted, design) - contributions(reference.predicted, design)
        if probe.null is None or reference.null is None or probe.kind != reference.kind:
            return cls(by_row, None, None, design)
        positive = probe.null.positive
        permuted = contributions_of(probe.null.scores > 0, positive, design)
        permuted -= contributions_of(reference.null.scores > 0, positive, design)
        return cls(by_row, permuted, positive, design)

    @classmethod
    def mean(cls, several: Sequence[Self]) -> Self:
        """Of several on the same rows, row by row."""
        first, by_row = several[0], np.mean([one.by_row for one in several], axis=0)
        permuted = [one.permuted for one in several if one.permuted is not None]
        whole = len(permuted) == len(several)
        return cls(
            by_row,
            np.mean(permuted, axis=0) if whole else None,
            first.positive if whole else None,
            first.design,
        )

    @property
    def times(self) -> float:
        """How many times further the difference scatters than that of independent rows: as permuted ones do, else (1 + 2/pi)^(1/2)."""
        if self.permuted is None or self.positive is None:
            return TOGETHER
        said = stratified_deviations(self.permuted, self.positive, self.design)
        return together(self.permuted.sum(axis=0), said)

    @property
    def value(self) -> float:
        """The difference."""
        return float(self.by_row.sum())

    @property
    def deviation(self) -> float:
        """Its standard error."""
        return self.times * stratified_deviation(self.by_row, self.design)
