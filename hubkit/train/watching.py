"""A stack's snapshots on their way to whoever watches: lines of a live table, and each SAE's curve. Torch-free."""

from __future__ import annotations

import math
import time
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hubkit.engine.events import Event, Line
from hubkit.train.unit import Point

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hubkit.engine.events import Cell, Progress
    from hubkit.train.member import Member, MemberState, Snapshot

STAGE = "train"
POINTS = 50
"""Of a curve."""


@dataclass(frozen=True)
class Curve:
    """Where one SAE stood on the way."""

    stack: int
    """SAEs that were trained in one program with it."""
    points: list[Point]


class Watcher:
    """Hears the snapshots of a stack; what it keeps is in `curve`."""

    def __init__(self, report: Progress, size: int) -> None:
        self._report, self._size = report, size
        self._curves: dict[str, list[Point]] = defaultdict(list)
        self._sizes: dict[str, int] = {}
        self._begun = time.perf_counter()

    def every(self, chunk: Sequence[Member]) -> list[int]:
        """Steps between two snapshots of each SAE of `chunk`, which begins now."""
        self._begun = time.perf_counter()
        for member in chunk:
            self._sizes[member.key] = len(chunk)
            self._curves[member.key] = []
        return [max(1, member.spec.steps_for(len(member.rows)) // POINTS) for member in chunk]

    def __call__(self, snapshot: Snapshot) -> None:
        each = (time.perf_counter() - self._begun) / max(1, snapshot.step)
        lines = []
        for state in snapshot.members:
            self._curves[state.key].append(_point(snapshot.step, state))
            lines.append(_line(snapshot, state, each * (state.steps - snapshot.step)))
        self._report(Event(STAGE, 0, 0, lines=tuple(lines)))

    def say(self, text: str) -> None:
        """Something that whoever watches should know."""
        self._report(Event(STAGE, 0, 0, note=text))

    def curve(self, key: str) -> Curve:
        """This SAE's."""
        return Curve(self._sizes[key], self._curves[key])


def _line(snapshot: Snapshot, state: MemberState, left: float) -> Line:
    cells: dict[str, Cell] = {
        "step": f"{snapshot.step:,}/{state.steps:,}",
        "loss": state.loss,
        "L0": state.l0,
        "EV": state.explained_variance,
        "dead %": 100 * state.dead_share,
        "rows/s": snapshot.steps_per_second * state.batch,
        "left": _duration(left),
    }
    return Line(state.key, cells, share=snapshot.step / state.steps)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _point(step: int, state: MemberState) -> Point:
    return Point(
        step=step,
        loss=_finite(state.loss),
        l0=_finite(state.l0),
        explained_variance=_finite(state.explained_variance),
        dead_share=_finite(state.dead_share),
    )


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
