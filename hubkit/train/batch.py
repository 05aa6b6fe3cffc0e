"""A batch of SAEs in one worker: trained in stacks, each saved, read back, proven and marked done by itself."""

from __future__ import annotations

import re
import time
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from safetensors import SafetensorError

from hubkit.engine.events import Event, Line
from hubkit.engine.machine import hardware
from hubkit.engine.threads import one_thread, shares_cores
from hubkit.engine.work import Failure
from hubkit.errors import HubkitError
from hubkit.release.digests import sha256_of_file
from hubkit.release.folds import rows_of, rows_sha256
from hubkit.release.layout import CFG, MANIFEST, WEIGHTS
from hubkit.release.pool import PoolManifest
from hubkit.release.writing import write_json
from hubkit.train import stack
from hubkit.train.footprint import for_stacks
from hubkit.train.readback import read_back
from hubkit.train.rows import map_layer, select_rows
from hubkit.train.save import Origin, save
from hubkit.train.training_warnings import findings_of
from hubkit.train.unit import Done, TrainingUnit, done_of
from hubkit.train.watching import STAGE, Curve, Watcher

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import torch

    from hubkit.engine.events import Progress
    from hubkit.train.plan import Batch

FULL_DISK = re.compile(
    r"No space left|os error 28\b|os error 112\b|not enough space|quota exceeded", re.IGNORECASE
)
OUT_OF_MEMORY = re.compile(r"can't allocate memory|out of memory|not enough memory", re.IGNORECASE)


@dataclass
class BatchResult:
    """What came of a batch."""

    done: dict[str, Done] = field(default_factory=dict)
    failed: list[Failure] = field(default_factory=list)


@dataclass(frozen=True)
class _Job:
    """One SAE of a batch, with the rows that it is trained on."""

    unit: TrainingUnit
    member: stack.Member
    origin: Origin


@dataclass(frozen=True)
class _Outcome:
    """What training one SAE came to."""

    member: stack.Member
    result: stack.Trained | stack.Diverged | HubkitError
    seconds: float
    """Its share of the stack's."""


def train_batch(batch: Batch, scratch: Path, report: Progress) -> BatchResult:
    """Train what is not done of `batch`; runs in any process. Rows that are selected from memory-mapped ones go into a folder of `scratch`. An SAE that does not come out is a named failure among the others.

    Each SAE has one thread, so that its bytes are the same in any company. A worker among others has one in all; a worker that is this
    very process trains as many SAEs at a time as there are cores.
    """
    result = BatchResult()
    pending = []
    for unit in batch.units:
        done = done_of(unit)  # a process that died later may have finished a part of it
        if done is None:
            pending.append(unit)
        else:
            _keep(result, unit, done, report)
    if not pending:
        return result
    manifest = PoolManifest.load(pending[0].pool_folder / MANIFEST)
    alone = not shares_cores()
    with (
        nullcontext() if alone else one_thread(),
        TemporaryDirectory(dir=scratch, ignore_cleanup_errors=True) as rows,
    ):
        jobs = {job.unit.key: job for job in _jobs(pending, manifest, Path(rows))}
        given = None if batch.memory is None else for_stacks(batch.memory)
        members = [job.member for job in jobs.values()]
        for chunk in stack.chunks(members, memory=given, device=batch.device):
            watcher = Watcher(report, len(chunk))
            for outcome in _train(chunk, batch, watcher):
                job = jobs[outcome.member.key]
                with one_thread():
                    found = _finish(job, outcome, batch.device, watcher.curve(outcome.member.key))
                if isinstance(found, Failure):
                    _fail(result, found, report)
                else:
                    _keep(result, job.unit, found, report)
    return result


