"""Which rows an SAE is trained on: all of its condition, all but those of an outer fold, or as many drawn blind to the label.

The plain folds are dealt when a pool is collected (`PoolRow.split`): every row is held out once, and each scenario is on both
sides. The whole-scenario folds follow from the pool: a scenario is held out with all of its rows. Torch-free.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np

from hubkit.release.pool import MIXED

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from hubkit.release.pool import PoolManifest

    Booleans = NDArray[np.bool_]

ALL = "all"
"""The draw of a published SAE: every row of its condition."""
CONTROL = "control"
"""The draw of a membership control."""
SCENARIOS = "scenarios"
"""What the names of whole-scenario folds begin with."""
SEED = "seed"
"""What the names of draws begin with that are the published SAE's rows, and another seed: `seed1`, `seed2`, ..."""
WITHOUT = "-without-"
"""Between such a name and the fold whose rows are held out from that seed as well: `seed1-without-fold0`."""


def scenario_folds(manifest: PoolManifest) -> list[str]:
    """The whole-scenario fold of each row of a pool, `scenarios0`, ...: a function of the pool alone. Empty with fewer than 2 scenarios."""
    positive = [row.label == manifest.labels[0] for row in manifest.rows]
    return whole_scenarios([row.scenario_id for row in manifest.rows], positive, len(manifest.folds))


def whole_scenarios(scenarios: Sequence[str], positive: Sequence[bool], folds: int) -> list[str]:
    """The fold of each row: as many folds as asked for, or as scenarios where those are fewer. Empty with fewer than 2 scenarios.

    Scenarios are dealt from the largest to the smallest, each to the fold that keeps the rows of both labels most even (as
    scikit-learn's StratifiedGroupKFold does), ties by name.
    """
    sizes: dict[str, NDArray[np.int64]] = defaultdict(lambda: np.zeros(2, dtype=np.int64))
    for name, yes in zip(scenarios, positive, strict=True):
        sizes[name][int(yes)] += 1
    if len(sizes) < 2:
        return []
    loads = np.zeros((min(folds, len(sizes)), 2), dtype=np.int64)
    fold_of: dict[str, str] = {}
    for scenario in sorted(sizes, key=lambda name: (-int(sizes[name].sum()), name)):
        unevenness = [
            ((loads + sizes[scenario] * chosen[:, None]) ** 2).sum()
            for chosen in np.eye(len(loads), dtype=np.int64)
        ]
        fold = int(np.argmin(unevenness))
        loads[fold] += sizes[scenario]
        fold_of[scenario] = f"{SCENARIOS}{fold}"
    return [fold_of[name] for name in scenarios]


def seed_draws(seeds: int) -> list[str]:
    """Those of as many seeds, the published SAE's counted in."""
    return [f"{SEED}{number}" for number in range(1, seeds)]


def without(seed: str, fold: str) -> str:
    """The draw of another seed that does not see a fold: where there are several such seeds, all of them can be asked of rows that none has seen."""
    return f"{seed}{WITHOUT}{fold}"


def seed_of(draw: str) -> int:
    """How far the seed of a draw is from that of the published SAE."""
    return int(draw.removeprefix(SEED).partition(WITHOUT)[0]) if draw.startswith(SEED) else 0


def draws_of(manifest: PoolManifest, condition: str, *, scenarios: bool, control: bool) -> list[str]:
    """The draws beside the published SAE: the plain folds, and where asked for the whole-scenario folds and the control.

    `mixed` has no control: it uses every row, so that there is no row it did not see.
    """
    return [
        *manifest.folds,
        *(sorted(set(scenario_folds(manifest))) if scenarios else []),
        *([CONTROL] if control and condition != MIXED else []),
    ]


def folder_of(work: Path, draw: str) -> Path:
    """Where the SAEs of a draw other than `all` are, below the work folder."""
    if draw == CONTROL:
        return work / CONTROL
    return work / ("seeds" if draw.startswith(SEED) else "folds") / draw


def rows_of(manifest: PoolManifest, condition: str, draw: str = ALL) -> Booleans:
    """(n,) which rows an SAE of `condition` is trained on under `draw`. Raises UsageError for a condition of other labels."""
    wanted = set(manifest.labels_of(condition))
    own = np.array([row.label in wanted for row in manifest.rows], dtype=bool)
    if draw.startswith(SEED):
        draw = draw.partition(WITHOUT)[2] or ALL
    if draw == ALL:
        return own
    if draw == CONTROL:
        return _blind(manifest, own)
    folds = scenario_folds(manifest) if draw.startswith(SCENARIOS) else [row.split for row in manifest.rows]
    chosen: Booleans = own & np.array([fold != draw for fold in folds], dtype=bool)
    return chosen


def _blind(manifest: PoolManifest, own: Booleans) -> Booleans:
    """As many rows of each scenario as `own` has there, the first by sha256 of their completion_id: the label has no say."""
    members: dict[str, list[int]] = defaultdict(list)
    for number, row in enumerate(manifest.rows):
        members[row.scenario_id].append(number)
    drawn = np.zeros(len(own), dtype=bool)
    for numbers in members.values():
        order = sorted(numbers, key=lambda number: _order(manifest.rows[number].completion_id))
        drawn[order[: int(own[numbers].sum())]] = True
    return drawn


def rows_sha256(manifest: PoolManifest, chosen: Booleans) -> str:
    """Digest of the completion_ids of the `chosen` rows (n,): an SAE carries that of the rows it has seen."""
    ids = sorted(row.completion_id for row, wanted in zip(manifest.rows, chosen, strict=True) if wanted)
    return hashlib.sha256("\n".join(ids).encode("utf-8")).hexdigest()


def _order(completion_id: str) -> bytes:
    return hashlib.sha256(f"membership\n{completion_id}".encode()).digest()
