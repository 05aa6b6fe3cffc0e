"""Units of work on this machine: in this process, or in spawned processes that are watched.

A unit that raises is a named failure and the others go on. A process that dies (killed, out of memory) is replaced; its unit
comes back in parts, or is tried again.
"""

from __future__ import annotations

import multiprocessing
import pickle
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import TYPE_CHECKING

from hubkit.engine.desk import Desk, Outcome, attempt
from hubkit.engine.events import Event, Progress, silent
from hubkit.engine.work import Results, Split, Unit, Worker
from hubkit.third_party import settle

if TYPE_CHECKING:
    from multiprocessing.context import SpawnProcess

FAREWELL_SECONDS = 10.0


@dataclass(frozen=True)
class Local:
    """The engine of this machine; one worker runs in this process."""

    workers: int = 1
    retries: int = 1
    """How many more times a unit is tried whose process died, or that ended in an error nobody foresaw."""

    @property
    def slots(self) -> int:
        """As `Engine.slots`."""
        return self.workers

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
        desk = Desk(units, self.retries, split, report, stage)
        if min(self.workers, len(units)) <= 1:
            while (unit := desk.take()) is not None:
                desk.settle(unit, attempt(worker, unit, report))
        else:
            _run_in_processes(desk, worker, self.workers)
        return desk.results


@dataclass
class _Seat:
    """A spawned process, our end of its pipe, and the unit it works on."""

    process: SpawnProcess
    connection: Connection
    unit: Unit | None = None


def _serve(connection: Connection, packed: bytes) -> None:
    """The life of a spawned process: units in, events and outcomes out, until None or until nobody is there to hear.

    The worker comes packed, since unpacking it imports its module: not before the process is settled.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent alone decides
    settle()
    worker: Worker = pickle.loads(packed)  # noqa: S301 - packed by the process that asked for the work

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
        say(attempt(worker, unit, say))


def _hire(worker: Worker) -> _Seat:
    """Spawn a process; spawn everywhere, because forking a process with threads (torch) deadlocks and Windows cannot."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, pickle.dumps(worker)), daemon=True)
    process.start()
    theirs.close()
    return _Seat(process, ours)


def _run_in_processes(desk: Desk, worker: Worker, workers: int) -> None:
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


def _listen(seat: _Seat, desk: Desk) -> bool:
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


def _bury(seat: _Seat, desk: Desk) -> None:
    """Give the unit of a dead process back."""
    seat.process.join(FAREWELL_SECONDS)
    seat.connection.close()
    if seat.unit is not None:
        desk.lose(seat.unit, f"exit code {seat.process.exitcode}")


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
