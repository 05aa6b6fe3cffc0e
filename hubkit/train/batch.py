"""A batch of SAEs in one worker: trained in stacks, each saved, read back, proven and marked done by itself."""

from __future__ import annotations

import re
import time
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import torch

from hubkit.engine.events import Event, Line
from hubkit.engine.threads import one_thread, shares_cores
from hubkit.engine.work import Failure
from hubkit.errors import HubkitError
from hubkit.release.folds import rows_of, rows_sha256
from hubkit.release.layout import MANIFEST
from hubkit.release.pool import PoolManifest
from hubkit.train import stack
from hubkit.train.finishing import Finishing, Job, Outcome
from hubkit.train.footprint import for_stacks
from hubkit.train.rows import map_layer, select_rows
from hubkit.train.save import Origin
from hubkit.train.unit import Done, TrainingUnit, done_of
from hubkit.train.watching import STAGE, Watcher

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from hubkit.engine.events import Progress
    from hubkit.train.plan import Batch

OUT_OF_MEMORY = re.compile(r"can't allocate memory|out of memory|not enough memory", re.IGNORECASE)


@dataclass
class BatchResult:
    """What came of a batch."""

    done: dict[str, Done] = field(default_factory=dict)
    failed: list[Failure] = field(default_factory=list)


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

    def tell(unit: TrainingUnit, found: Done | Failure) -> None:
        if isinstance(found, Failure):
            _fail(result, found, report)
        else:
            _keep(result, unit, found, report)

    manifest = PoolManifest.load(pending[0].pool_folder / MANIFEST)
    on_cpu = batch.device == "cpu"
    cores = 1 if on_cpu and shares_cores() else torch.get_num_threads()
    with (
        nullcontext() if on_cpu and cores > 1 else one_thread(),
        TemporaryDirectory(dir=scratch, ignore_cleanup_errors=True) as rows,
        Finishing(batch.device, cores, tell) as finishing,
    ):
        jobs = {job.unit.key: job for job in _jobs(pending, manifest, Path(rows))}
        given = None if batch.memory is None else for_stacks(batch.memory)
        members = [job.member for job in jobs.values()]
        for chunk in stack.chunks(members, memory=given, device=batch.device):
            watcher = Watcher(report, len(chunk))
            outcomes = [
                Outcome(jobs[member.key], trained, seconds, watcher.curve(member.key))
                for member, trained, seconds in _train(chunk, batch, watcher)
            ]
            with one_thread():  # the finishing threads take it over
                finishing.add(outcomes)
    return result


def _jobs(units: Sequence[TrainingUnit], manifest: PoolManifest, scratch: Path) -> Iterator[Job]:
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
        yield Job(unit, stack.Member(unit.key, unit.spec, rows), origin)


def _train(
    chunk: list[stack.Member], batch: Batch, watcher: Watcher
) -> list[tuple[stack.Member, stack.Trained | stack.Diverged | HubkitError, float]]:
    """What became of each of the chunk, and its share of the seconds; where memory ran out, that of its halves."""
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
        return [(member, one, share) for member, one in zip(chunk, results, strict=True)]
    # Outside the handler: there the error would hold on to the very memory that was too little.
    if len(chunk) > 1:
        watcher.say(f"out of memory with {len(chunk)} SAEs at once: tried again in halves")
        middle = len(chunk) // 2
        return _train(chunk[:middle], batch, watcher) + _train(chunk[middle:], batch, watcher)
    hint = "a smaller batch_size or d_sae, or a machine with more memory"
    return [(chunk[0], HubkitError(f"out of memory, even alone: {problem}", hint=hint), 0.0)]


def _fail(result: BatchResult, failure: Failure, report: Progress) -> None:
    result.failed.append(failure)
    note = f"{failure.key}: failed: {failure.message}"
    report(Event(STAGE, 0, 0, failure.key, note, (Line(failure.key, finished=True),)))


def _keep(result: BatchResult, unit: TrainingUnit, done: Done, report: Progress) -> None:
    result.done[unit.key] = done
    report(Event(STAGE, 0, 0, unit.key, lines=(Line(unit.key, finished=True),)))
