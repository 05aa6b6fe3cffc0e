"""The outer folds: every row is held out in exactly one. Torch-free."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from typing import TYPE_CHECKING

from hubkit.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence


def assign_folds(
    row_ids: Sequence[str], strata: Sequence[tuple[str, str]], *, folds: int, seed: int
) -> list[str]:
    """The fold of each row, `fold0` to `fold<folds-1>`, in the order of the rows.

    Each stratum (scenario, label) is dealt out evenly: its rows per fold differ by one at most, and so do all rows per fold,
    because a stratum goes on where the one before it stopped. The strata of one label are dealt before those of the other, so
    that the rows of a label differ by one at most too: with uneven folds a constant guess is right less often than by chance.
    The order within a stratum is that of sha256(seed, row id), so a row's fold depends on no library's random numbers. Raises UsageError with fewer than 2 folds or fewer rows than folds.
    """
    if folds < 2 or len(row_ids) < folds:
        raise UsageError(
            f"{len(row_ids)} decisive completions in {folds} folds, expected at least 2 folds and one completion in each",
            hint="ask for more samples, or look at the reasons in completions.parquet",
        )
    members: dict[tuple[str, str], list[int]] = defaultdict(list)
    for row, stratum in enumerate(strata):
        members[stratum].append(row)
    dealt = [
        row
        for stratum in sorted(members, key=lambda stratum: (stratum[1], stratum[0]))
        for row in sorted(members[stratum], key=lambda row: _order(seed, row_ids[row]))
    ]
    fold_of = {row: f"fold{position % folds}" for position, row in enumerate(dealt)}
    return [fold_of[row] for row in range(len(row_ids))]


def _order(seed: int, row_id: str) -> bytes:
    return hashlib.sha256(f"{seed}\n{row_id}".encode()).digest()
