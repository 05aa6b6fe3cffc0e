"""Trains every SAE of a study: the published ones on all rows of their condition, and beside them those of the outer folds and the controls.

Units are content-addressed and marked done on disk, so a run that was killed goes on where it was, and a finished one does nothing.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from hubkit.engine.events import Event, Progress, silent
from hubkit.engine.local import Local
from hubkit.engine.machine import check_device
from hubkit.engine.ray import Ray
from hubkit.engine.shard import Shard
from hubkit.engine.work import Failure, Results, Unit
from hubkit.errors import HubkitError, UsageError
from hubkit.release.folds import ALL
from hubkit.release.layout import MANIFEST, TRAINING
from hubkit.release.pool import PoolManifest
from hubkit.release.writing import write_json
from hubkit.train.data import check_memory, check_specs, check_windows
from hubkit.train.failures import read_failures, write_failures
from hubkit.train.plan import (
    Batch,
    CrossFit,
    TrainingFolders,
    as_unit,
    batches,
    check_space,
    plan,
    still_beside,
)
from hubkit.train.progress import SaeProgress, open_log
from hubkit.train.unit import Done, TrainingUnit, done_of, record
from hubkit.train.watching import STAGE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from hubkit.engine.work import Engine
    from hubkit.train.batch import BatchResult
    from hubkit.train.spec import SaeSpec

"""In the work folder: what training found about each published SAE, for `evaluate` and the curious."""
LOG = "training.csv"
FAILED = "failed.json"
CURVES = "curves"
DEFAULT_COMMAND = ("hubkit", "train", "STUDY.yaml")


@dataclass(frozen=True)
class Options:
    """How a run is made; nothing here changes what an SAE becomes, but for the rounding of another device."""

    crossfit: CrossFit = field(default_factory=CrossFit)
    workers: int = 1
    retries: int = 1
    """How many more times SAEs are tried whose worker died, or which ended in an error nobody foresaw."""
    shard: Shard = field(default_factory=Shard)
    device: str = "cpu"
    ray_address: str | None = None
    """The work goes to the Ray cluster there, and is cut for as many workers as that has room for."""
    memory: int | None = None
    """Bytes that training may fill: of the GPU, or on processors of all workers together; on a cluster, of each task. None: what is free."""
    only: Path | None = None
    """A failed.json: train just what it names."""
    command: Sequence[str] = DEFAULT_COMMAND
    """What was typed, for the failed.json of this run."""

    @property
    def device_here(self) -> str:
        """What the process that is called works on: a cluster's GPUs are elsewhere."""
        return self.device if self.ray_address is None else "cpu"

    @property
    def engine(self) -> Engine:
        """Processes share a processor's cores; a GPU is for one process."""
        if self.ray_address is not None:
            return Ray(self.ray_address, self.retries, gpus=0 if self.device == "cpu" else 1)
        return Local(self.workers if self.device == "cpu" else 1, self.retries)

    @property
    def sharing(self) -> int:
        """Workers that share one memory."""
        return self.workers if self.device == "cpu" and self.ray_address is None else 1

    @property
    def evaluation_engine(self) -> Engine:
        """Evaluation runs on processors alone."""
        return Local(self.workers) if self.ray_address is None else Ray(self.ray_address, self.retries)

    def named(self, name: str) -> str:
        """`failed.json`, and `failed-2of5.json` where runs write side by side."""
        if self.shard.count == 1:
            return name
        stem, _, suffix = name.partition(".")
        return f"{stem}-{self.shard.index}of{self.shard.count}.{suffix}"


@dataclass(frozen=True)
class TrainSummary:
    """What a run did."""

    published: dict[str, Done]
    """Every published SAE by sae_id, trained now or before."""
    trained: int
    """SAEs trained in this run, those of folds, controls and other seeds included."""
    skipped: int
    """SAEs that were there already."""
    seconds: float
    beside: int = 0
    """SAEs of folds, controls and other seeds that are there and have warnings of their own."""

    @property
    def warnings(self) -> dict[str, list[str]]:
        """What training said loudly, by sae_id."""
        return {sae_id: done.warnings for sae_id, done in self.published.items() if done.warnings}


