"""Who is who in the rows of a pool, and folds and labels dealt again."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.floating]
    Booleans = NDArray[np.bool_]
    Numbers = NDArray[np.int64]

FEWEST = 2
"""Rows of each label per fold below which a probe's number is no number: three rows decide whether it is 0.2 or 0.8."""
MOVABLE = 0.5
"""Share of the rows that must be able to change their label in a permutation."""
HEAVY = 0.5
"""Share of the weight from which a scenario is named."""


@dataclass(frozen=True)
class Design:
    """Who is who in the rows of a pool."""

    positive: Booleans
    """(n,) whether the row has the first label."""
    scenario: NDArray[np.str_]
    """(n,)"""
    fold: NDArray[np.str_]
    """(n,) the fold that holds the row out."""
    positive_first: bool = False
    """Whether the rows of the first label were dealt into folds before the others: by the names of the labels."""

    @property
    def folds(self) -> list[str]:
        """The folds' names, sorted."""
        return sorted(set(self.fold.tolist()))

    @cached_property
    def members(self) -> dict[str, Numbers]:
        """The rows of each scenario that has both labels: the only ones in which a probe can be told from the scenario."""
        both = set(self.scenario[self.positive].tolist()) & set(self.scenario[~self.positive].tolist())
        return {name: np.flatnonzero(self.scenario == name) for name in sorted(both)}

    def contrasting(self) -> Booleans:
        """(n,) rows of scenarios that have both labels."""
        return np.isin(self.scenario, sorted(self.members))

    @cached_property
    def weights(self) -> dict[str, float]:
        """n1 n0 / (n1 + n0) of each of these scenarios: what a stratified (Mantel-Haenszel) mean gives it."""
        return {name: _weight(self.positive[rows]) for name, rows in self.members.items()}

    @property
    def n_effective(self) -> float:
        """4 sum n1 n0 / (n1 + n0): the balanced accuracy of independent guesses scatters as that of so many rows, half of each label, in one scenario."""
        return 4 * sum(self.weights.values())

    def heaviest(self) -> tuple[str, float] | None:
        """The scenario that carries more than half of the weight of several, and its share; None where none does."""
        total = sum(self.weights.values())
        name = max(self.weights, key=self.weights.__getitem__, default=None)
        if name is None or len(set(self.scenario.tolist())) < 2 or self.weights[name] <= HEAVY * total:
            return None
        return name, self.weights[name] / total

    def unmeasurable(self) -> str | None:
        """Why no probe of these rows means anything, or None."""
        if not self.members:
            return "label and scenario confounded: no scenario has both labels"
        least, folds = FEWEST * len(self.folds), len(self.folds)
        inside = self.positive[self.contrasting()]
        fewer = min(int(inside.sum()), int((~inside).sum()))
        if fewer < least:
            return f"{fewer} rows of the rarer label in scenarios that have both, expected at least {least}: {FEWEST} for each of {folds} folds"
        for fold in self.folds:
            if len(set(self.positive[self.fold != fold].tolist())) < 2:
                return f"the rows outside {fold} have one label only: no probe can be fitted there"
        return None


def _weight(positive: Booleans) -> float:
    ones = float(positive.sum())
    return ones * (len(positive) - ones) / len(positive)


def permuted(positive: Booleans, strata: Numbers, draws: int, generator: np.random.Generator) -> Booleans:
    """(n, draws) labels dealt out anew within each stratum: every stratum keeps how many of each it has."""
    columns = np.repeat(positive[:, None], draws, axis=1)
    for stratum in np.unique(strata):
        rows = np.flatnonzero(strata == stratum)
        columns[rows] = generator.permuted(columns[rows], axis=0)
    return columns


def movable(positive: Booleans, strata: Numbers) -> bool:
    """Whether most rows lie in strata with both labels, so that a permutation within them says anything."""
    size, ones = np.bincount(strata), np.bincount(strata, weights=positive)
    return bool(((ones > 0) & (ones < size))[strata].mean() >= MOVABLE)


def dealt(
    positive: Booleans, scenario: Numbers, folds: int, generator: np.random.Generator, *, positive_first: bool
) -> Numbers:
    """(n, draws) fold numbers of the labellings `positive` (n, draws): the rule by which a pool's folds are dealt (`collect/folds.py`), in an order drawn anew.

    Strata of one label before those of the other, scenario after scenario, one row after the other to the next fold.
    """
    found = np.empty(positive.shape, dtype=np.int64)
    turn = np.arange(len(positive)) % folds
    for column, labels in enumerate(positive.T):
        found[np.lexsort((generator.random(len(labels)), scenario, labels ^ positive_first)), column] = turn
    return found


def numbered(names: NDArray[np.str_]) -> Numbers:
    """(n,) each name as its place among the sorted names."""
    found: Numbers = np.unique(names, return_inverse=True)[1].astype(np.int64)
    return found
