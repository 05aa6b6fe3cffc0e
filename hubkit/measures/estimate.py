"""What a measure's function gives: a number with what it stands on, or why there is none."""

from __future__ import annotations

from dataclasses import dataclass

Interval = tuple[float, float] | None


@dataclass(frozen=True)
class Null:
    """What the value would be if there were nothing."""

    kind: str
    """`chance`, `no difference`."""
    mean: float


@dataclass(frozen=True)
class Estimate:
    """What a measure came to."""

    value: float
    """One that is not finite is written as null with its reason."""
    n: int
    """Rows that it stands on."""
    interval: Interval = None
    null: Null | None = None


class NotMeasured(Exception):  # noqa: N818 - nothing went wrong: the release says why there is no value
    """Raised by a measure's function where there is nothing to compute it from: null with the reason."""

    def __init__(self, reason: str, n: int) -> None:
        super().__init__(reason)
        self.reason, self.n = reason, n
