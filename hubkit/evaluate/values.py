"""Values of the catalogue's measures as the release states them: a number, or null and a reason."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from hubkit.measures.catalogue import get
from hubkit.release.metrics import MetricValue, NullReference

if TYPE_CHECKING:
    from hubkit.release.metrics import Split

Interval = tuple[float, float] | None


def measured(
    measure: str, value: float, n: int, split: Split, interval: Interval, null: NullReference | None = None
) -> MetricValue:
    """`value` of a measure of the catalogue, from `n` rows; a value that is not finite becomes null with its reason."""
    if not math.isfinite(value):
        return missing(measure, n, split, f"the computation gave {value}")
    return MetricValue(
        measure=measure,
        version=get(measure).version,
        value=value,
        n=n,
        split=split,
        interval=interval,
        null=null,
    )


def missing(measure: str, n: int, split: Split, reason: str) -> MetricValue:
    """Null, and why."""
    return MetricValue(
        measure=measure,
        version=get(measure).version,
        value=None,
        n=n,
        split=split,
        interval=None,
        reason=reason,
    )
