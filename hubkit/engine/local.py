"""Units of work on this machine: in this process, or in spawned processes that are watched.

A unit that raises is a named failure and the others go on. A process that dies (killed, out of memory) is replaced; its unit
comes back in parts, or is tried again.
"""

from __future__ import annotations

import multiprocessing
import signal
import sys
import traceback
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING, Any

from hubkit.engine.events import Event, Progress, silent
from hubkit.engine.work import Failure, Results, Split, Unit, Worker
from hubkit.errors import HubkitError
from hubkit.third_party import hush

if TYPE_CHECKING:
    from multiprocessing.context import SpawnProcess

FAREWELL_SECONDS = 10.0


@dataclass(frozen=True)
class Success:
    """A unit that came out."""

    key: str
    result: Any


Outcome = Success | Failure


@dataclass(frozen=True)
class Local:
    """The engine of this machine; one worker runs in this process."""

    workers: int = 1
    retries: int = 1
    """How many more times a unit is tried whose process died, or that ended in an error nobody foresaw."""

    def run(
        self,
        units: Sequence[Unit],
        worker: Worker,
        *,
        report: Progress = silent,
        stage: str = "work",
        split: Split | None = None,
    ) -> Results:
        """As `Engine.run`. KeyboardInterrupt ends the processes and goes on up."""
        desk = _Desk(units, self.retries, split, report, stage)
        if min(self.workers, len(units)) <= 1:
            while (unit := desk.take()) is not None:
                desk.settle(unit, _attempt(worker, unit, report))
        else:
            _run_in_processes(desk, worker, self.workers)
        return desk.results


class _Desk:
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

    def lose(self, unit: Unit, exitcode: int | None) -> None:
        """The process of `unit` ended without a word: its parts come next, or itself once more, or it has failed."""
        died = f"its process ended without a result (exit code {exitcode})"
        parts = self._split(unit) if self._split else []
        if len(parts) > 1:
            self.queue.extendleft(reversed(parts))
            self._total += len(parts) - 1
            self._tell(unit.key, f"{unit.key}: {died}; tried again in {len(parts)} parts")
            return
        tries = self._tries[unit.key]
        message = (
            died if tries == 1 else f"its process ended {tries} times without a result (exit code {exitcode})"
        )
        self.settle(
            unit, Failure(unit.key, message, hint="too little memory? try fewer workers", final=False)
        )

    def _tell(self, text: str, note: str = "") -> None:
        done = len(self.results.done) + len(self.results.failed)
        self.report(Event(self._stage, done, self._total, text, note))


@dataclass
class _Seat:
    """A spawned process, our end of its pipe, and the unit it works on."""

    process: SpawnProcess
    connection: Connection
    unit: Unit | None = None


def _attempt(worker: Worker, unit: Unit, report: Progress) -> Outcome:
    """The result of one unit, or its failure in words (exceptions need not survive pickling)."""
    try:
        return Success(unit.key, worker(unit.payload, report))
    except HubkitError as error:
        return Failure(unit.key, error.message, error.hint)
    except Exception as error:  # noqa: BLE001 - the one place that keeps a unit's fault from the other units
        where = traceback.extract_tb(error.__traceback__)[-1]
        message = f"{type(error).__name__}: {error} ({where.filename}:{where.lineno})"
        return Failure(unit.key, message, final=False)


def _serve(connection: Connection, worker: Worker) -> None:
    """The life of a spawned process: units in, events and outcomes out, until None or until nobody is there to hear."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent alone decides
    hush()

    def say(message: Event | Outcome) -> None:
        try:
            connection.send(message)
        except OSError:
            sys.exit(1)  # the parent is gone: whatever is not finished is somebody else's now

    while True:
        try:
            unit = connection.recv()
        except (EOFError, OSError):
            return
        if unit is None:
            return
        say(_attempt(worker, unit, say))


def _hire(worker: Worker) -> _Seat:
    """Spawn a process; spawn everywhere, because forking a process with threads (torch) deadlocks and Windows cannot."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, worker), daemon=True)
    process.start()
    theirs.close()
    return _Seat(process, ours)


def _run_in_processes(desk: _Desk, worker: Worker, workers: int) -> None:
    seats: list[_Seat] = []
    try:
        while desk.queue or any(seat.unit for seat in seats):
            idle = [seat for seat in seats if seat.unit is None]
            seats += [_hire(worker) for _ in range(min(workers - len(seats), len(desk.queue) - len(idle)))]
            for seat in seats:
                if seat.unit is None and (unit := desk.take()) is not None:
                    _hand_over(seat, unit)
            for seat in _ready([seat for seat in seats if seat.unit]):
                if not _listen(seat, desk):
                    seats.remove(seat)
                    _bury(seat, desk)
    finally:
        _dismiss(seats)


def _hand_over(seat: _Seat, unit: Unit) -> None:
    seat.unit = unit
    try:
        seat.connection.send(unit)
    except OSError:
        # The process died while idle: its sentinel says so, and the unit is handled like that of any dead process.
        seat.process.join(FAREWELL_SECONDS)


def _ready(seats: list[_Seat]) -> list[_Seat]:
    """Block until a process has sent something or has died; the sentinel is watched too, since a pipe can outlive its writer."""
    signals = wait([thing for seat in seats for thing in (seat.connection, seat.process.sentinel)])
    return [seat for seat in seats if seat.connection in signals or seat.process.sentinel in signals]


def _listen(seat: _Seat, desk: _Desk) -> bool:
    """Pass on what a process has sent; False when it died without an outcome."""
    while seat.unit is not None:
        try:
            if not seat.connection.poll():
                return seat.process.is_alive() or seat.connection.poll()
            message: Event | Outcome = seat.connection.recv()
        except (EOFError, OSError):
            return False
        if isinstance(message, Event):
            desk.report(message)
        else:
            unit, seat.unit = seat.unit, None
            desk.settle(unit, message)
    return True


def _bury(seat: _Seat, desk: _Desk) -> None:
    """Give the unit of a dead process back."""
    seat.process.join(FAREWELL_SECONDS)
    seat.connection.close()
    if seat.unit is not None:
        desk.lose(seat.unit, seat.process.exitcode)


def _dismiss(seats: list[_Seat]) -> None:
    """End every process: idle ones by request, busy ones (Ctrl-C, an error of ours) by force."""
    for seat in seats:
        if seat.unit is None and seat.process.is_alive():
            try:
                seat.connection.send(None)
            except OSError:
                seat.process.terminate()
        else:
            seat.process.terminate()
    for seat in seats:
        seat.process.join(FAREWELL_SECONDS)
        if seat.process.is_alive():
            seat.process.kill()
            seat.process.join()
        seat.connection.close()
