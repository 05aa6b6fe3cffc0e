"""Which SAEs a run trains, on which rows, and which of them go to a worker together. Torch-free."""

from __future__ import annotations

import math
import shutil
from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hubkit.engine.work import Unit
from hubkit.errors import HubkitError, UsageError
from hubkit.release.folds import (
    ALL,
    CONTROL,
    SCENARIOS,
    SEED,
    draws_of,
    folder_of,
    rows_of,
    seed_draws,
    seed_of,
    without,
)
from hubkit.train.alike import program
from hubkit.train.spec import MOST_SEED
from hubkit.train.unit import TrainingUnit, marker_of, unit_digest
from hubkit.words import human_bytes, many

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from hubkit.release.pool import PoolManifest
    from hubkit.train.spec import SaeSpec

BATCH = 32
"""SAEs that a worker gets at most: what a killed worker can lose."""
TURNS = 2
"""Batches for each worker, so that none waits long for the last."""
FLOAT32 = 4
SMALL_FILES = 1 << 16
"""Bytes of an SAE's folder and marker beside its weights."""


@dataclass(frozen=True)
class CrossFit:
    """What is trained beside the published SAEs."""

    folds: int | None = None
    """Outer folds: those of the pool (None), or none at all (0). Another number than the pool's is refused."""
    scenarios: bool = True
    """Also the whole-scenario folds."""
    control: bool = True
    """Also the membership control of every SAE of one label."""
    seeds: int = 1
    """Of each published SAE, its own counted in: whether its latents come back from another one. Where there are folds, each other seed is trained twice: on all of its
    rows, and without those of the first fold, so that the activations can be compared on rows that no seed has seen."""

    def draws(self, manifest: PoolManifest, condition: str) -> list[str]:
        """The draws of rows for one published SAE, its own first. Raises UsageError for folds that the pool has not."""
        seeds = seed_draws(self.seeds)
        if self.folds == 0:
            return [ALL, *seeds]
        there = len(manifest.folds)
        if self.folds not in {None, there}:
            raise UsageError(
                f"--folds {self.folds}: the pool is split into {there} folds",
                hint=f"--folds {there}, or `folds: {self.folds}` under collect in the study file and `hubkit collect` (it keeps the texts)",
            )
        folds = draws_of(manifest, condition, scenarios=self.scenarios, control=self.control)
        return [ALL, *seeds, *folds, *(without(seed, manifest.folds[0]) for seed in seeds)]


@dataclass(frozen=True)
class TrainingFolders:
    """Where training reads and writes."""

    pool: Path
    release: Path
    work: Path

    def target(self, sae_id: str, draw: str) -> Path:
        """The folder of one SAE: only the published ones are in the release."""
        return (self.release if draw == ALL else folder_of(self.work, draw)) / sae_id


@dataclass(frozen=True)
class Batch:
    """SAEs for one worker at once; picklable."""

    units: tuple[TrainingUnit, ...]
    device: str
    memory: int | None = None
    """Bytes that its worker may fill with stacks; None: what is free."""

    @property
    def key(self) -> str:
        """Its name in progress and failures."""
        first = self.units[0]
        return first.key if len(self.units) == 1 else f"{len(self.units)} SAEs from {first.key}"

    def halves(self) -> list[Batch]:
        """Two batches of half as many SAEs, or itself when it has but one."""
        middle = len(self.units) // 2
        parts = (self.units[:middle], self.units[middle:])
        return [replace(self, units=part) for part in parts if part]


def plan(
    specs: Iterable[SaeSpec], manifest: PoolManifest, folders: TrainingFolders, crossfit: CrossFit
) -> list[TrainingUnit]:
    """The units of a run: the published SAEs first, then draw by draw, each with the settings of its published SAE."""
    by_draw: dict[str, list[TrainingUnit]] = defaultdict(list)
    for spec in settled(specs, manifest):
        for draw in crossfit.draws(manifest, spec.condition):
            trained = spec.model_copy(update={"seed": (spec.seed + seed_of(draw)) % (MOST_SEED + 1)})
            digest = unit_digest(trained, draw, manifest.inputs_sha256)
            target = folders.target(spec.sae_id, draw)
            by_draw[draw].append(
                TrainingUnit(trained, draw, folders.pool, target, marker_of(folders.work, digest), digest)
            )
    return [unit for units in by_draw.values() for unit in units]


def settled(specs: Iterable[SaeSpec], manifest: PoolManifest) -> list[SaeSpec]:
    """`specs` as they are trained on this pool (`SaeSpec.settled`). The rows of the published SAE decide, for its folds and controls too: they stand in for it."""
    return [spec.settled(int(rows_of(manifest, spec.condition).sum())) for spec in specs]


def batches(
    units: Sequence[TrainingUnit], *, workers: int, device: str, memory: int | None = None
) -> list[Batch]:
    """`units`, for workers with `memory` each, in batches of SAEs that one program can train (`alike.program`), the published SAEs first.

    How they are cut decides nothing but the speed: an SAE is the same in any company.
    """
    size = len(units)  # one GPU takes them in stacks as large as its memory
    if device == "cpu" or workers > 1:
        size = max(1, min(BATCH, math.ceil(size / (workers * TURNS))))
    alike: dict[str, list[TrainingUnit]] = defaultdict(list)
    for unit in units:
        alike[program(unit.spec).digest()].append(unit)
    found = [
        Batch(tuple(group[start : start + size]), device, memory)
        for group in alike.values()
        for start in range(0, len(group), size)
    ]
    return sorted(found, key=lambda batch: units.index(batch.units[0]))


def as_unit(batch: Batch) -> Unit:
    """A batch as an engine takes it."""
    return Unit(batch.key, batch)


def check_space(units: Sequence[TrainingUnit], d_in: int) -> None:
    """Raise HubkitError when the weights of `units` will not fit on the disk where they are to go."""
    if not units:
        return
    needed = sum(2 * FLOAT32 * unit.spec.d_sae * d_in + SMALL_FILES for unit in units)
    folder = next(parent for parent in (units[0].marker, *units[0].marker.parents) if parent.exists())
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise HubkitError(
            f"{folder}: {len(units)} SAEs need {human_bytes(needed)}, {human_bytes(free)} are free",
            hint="free some space, choose another --folder, or train fewer with --rows-only",
        )


def still_beside(ours: Sequence[TrainingUnit], pending: Sequence[TrainingUnit]) -> str:
    """What is about to be trained although every published SAE is there: the SAEs that those are measured with. Empty where it is otherwise."""
    if not pending or any(unit.draw == ALL for unit in pending):
        return ""
    controls = sum(unit.draw == CONTROL for unit in pending)
    scenarios = sum(unit.draw.startswith(SCENARIOS) for unit in pending)
    seeds = sum(unit.draw.startswith(SEED) for unit in pending)
    kinds = {
        "of whole-scenario folds": scenarios,
        "as membership controls": controls,
        "from other seeds": seeds,
    }
    kinds["of plain folds"] = len(pending) - scenarios - controls - seeds
    named = ", ".join(f"{count} {words}" for words, count in kinds.items() if count)
    published = sum(unit.draw == ALL for unit in ours)
    spared = "; --rows-only leaves out whole-scenario folds and controls" if scenarios or controls else ""
    return f"{many(published, 'published SAE')} {'is' if published == 1 else 'are'} there; to measure them, {len(pending):,} more will be trained now: {named}{spared}"