def _jobs(units: Sequence[TrainingUnit], manifest: PoolManifest, scratch: Path) -> Iterator[_Job]:
    """The units with their rows; units of the same rows share them."""
    pool_folder = units[0].pool_folder
    layers = {layer: map_layer(pool_folder, manifest, layer) for layer in {unit.spec.layer for unit in units}}
    selected: dict[tuple[int, str, str], tuple[torch.Tensor, Origin]] = {}
    for unit in units:
        which = (unit.spec.layer, unit.spec.condition, unit.draw)
        if which not in selected:
            chosen = rows_of(manifest, unit.spec.condition, unit.draw)
            rows = select_rows(layers[unit.spec.layer], chosen, scratch)
            selected[which] = rows, Origin(manifest, unit.draw, len(rows), rows_sha256(manifest, chosen))
        rows, origin = selected[which]
        yield _Job(unit, stack.Member(unit.key, unit.spec, rows), origin)


def _train(chunk: list[stack.Member], batch: Batch, watcher: Watcher) -> list[_Outcome]:
    """The chunk's outcomes; where memory ran out, those of its halves."""
    begun = time.perf_counter()
    try:
        results = stack.train_stack(
            chunk, device=batch.device, watch=watcher, every=watcher.every(chunk), memory=batch.memory
        )
    except (RuntimeError, MemoryError) as error:
        if not isinstance(error, MemoryError) and not OUT_OF_MEMORY.search(str(error)):
            raise
        problem = str(error)
    else:
        share = (time.perf_counter() - begun) / len(chunk)
        return [_Outcome(member, one, share) for member, one in zip(chunk, results, strict=True)]
    # Outside the handler: there the error would hold on to the very memory that was too little.
    if len(chunk) > 1:
        watcher.say(f"out of memory with {len(chunk)} SAEs at once: tried again in halves")
        middle = len(chunk) // 2
        return _train(chunk[:middle], batch, watcher) + _train(chunk[middle:], batch, watcher)
    hint = "a smaller batch_size or d_sae, or a machine with more memory"
    return [_Outcome(chunk[0], HubkitError(f"out of memory, even alone: {problem}", hint=hint), 0.0)]


def _finish(job: _Job, outcome: _Outcome, device: str, curve: Curve) -> Done | Failure:
    """Save, read back, validate, mark done; or say in words why not."""
    unit, trained = job.unit, outcome.result
    if isinstance(trained, stack.Diverged):
        reason = trained.reason.removeprefix(f"{unit.spec.sae_id}: ")
        return Failure(unit.key, reason, hint="a lower lr, or other activations")
    if isinstance(trained, HubkitError):
        return Failure(unit.key, trained.message, trained.hint)
    begun = time.perf_counter()
    try:
        said = save(trained, job.origin, unit.target)
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
            warnings=said + found.warnings + findings_of(unit.target),
            curve=curve.points,
        )
        write_json(unit.marker, done.model_dump(mode="json"))
    except HubkitError as error:
        return Failure(unit.key, error.message, error.hint)
    except (OSError, SafetensorError) as error:
        return _not_written(unit, error)
    return done


def _not_written(unit: TrainingUnit, error: Exception) -> Failure:
    """A failure of the disk in words: what was there before is still there, and nothing half-written beside it."""
    if FULL_DISK.search(str(error)):
        hint = "free some space and run the same command again: what finished is kept and skipped"
        return Failure(unit.key, f"the disk of {unit.target} is full ({error})", hint=hint)
    return Failure(
        unit.key, f"{unit.target}: cannot be written: {error}", hint="check the folder's permissions"
    )


def _fail(result: BatchResult, failure: Failure, report: Progress) -> None:
    result.failed.append(failure)
    note = f"{failure.key}: failed: {failure.message}"
    report(Event(STAGE, 0, 0, failure.key, note, (Line(failure.key, finished=True),)))


def _keep(result: BatchResult, unit: TrainingUnit, done: Done, report: Progress) -> None:
    result.done[unit.key] = done
    report(Event(STAGE, 0, 0, unit.key, lines=(Line(unit.key, finished=True),)))
