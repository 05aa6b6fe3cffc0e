"""How working code reports: events into a callable. The terminal belongs to `cli` and `console` alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Event:
    """One step of progress."""

    stage: str
    """`lab`, `collect`, `train`, `evaluate`, ..."""
    done: int
    total: int
    text: str = ""
    """What was just done, for the right end of the line."""


Report = Callable[[Event], None]


def silent(_: Event) -> None:
    """A report that nobody reads."""
