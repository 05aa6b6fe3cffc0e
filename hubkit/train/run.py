"""Trains every SAE of a study: the published ones on all rows of their condition, and one per fold without that fold's rows.

Units are content-addressed and marked done on disk, so a run that was killed goes on where it was, and a finished one does nothing.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hubkit.engine.events import Event, Report, silent
from hubkit.engine.local import Unit, run_units
from hubkit.release.layout import MANIFEST
from hubkit.release.pool import PoolManifest
from hubkit.release.writing import write_json
from hubkit.train.data import check_specs
from hubkit.train.unit import Done, TrainingUnit, done_of, marker_of, record, train_unit, unit_digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from hubkit.train.spec import SaeSpec

STAGE = "train"
TRAINING = "training.json"
"""In the work folder: what training found about each published SAE, for `evaluate` and the curious."""


@dataclass(frozen=True)
class TrainSummary:
    """What a run did."""

    published: dict[str, Done]
    """Every published SAE by sae_id, trained now or before."""
    trained: int
    """SAEs trained in this run, those of the folds included."""
    skipped: int
    """SAEs that were there already."""
    seconds: float

    @property
    def warnings(self) -> dict[str, list[str]]:
        """What training said loudly, by sae_id."""
        return {sae_id: done.warnings for sae_id, done in self.published.items() if done.warnings}


def train(  # noqa: PLR0913 - the arguments of the verb
    specs: Iterable[SaeSpec],
    pool_folder: Path,
    release: Path,
    work: Path,
    *,
    folds: bool = True,
    workers: int = 1,
    report: Report = silent,
) -> TrainSummary:
    """Train `specs` on the pool into `<release>/<sae_id>/` and, with `folds`, into `<work>/folds/<fold>/<sae_id>/`.

    Raises UsageError when a spec does not fit the pool, IncompleteError when the pool cannot be read, and HubkitError naming
    every SAE that failed, after all others are finished.
    """
    started = time.perf_counter()
    specs = list(specs)
    manifest = PoolManifest.load(pool_folder / MANIFEST)
    check_specs(specs, manifest)
    units = plan(specs, manifest, folds=folds, folders=(pool_folder, release, work))
    finished = {unit.key: done for unit in units if (done := done_of(unit)) is not None}
    pending = [unit for unit in units if unit.key not in finished]
    results = run_units(
        [Unit(unit.key, unit) for unit in pending],
        train_unit,
        workers=workers,
        report=_counting_from(len(finished), len(units), report),
        stage=STAGE,
    )
    finished |= results.done
    published = {spec.sae_id: finished[spec.sae_id] for spec in specs if spec.sae_id in finished}
    write_json(work / TRAINING, {"saes": {sae_id: record(done) for sae_id, done in published.items()}})
    results.raise_failures("SAEs")
    return TrainSummary(published, len(pending), len(units) - len(pending), time.perf_counter() - started)


def plan(
    specs: Sequence[SaeSpec], manifest: PoolManifest, *, folds: bool, folders: tuple[Path, Path, Path]
) -> list[TrainingUnit]:
    """The units of a run; `folders` are the pool, the release and the work folder."""
    pool_folder, release, work = folders
    held_outs: list[str | None] = [None, *(manifest.folds if folds else [])]
    units = []
    for held_out in held_outs:
        home = release if held_out is None else work / "folds" / held_out
        for spec in specs:
            digest = unit_digest(spec, held_out, manifest.inputs_sha256)
            marker = marker_of(work, digest)
            units.append(TrainingUnit(spec, held_out, pool_folder, home / spec.sae_id, marker, digest))
    return units


def _counting_from(done: int, total: int, report: Report) -> Report:
    """A report that counts what was there already."""

    def forward(event: Event) -> None:
        report(Event(event.stage, event.done + done, total, event.text))

    return forward
