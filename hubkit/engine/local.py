"""Units of work on this machine: in this process, or in spawned processes that are watched.

A unit that raises is a named failure and the others go on. A process that dies (killed, out of memory) has its unit tried
once more in a fresh process. State is the worker's business (files, done markers): what has finished stays finished.
"""

from __future__ import annotations

import multiprocessing
import signal
import traceback
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING, Any

from hubkit.engine.events import Event, Report, silent
from hubkit.errors import HubkitError

if TYPE_CHECKING:
    from multiprocessing.context import SpawnProcess

TRIES = 2
"""A unit whose process died is tried once more, not again and again: the second death is the unit's own doing."""
FAREWELL_SECONDS = 10.0

Worker = Callable[[Any], Any]
"""An importable top-level function: payload in, picklable result out."""


@dataclass(frozen=True)
class Unit:
    """One piece of work: `key` names it in progress and failures, `payload` is picklable and is all the worker gets."""

    key: str
    payload: Any


@dataclass(frozen=True)
class Failure:
    """A unit that did not come out."""

    key: str
    message: str
    hint: str | None = None


@dataclass
class Results:
    """What came of the units: results by key, and the failures."""

    done: dict[str, Any] = field(default_factory=dict)
    failed: list[Failure] = field(default_factory=list)

    def raise_failures(self, what: str) -> None:
        """Raise HubkitError naming every failed unit, if there is one; `what` is what the units were to make."""
        if self.failed:
            lines = "\n".join(f"  {failure.key}: {failure.message}" for failure in self.failed)
            hint = next((failure.hint for failure in self.failed if failure.hint), None)
            total = len(self.failed) + len(self.done)
            raise HubkitError(
                f"{len(self.failed)} of {total} {what} failed:\n{lines}",
                hint=hint or "run the same command again: what finished is kept and skipped",
            )


@dataclass
class _Seat:
    """A spawned process, our end of its pipe, and the unit it works on."""

    process: SpawnProcess
    connection: Connection
    unit: Unit | None = None


def run_units(
    units: Sequence[Unit], worker: Worker, *, workers: int = 1, report: Report = silent, stage: str = "work"
) -> Results:
    """Run `worker(unit.payload)` for every unit, `workers` at a time; one worker runs in this process.

    Reports an Event when a unit ends. Never raises for a unit (see Results.raise_failures); KeyboardInterrupt ends the
    processes and goes on up.
    """
    results = Results()
    report(Event(stage, 0, len(units)))

    def keep(outcome: Failure | tuple[str, Any]) -> None:
        if isinstance(outcome, Failure):
            results.failed.append(outcome)
            text = f"{outcome.key}: failed"
        else:
            results.done[outcome[0]] = outcome[1]
            text = outcome[0]
        report(Event(stage, len(results.done) + len(results.failed), len(units), text))

    if min(workers, len(units)) <= 1:
        for unit in units:
            keep(_attempt(worker, unit))
    else:
        _run_in_processes(units, worker, min(workers, len(units)), keep)
    return results


def _attempt(worker: Worker, unit: Unit) -> Failure | tuple[str, Any]:
    """The result of one unit, or its failure in words (exceptions need not survive pickling)."""
    try:
        return unit.key, worker(unit.payload)
    except HubkitError as error:
        return Failure(unit.key, error.message, error.hint)
    except Exception as error:  # noqa: BLE001 - the one place that keeps a unit's fault from the other units
        where = traceback.extract_tb(error.__traceback__)[-1]
        return Failure(unit.key, f"{type(error).__name__}: {error} ({where.filename}:{where.lineno})")


def _serve(connection: Connection, worker: Worker) -> None:
    """The life of a spawned process: units in, outcomes out, until None or the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent alone decides
    while True:
        try:
            unit = connection.recv()
        except EOFError:
            return
        if unit is None:
            return
        connection.send(_attempt(worker, unit))


def _hire(worker: Worker) -> _Seat:
    """Spawn a process; spawn everywhere, because forking a process with threads (torch) deadlocks and Windows cannot."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, worker), daemon=True)
    process.start()
    theirs.close()
    return _Seat(process, ours)


def _run_in_processes(
    units: Sequence[Unit], worker: Worker, workers: int, keep: Callable[[Failure | tuple[str, Any]], None]
) -> None:
    queue = deque(units)
    tries: Counter[str] = Counter()
    seats: list[_Seat] = []
    try:
        while queue or any(seat.unit for seat in seats):
            while queue and len(seats) < workers:
                seats.append(_hire(worker))
            for seat in seats:
                if seat.unit is None and queue:
                    _hand_over(seat, queue.popleft(), tries)
            for seat in _ready([seat for seat in seats if seat.unit]):
                outcome = _collect(seat)
                if outcome is not None:
                    keep(outcome)
                    continue
                seats.remove(seat)
                _bury(seat, queue, tries, keep)
    finally:
        _dismiss(seats)


def _hand_over(seat: _Seat, unit: Unit, tries: Counter[str]) -> None:
    seat.unit = unit
    tries[unit.key] += 1
    try:
        seat.connection.send(unit)
    except OSError:
        # The process died while idle: its sentinel says so, and the unit is handled like that of any dead process.
        seat.process.join(FAREWELL_SECONDS)


def _ready(seats: list[_Seat]) -> list[_Seat]:
    """Block until a process has sent something or has died; the sentinel is watched too, since a pipe can outlive its writer."""
    signals = wait([thing for seat in seats for thing in (seat.connection, seat.process.sentinel)])
    return [seat for seat in seats if seat.connection in signals or seat.process.sentinel in signals]


def _collect(seat: _Seat) -> Failure | tuple[str, Any] | None:
    """The outcome that a process sent, or None when it died without one."""
    try:
        if not seat.connection.poll():
            return None
        outcome: Failure | tuple[str, Any] = seat.connection.recv()
    except (EOFError, OSError):
        return None
    seat.unit = None
    return outcome


def _bury(
    seat: _Seat, queue: deque[Unit], tries: Counter[str], keep: Callable[[Failure | tuple[str, Any]], None]
) -> None:
    """Give the unit of a dead process back to the queue, or up."""
    seat.process.join(FAREWELL_SECONDS)
    code = seat.process.exitcode
    seat.connection.close()
    unit = seat.unit
    if unit is None:
        return
    if tries[unit.key] < TRIES:
        queue.appendleft(unit)
        return
    message = f"its process ended {TRIES} times without a result (exit code {code})"
    keep(Failure(unit.key, message, hint="too little memory? try fewer workers"))


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
