"""Labels that say nothing but which scenario a row is of (Hewitt & Liang 2019)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hubkit.measures.bootstrap import SEED

if TYPE_CHECKING:
    from hubkit.measures.design import Booleans, Design

DRAWS = 10
TRIES = 100


def control_labels(design: Design) -> Booleans | str:
    """(n, DRAWS) one label for all rows of a scenario, thrown with the share that the label has; every fold's other rows have both. Or why there are none."""
    names = sorted(set(design.scenario.tolist()))
    if len(names) < 2:
        return "there is one scenario: no label can be thrown for each"
    generator, place = np.random.default_rng(SEED), np.searchsorted(names, design.scenario)
    share, found = float(design.positive.mean()), []
    for _ in range(DRAWS * TRIES):
        column = (generator.random(len(names)) < share)[place]
        if all(0 < column[design.fold != fold].sum() < (design.fold != fold).sum() for fold in design.folds):
            found.append(column)
        if len(found) == DRAWS:
            return np.stack(found, axis=1)
    return "no labels thrown for each scenario leave both to train on"
