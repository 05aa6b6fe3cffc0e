"""What every engine keeps of its units: who is next, what came of each, what is tried again."""

from __future__ import annotations

import traceback
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hubkit.engine.events import Event, Progress
from hubkit.engine.work import Failure, Results, Split, Unit, Worker
from hubkit.errors import HubkitError


@dataclass(frozen=True)
class Success:
    """A unit that came out."""

    key: str
    result: Any


Outcome = Success | Failure


class Desk:
    """Who is next, how often each was tried, and what came of it."""

    def __init__(
        self, units: Sequence[Unit], retries: int, split: Split | None, report: Progress, stage: str
    ) -> None:
        self.queue = deque(units)
        self.results = Results()
        self.report = report
        self._tries: Counter[str] = Counter()
        self._retries, self._split = retries, split
        self._total, self._stage = len(units), stage
        self._tell("")

    def take(self) -> Unit | None:
        """The next unit, or None."""
        if not self.queue:
            return None
        unit = self.queue.popleft()
        self._tries[unit.key] += 1
        return unit

    def settle(self, unit: Unit, outcome: Outcome) -> None:
        """Keep a result or a failure, or put the unit back where another try may help."""
        if isinstance(outcome, Success):
            self.results.done[outcome.key] = outcome.result
            self._tell(outcome.key)
        elif not outcome.final and self._tries[unit.key] <= self._retries:
            self.queue.appendleft(unit)
            self._tell(unit.key, f"{unit.key}: {outcome.message}; tried again")
        else:
            self.results.failed.append(outcome)
            self._tell(unit.key, f"{unit.key}: failed: {outcome.message}")

    def lose(self, unit: Unit, why: str, hint: str = "too little memory? try fewer workers") -> None:
        """The process of `unit` ended without a word: its parts come next, or itself once more, or it has failed."""
        died = f"its process ended without a result ({why})"
        parts = self._split(unit) if self._split else []
        if len(parts) > 1:
            self.queue.extendleft(reversed(parts))
            self._total += len(parts) - 1
            self._tell(unit.key, f"{unit.key}: {died}; tried again in {len(parts)} parts")
            return
        tries = self._tries[unit.key]
        message = died if tries == 1 else f"its process ended {tries} times without a result ({why})"
        self.settle(unit, Failure(unit.key, message, hint=hint, final=False))

    def _tell(self, text: str, note: str = "") -> None:
        done = len(self.results.done) + len(self.results.failed)
        self.report(Event(self._stage, done, self._total, text, note))


def attempt(worker: Worker, unit: Unit, report: Progress) -> Outcome:
    """The result of one unit, or its failure in words (exceptions need not survive pickling)."""
    try:
        return Success(unit.key, worker(unit.payload, report))
    except HubkitError as error:
        return Failure(unit.key, error.message, error.hint)
    except Exception as error:  # noqa: BLE001 - the one place that keeps a unit's fault from the other units
        where = traceback.extract_tb(error.__traceback__)[-1]
        message = f"{type(error).__name__}: {error} ({where.filename}:{where.lineno})"
        return Failure(unit.key, message, final=False)
