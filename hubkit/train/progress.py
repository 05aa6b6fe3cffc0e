"""What the driver makes of the workers' events: SAEs counted instead of batches, and every snapshot in a csv log. Torch-free."""

from __future__ import annotations

import csv
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from hubkit.engine.events import Event

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import TextIO

    from hubkit.engine.events import Progress

COLUMNS = ("step", "loss", "L0", "EV", "dead %", "rows/s")


class SaeProgress:
    """Forwards events with SAEs for units, and appends to the log as they come, so that a killed run has left its own."""

    def __init__(self, finished: int, total: int, log: TextIO, report: Progress) -> None:
        self._before, self._total, self._report = finished, total, report
        self._begun = time.perf_counter()
        self._shares: dict[str, float] = {}
        self._finished: set[str] = set()
        self._log = log
        self._writer = csv.writer(log, lineterminator="\n")

    def __call__(self, event: Event) -> None:
        for line in event.lines:
            if line.finished:
                self._finished.add(line.key)
                self._shares.pop(line.key, None)
            else:
                self._shares[line.key] = line.share
                seconds = f"{time.perf_counter() - self._begun:.1f}"
                self._writer.writerow([seconds, line.key, *(line.cells.get(name, "") for name in COLUMNS)])
        self._log.flush()
        done = self._before + len(self._finished)
        self._report(replace(event, done=done, total=self._total, part=sum(self._shares.values())))


def open_log(path: Path) -> TextIO:
    """The csv log of one run, begun anew with its heading."""
    path.parent.mkdir(parents=True, exist_ok=True)
    file = path.open("w", encoding="utf-8", newline="")
    _heading(file, ("seconds", "sae", *COLUMNS))
    return file


def _heading(file: TextIO, names: Sequence[str]) -> None:
    csv.writer(file, lineterminator="\n").writerow(names)