def train(
    specs: Iterable[SaeSpec],
    pool_folder: Path,
    release: Path,
    work: Path,
    *,
    options: Options | None = None,
    report: Progress = silent,
) -> TrainSummary:
    """Train `specs` on the pool into `<release>/<sae_id>/`, and what `options.crossfit` says beside them into the work folder.

    Raises UsageError when a spec does not fit the pool or the device is not there, IncompleteError when the pool cannot be read, and HubkitError naming
    every SAE that failed, after all others are finished; `<work>/failed.json` then says how to try those again.
    """
    started, options, specs = time.perf_counter(), options or Options(), list(specs)
    manifest = PoolManifest.load(pool_folder / MANIFEST)
    check_specs(specs, manifest)
    _check_device(options)
    folders = TrainingFolders(pool_folder, release, work)
    units = plan(specs, manifest, folders, options.crossfit)
    check_windows(units, manifest)
    ours = _ours(units, options)
    finished = {unit.key: done for unit in ours if (done := done_of(unit)) is not None}
    pending = [unit for unit in ours if unit.key not in finished]
    check_space(pending, manifest.d_in)
    if options.memory is not None:
        check_memory(pending, manifest, options.memory, options.sharing)
    if note := still_beside(ours, pending):
        report(Event(STAGE, len(finished), len(ours), note=note))
    results = _run(pending, len(finished), folders, options, report)
    finished |= results.done
    results.raise_failures("SAEs", _write_records(units, pending, results.failed, work, options))
    published = {spec.sae_id: finished[spec.sae_id] for spec in specs if spec.sae_id in finished}
    beside = sum(bool(done.warnings) for done in finished.values() if done.draw != ALL)
    seconds = time.perf_counter() - started
    return TrainSummary(published, len(pending), len(ours) - len(pending), seconds, beside)


def _check_device(options: Options) -> None:
    """Raise UsageError for a device that is not there; which GPU a unit gets on a cluster is for the cluster to say."""
    check_device(options.device_here)
    if options.ray_address is not None and options.device not in {"cpu", "cuda"}:
        raise UsageError(
            f"--device {options.device}: Ray gives each unit a GPU of its own", hint="--device cuda"
        )


def _ours(units: list[TrainingUnit], options: Options) -> list[TrainingUnit]:
    """The units of this shard, or those of `--only`."""
    if options.only is None:
        return options.shard.of(units)
    wanted = read_failures(options.only)
    return [unit for unit in units if unit.digest in wanted]


def _run(
    pending: Sequence[TrainingUnit],
    finished: int,
    folders: TrainingFolders,
    options: Options,
    report: Progress,
) -> Results:
    """Results by SAE; the engine's own are by batch."""
    known: dict[str, Batch] = {}

    def announce(batch: Batch) -> Unit:
        unit = as_unit(batch)
        known[unit.key] = batch
        return unit

    if not pending:
        return Results()
    engine = options.engine
    memory = None if options.memory is None else options.memory // options.sharing
    cut = batches(pending, workers=engine.slots, device=options.device, memory=memory)
    todo = [announce(batch) for batch in cut]
    with (
        open_log(folders.work / options.named(LOG)) as log,
        TemporaryDirectory(prefix="rows-", dir=folders.work, ignore_cleanup_errors=True) as scratch,
    ):
        came = engine.run(
            todo,
            partial(_train_batch, Path(scratch)),
            report=SaeProgress(finished, finished + len(pending), log, report),
            stage=STAGE,
            split=lambda unit: [announce(half) for half in known[unit.key].halves()],
        )
    results = Results()
    for one in came.done.values():
        results.done |= one.done
        results.failed += one.failed
    for failure in came.failed:
        results.failed += _of_each(failure, known[failure.key].units)
    return results


def _of_each(failure: Failure, units: Sequence[TrainingUnit]) -> list[Failure]:
    """A batch's failure as that of every SAE in it that is not done."""
    return [Failure(unit.key, failure.message, failure.hint) for unit in units if done_of(unit) is None]


def _train_batch(scratch: Path, batch: Batch, report: Progress) -> BatchResult:
    """The worker, its scratch in that of the run, which outlives it: torch and SAELens are imported where the work is."""
    from hubkit.train.batch import train_batch

    return train_batch(batch, scratch, report)


def _write_records(
    units: Sequence[TrainingUnit],
    pending: Sequence[TrainingUnit],
    failed: Sequence[Failure],
    work: Path,
    options: Options,
) -> str:
    """`training.json` and the curves, from every marker that is there (those of other shards too), and failed.json.

    Returns the command that tries the failed ones again; an empty one when the disk does not even take that.
    """
    there = {
        unit.spec.sae_id: (unit.spec, done)
        for unit in units
        if unit.draw == ALL and (done := done_of(unit)) is not None
    }
    from hubkit.train.curves import write_curves

    try:
        again = write_failures(work / options.named(FAILED), failed, pending, options.command)
        write_json(work / TRAINING, {"saes": {sae_id: record(done) for sae_id, (_, done) in there.items()}})
        write_curves(work / CURVES, list(there.values()))
    except OSError as error:
        if failed:
            return ""  # they are what to say, and a full disk is why
        raise HubkitError(
            f"{work}: its records cannot be written: {error}",
            hint="free some space and run the same command again: what finished is kept and skipped",
        ) from error
    return again
