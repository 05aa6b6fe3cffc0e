"""What a measure's function gives: a number with what it stands on, or why there is none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Interval = tuple[float, float] | None


@dataclass(frozen=True)
class Null:
    """What the value would be if there were nothing."""

    kind: str
    """`chance`, `no difference`, what was permuted."""
    mean: float
    std: float | None = None
    quantiles: Mapping[str, float] = field(default_factory=dict)
    n: int | None = None
    """Draws that it was estimated from."""
    p_value: float | None = None
    """Two-sided: how often the null is as far out as the value."""


@dataclass(frozen=True)
class Estimate:
    """What a measure came to."""

    value: float
    """One that is not finite is written as null with its reason."""
    n: int
    """Rows that it stands on."""
    interval: Interval = None
    null: Null | None = None
    n_effective: float | None = None
    """Independent rows that would say as much."""
    detectable: float | None = None
    """The smallest distance from the null that is found four times of five."""
    method: str | None = None
    """How the interval was made, where it is not a resampling of the rows."""
    n_pairs: int | None = None
    """Pairs of rows that were compared, of a value that counts those."""


@dataclass(frozen=True)
class Histogram:
    """Latents by how often they fire."""

    n: int
    """Rows."""
    latents: int
    """Of all SAEs that were counted: those of the folds together where each has rows of its own."""
    dead: int
    """Latents that fire on no row."""
    dense: int
    """Latents that fire on more than a tenth of the rows."""
    edges: tuple[float, ...]
    """log10 of shares, one more than counts; the last bin holds its upper edge too."""
    counts: tuple[int, ...]


class NotMeasured(Exception):  # noqa: N818 - nothing went wrong: the release says why there is no value
    """Raised by a measure's function where there is nothing to compute it from: null with the reason."""

    def __init__(self, reason: str, n: int) -> None:
        super().__init__(reason)
        self.reason, self.n = reason, n
