"""Units of work as tasks of a Ray cluster, for studies that one machine is too small for.

Ray places them, one processor (and one GPU, where they want one) each. What is tried again, and in which parts, is decided as on one
machine (`desk.py`). Ray's own retries are off: it would send a unit that was too much for its node again whole, and without end where
memory ran out. Every node sees the folders of the run, by the same names, and has the same packages.
"""

from __future__ import annotations

import os
import pickle
import platform
import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from queue import SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Any

from hubkit.engine.desk import Desk, Outcome, attempt
from hubkit.engine.events import Event, Progress, silent
from hubkit.engine.threads import share_cores
from hubkit.engine.work import Failure, Results, Split, Unit, Worker
from hubkit.errors import UsageError
from hubkit.third_party import settle

if TYPE_CHECKING:
    from types import ModuleType

AUTO = "auto"
"""The cluster of $RAY_ADDRESS, or the one that runs on this machine."""
SILENCE_SECONDS = 10.0
"""After that long without a word from any unit it is looked whether the cluster still has room for one."""
KNOCK_SECONDS = 10.0
SAME = "every node needs the same hubkit and its packages"
LOST = "too little memory? start that node with fewer places: ray start --num-cpus"


@dataclass(frozen=True)
class Ray:
    """The engine of a Ray cluster that is there."""

    address: str = AUTO
    """`host:port` of its head, `auto`, or `local` for one of this machine that ends with the run."""
    retries: int = 1
    """As `Local.retries`; the loss of a node is counted like that of a process."""
    cpus: float = 1
    gpus: float = 0
    """What a unit takes of its node."""

    @property
    def slots(self) -> int:
        """As `Engine.slots`, of the nodes that are there now; 1 where there is no room yet. Raises UsageError without Ray or the cluster."""
        with _cluster(self.address) as ray:
            return max(1, self._room(ray))

    def run(
        self,
        units: Sequence[Unit],
        worker: Worker,
        *,
        report: Progress = silent,
        stage: str = "work",
        split: Split | None = None,
    ) -> Results:
        """As `Engine.run`. Raises UsageError without Ray or the cluster. KeyboardInterrupt ends the tasks and goes on up."""
        if not units:
            return Results()
        with _cluster(self.address) as ray:
            going: dict[Any, Unit] = {}
            desk, setting, told = Desk(units, self.retries, split, report, stage), _Setting(), False
            task = ray.remote(num_returns="streaming", max_retries=0, num_cpus=self.cpus, num_gpus=self.gpus)
            serve = task(_serve)
            try:
                while desk.queue or going:
                    while (unit := desk.take()) is not None:
                        packed = pickle.dumps((worker, unit))
                        going[serve.options(name=unit.key).remote(setting, unit.key, packed)] = unit
                    ready, _ = ray.wait(list(going), num_returns=1, timeout=SILENCE_SECONDS)
                    for words in ready:
                        if _listen(ray, words, going[words], desk):
                            del going[words]
                    if not ready and not told and not self._room(ray):
                        told = True
                        desk.report(Event(stage, 0, 0, note=f"{self._missing()}: waiting for a node"))
            finally:
                for words in going:
                    ray.cancel(words, force=True)
        return desk.results

    def _room(self, ray: ModuleType) -> int:
        """Units that all nodes together take at once."""
        there = ray.cluster_resources()
        wanted = {"CPU": self.cpus, "GPU": self.gpus}
        return int(min(there.get(name, 0) // share for name, share in wanted.items() if share))

    def _missing(self) -> str:
        needs = f"{self.cpus:g} CPU" + (f" and {self.gpus:g} GPU" if self.gpus else "")
        return f"no node of the Ray cluster at {self.address} has the {needs} that a unit needs"


@contextmanager
def _cluster(address: str) -> Iterator[ModuleType]:
    """Ray, connected; a connection of the caller's own is used and kept. What Ray prints goes to stderr, since stdout is for data."""
    try:
        import ray
    except ImportError as error:
        raise UsageError(
            "the engine `ray` needs Ray, which is not installed", hint='pip install "sae-hubkit[ray]"'
        ) from error
    if address.startswith("ray://"):
        raise UsageError(
            f"--ray-address {address}: an address of Ray's client, through which progress does not come back",
            hint="type it on a node of the cluster, with --ray-address auto",
        )
    if ray.is_initialized():
        yield ray
        return
    with redirect_stdout(sys.stderr):
        try:
            _knock(address)
            ray.init(address, log_to_driver=False, configure_logging=False)
        except (OSError, RuntimeError, ValueError) as error:
            raise UsageError(
                f"--ray-address {address}: no Ray cluster answers there ({str(error).strip().splitlines()[0]})",
                hint="ray start --head on one machine, ray start --address HOST:6379 on the others, and hubkit on one of them",
            ) from error
        try:
            yield ray
        finally:
            ray.shutdown()


def _knock(address: str) -> None:
    """Raise OSError where nobody listens: Ray itself would try for many minutes, saying so on stderr."""
    named = os.environ.get("RAY_ADDRESS", address) if address == AUTO else address
    host, colon, port = named.rpartition(":")
    if colon and port.isdigit():
        with socket.create_connection((host.strip("[]"), int(port)), KNOCK_SECONDS):
            pass


@dataclass(frozen=True)
class _Setting:
    """What a worker shares with the process that asked for the work, as a spawned process does: its folder, and where it imports from."""

    folder: str = field(default_factory=os.getcwd)
    path: tuple[str, ...] = field(default_factory=lambda: tuple(sys.path))

    def take_on(self) -> None:
        """Raises OSError where this node has no such folder."""
        os.chdir(self.folder)
        sys.path += [place for place in self.path if place not in sys.path]


def _serve(setting: _Setting, key: str, packed: bytes) -> Iterator[Event | Outcome]:
    """A task of Ray: what a unit reports, as it comes, and at the end what came of it."""
    share_cores()
    settle()
    try:
        setting.take_on()
    except OSError as error:
        hint = "run hubkit in a folder that every node sees"
        yield Failure(key, f"on the node {platform.node()}: {error}", hint, final=False)
        return
    worker, unit = pickle.loads(packed)  # noqa: S301 - packed by the process that asked for the work
    said: SimpleQueue[Event | Outcome | None] = SimpleQueue()

    def work() -> None:
        try:
            said.put(attempt(worker, unit, said.put))
        finally:
            said.put(None)

    Thread(target=work, daemon=True).start()
    while isinstance(message := said.get(), Event):
        yield message
    if message is None:
        os._exit(1)  # a worker that wants to end its process does so here, too
    yield message


def _listen(ray: ModuleType, words: Any, unit: Unit, desk: Desk) -> bool:
    """Pass on the next that a task has said; True when there is no more to come."""
    try:
        message: Event | Outcome = ray.get(next(words))
    except ray.exceptions.RayTaskError as error:
        found = str(error).strip().splitlines()[-1]
        desk.settle(unit, Failure(unit.key, f"its task did not begin: {found}", hint=SAME, final=False))
        return True
    except ray.exceptions.RayError as error:
        found = str(error).strip().split("\n")[0].split(". ")[0]
        desk.lose(unit, f"{type(error).__name__}: {found}", hint=LOST)
        return True
    if isinstance(message, Event):
        desk.report(message)
        return False
    desk.settle(unit, message)
    return True
