"""Whether a pool has what the specs ask for."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from hubkit.errors import UsageError
from hubkit.release.folds import rows_of
from hubkit.release.pool import ONLY, PoolManifest
from hubkit.train.footprint import SHARE, bytes_in_training, for_stacks
from hubkit.words import human_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hubkit.train.spec import SaeSpec
    from hubkit.train.unit import TrainingUnit


def check_specs(specs: list[SaeSpec], manifest: PoolManifest) -> None:
    """Raise UsageError when a spec asks for what the pool has not, or two specs for the same folder."""
    layers = sorted(entry.layer for entry in manifest.layers)
    seen: set[str] = set()
    for spec in specs:
        if spec.layer not in layers:
            raise UsageError(
                f"{spec.sae_id}: layer {spec.layer}, the pool has {layers}", hint="hubkit collect STUDY.yaml"
            )
        if spec.label is not None and spec.label not in manifest.labels:
            raise UsageError(
                f"{spec.sae_id}: condition `{spec.condition}`, the pool's labels are {', '.join(manifest.labels)}",
                hint=f"conditions are mixed, {', '.join(label + ONLY for label in manifest.labels)}",
            )
        if spec.sae_id.lower() in seen:
            raise UsageError(
                f"{spec.sae_id}: two SAEs of this name (case aside)", hint="give each its own sae_id"
            )
        seen.add(spec.sae_id.lower())


def check_windows(units: Iterable[TrainingUnit], manifest: PoolManifest) -> None:
    """Raise UsageError for a window that does not end inside its run: with `epochs` that is known only with the rows, and a fold has fewer of them.

    A spec with `steps` has been looked at when it was read.
    """
    for unit in units:
        spec = unit.spec
        if spec.epochs is None or not any(spec.windows.values()):
            continue
        n = int(rows_of(manifest, spec.condition, unit.draw).sum())
        steps = spec.steps_for(n)
        for name, length in spec.windows.items():
            if length >= steps:
                raise UsageError(
                    f"{unit.key}: {name} is {length}, expected fewer than the run's {steps} steps ({spec.epochs} epochs of {n} rows)",
                    hint=f"a shorter {name}, or more epochs",
                )


def check_memory(units: Iterable[TrainingUnit], manifest: PoolManifest, memory: int, workers: int) -> None:
    """Raise UsageError where `memory` (bytes), shared by `workers`, has no room for one of the SAEs alone."""
    rows: dict[tuple[str, str], int] = {}
    largest, needed = "", 0
    for unit in units:
        which = (unit.spec.condition, unit.draw)
        if which not in rows:
            rows[which] = int(rows_of(manifest, *which).sum())
        needs = bytes_in_training(unit.spec, rows[which], manifest.d_in)
        if needs > needed:
            largest, needed = unit.key, needs
    room = for_stacks(memory // workers)
    if needed <= room:
        return
    enough = math.ceil(needed / SHARE * workers / (1 << 20)) + 1
    raise UsageError(
        f"--memory: {largest} needs {human_bytes(needed)} in training, {human_bytes(memory)} have room for stacks of {human_bytes(room)}"
        + (f" in each of {workers} workers" if workers > 1 else ""),
        hint=f"--memory {enough}MiB"
        + (", or fewer --workers" if workers > 1 else ", or a smaller batch_size or d_sae"),
    )
