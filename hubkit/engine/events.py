"""How working code reports: events into a callable, also from other processes. The terminal belongs to `cli` and `console` alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

Cell = float | str


@dataclass(frozen=True)
class Line:
    """Where one thing in the works stands: a line of a live table."""

    key: str
    cells: Mapping[str, Cell] = field(default_factory=dict)
    """Column to value, in the order to show."""
    share: float = 0.0
    """How much of it is done, 0 to 1."""
    finished: bool = False
    """It is done or given up, and leaves the table."""


@dataclass(frozen=True)
class Event:
    """One step of progress. Picklable: it crosses processes."""

    stage: str
    """`lab`, `collect`, `train`, `evaluate`, ..."""
    done: int
    total: int
    text: str = ""
    """What was just done, for the right end of the line."""
    note: str = ""
    """What must not be missed, and stays: a process that died, something that failed."""
    lines: tuple[Line, ...] = ()
    """What has changed among the things in the works."""
    part: float = 0.0
    """What is done of those that are not finished, counted in whole ones: 0.5 when one is half way."""
    unit: str = ""
    """What `done` and `total` count, where it is not things: `bytes`."""


Progress = Callable[[Event], None]


def silent(_: Event) -> None:
    """Progress that nobody follows."""
