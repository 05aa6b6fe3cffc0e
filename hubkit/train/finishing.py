"""What comes after training: each SAE saved, read back, proven and marked done, or its failure in words. Several at once, and on a GPU beside the training of what comes next."""

from __future__ import annotations

import re
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from safetensors import SafetensorError

from hubkit.engine.machine import hardware
from hubkit.engine.work import Failure
from hubkit.errors import HubkitError
from hubkit.release.digests import sha256_of_file
from hubkit.release.layout import CFG, WEIGHTS
from hubkit.release.writing import write_json
from hubkit.train import stack
from hubkit.train.readback import read_back
from hubkit.train.save import Origin, save
from hubkit.train.training_warnings import findings_of
from hubkit.train.unit import Done, TrainingUnit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import TracebackType

    from hubkit.train.watching import Curve

FULL_DISK = re.compile(
    r"No space left|os error 28\b|os error 112\b|not enough space|quota exceeded", re.IGNORECASE
)
MOST_AT_ONCE = 8
"""SAEs that are finished at once: each holds its matrices in float64 once more."""


@dataclass(frozen=True)
class Job:
    """One SAE of a batch, with the rows that it is trained on."""

    unit: TrainingUnit
    member: stack.Member
    origin: Origin


@dataclass(frozen=True)
class Outcome:
    """What training one SAE came to."""

    job: Job
    result: stack.Trained | stack.Diverged | HubkitError
    seconds: float
    """Its share of the stack's."""
    curve: Curve


class Finishing:
    """SAEs on their way to the disk, as many at once as there are `cores`. `tell` hears of each, in the order of training and in the thread that trains."""

    def __init__(self, device: str, cores: int, tell: Callable[[TrainingUnit, Done | Failure], None]) -> None:
        self._device, self._tell = device, tell
        self._pool = ThreadPoolExecutor(min(MOST_AT_ONCE, cores), thread_name_prefix="hubkit-finish")
        self._waiting: list[tuple[TrainingUnit, Future[Done | Failure]]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait for all of them; what has not begun when an error goes by is left."""
        del kind, trace
        try:
            if error is None:
                self.wait()
        finally:
            self._pool.shutdown(cancel_futures=True)

    def add(self, outcomes: Iterable[Outcome]) -> None:
        """Begin with these, when those before are on the disk: the weights of two stacks are the most that lie in memory."""
        self.wait()
        self._waiting = [(one.job.unit, self._pool.submit(finish, one, self._device)) for one in outcomes]
        if self._device == "cpu":
            self.wait()  # every core trains: there is nothing beside it

    def wait(self) -> None:
        """Until all that were added are told of."""
        waiting, self._waiting = self._waiting, []
        for unit, future in waiting:
            self._tell(unit, future.result())


def finish(outcome: Outcome, device: str) -> Done | Failure:
    """Save, read back, validate, mark done; or say in words why not."""
    job, trained, curve = outcome.job, outcome.result, outcome.curve
    unit = job.unit
    if isinstance(trained, stack.Diverged):
        reason = trained.reason.removeprefix(f"{unit.spec.sae_id}: ")
        return Failure(unit.key, reason, hint="a lower lr, or other activations")
    if isinstance(trained, HubkitError):
        return Failure(unit.key, trained.message, trained.hint)
    begun = time.perf_counter()
    try:
        said = save(trained, job.origin, unit.target, device)
        found = read_back(trained, job.member.rows, unit.target)
        done = Done(
            digest=unit.digest,
            sae_id=unit.spec.sae_id,
            draw=unit.draw,
            n_rows=job.origin.n_rows,
            files={name: sha256_of_file(unit.target / name) for name in (CFG, WEIGHTS)},
            seconds=round(outcome.seconds + time.perf_counter() - begun, 3),
            stack=curve.stack,
            hardware=hardware(device),
            device=device,
            threads=1,
            l0=found.l0,
            dead_share=found.dead_share,
            at_initial_threshold=found.at_initial_threshold,
            max_error=found.max_error,
            warnings=said + _of_products(unit, device) + found.warnings + findings_of(unit.target),
            curve=curve.points,
        )
        write_json(unit.marker, done.model_dump(mode="json"))
    except HubkitError as error:
        return Failure(unit.key, error.message, error.hint)
    except (OSError, SafetensorError) as error:
        return _not_written(unit, error)
    return done


def _of_products(unit: TrainingUnit, device: str) -> list[str]:
    """Where a setting of GPUs had nothing to act on."""
    if unit.spec.products == "tf32" and device == "cpu":
        return ["products are `tf32`, which a CPU has not: trained in fp32, and recorded so"]
    return []


def _not_written(unit: TrainingUnit, error: Exception) -> Failure:
    """A failure of the disk in words: what was there before is still there, and nothing half-written beside it."""
    if FULL_DISK.search(str(error)):
        hint = "free some space and run the same command again: what finished is kept and skipped"
        return Failure(unit.key, f"the disk of {unit.target} is full ({error})", hint=hint)
    return Failure(
        unit.key, f"{unit.target}: cannot be written: {error}", hint="check the folder's permissions"
    )
