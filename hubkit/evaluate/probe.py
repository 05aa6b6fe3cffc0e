"""A cross-fitted linear probe: its decision values out of fold, for the labels and for labels that were permuted."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np

from hubkit.evaluate.logistic import decision_values, directions
from hubkit.measures.design import dealt, movable, numbered, permuted
from hubkit.measures.inference import PERMUTATIONS
from hubkit.measures.probed import Columns, Probed

if TYPE_CHECKING:
    from hubkit.measures.design import Booleans, Design, Floats, Numbers
    from hubkit.measures.probed import Probe, Values

SEED = 20_240_607
Permuting = Literal["folds dealt again", "folds held", "scenarios held", "none"]
"""Which permutation of the labels is as good as the labels are without an effect: within scenarios where the features know no folds; within
scenario and fold where they do, since folds were dealt by the labels; within scenarios where whole scenarios are held out."""


def probe(
    design: Design, features: Mapping[str, Floats], permuting: Permuting = "none", draws: int = PERMUTATIONS
) -> Probe:
    """The probe of each fold, fitted without its rows on `features[fold]` (n, d), which were made without them too; or why there is none."""
    reason = design.unmeasurable()
    if reason is not None:
        return reason
    for name in design.folds:
        if not np.isfinite(features[name]).all():
            return f"features without {name} hold NaN or infinity"
    positive, fold = labellings(design, permuting, draws)
    scores = _out_of_fold(positive, fold, [features[name] for name in design.folds])
    real, null = (
        Columns(positive[:, part], fold[:, part], scores[:, part]) for part in (slice(0, 1), slice(1, None))
    )
    return Probed(
        real, null if positive.shape[1] > 1 else None, f"labels permuted within scenarios, {permuting}"
    )


def sparse_probe(design: Design, features: Mapping[str, Floats], k: int) -> Probe:
    """The same of the k features that tell the labels of each fold's training rows apart furthest; all where there are no more."""
    reason = design.unmeasurable()
    if reason is not None:
        return reason
    scores, fold = np.zeros((len(design.positive), 1)), numbered(design.fold)
    for number, name in enumerate(design.folds):
        train = fold != number
        chosen = furthest(features[name][train], design.positive[train], k)
        held_out = [features[name][:, chosen]]
        scores[~train] = _out_of_fold(design.positive[:, None], np.where(train, 1, 0)[:, None], held_out)[
            ~train
        ]
    return Probed(Columns(design.positive[:, None], fold[:, None], scores))


def furthest(features: Floats, positive: Booleans, k: int) -> Numbers:
    """The k columns of largest |mean_1 - mean_0| / mean of |x| where x is not 0, as sae-probes ranks latents; the first of equal ones."""
    size = np.abs(features).sum(axis=0, dtype=np.float64) / np.maximum((features != 0).sum(axis=0), 1)
    apart = features[positive].mean(axis=0, dtype=np.float64) - features[~positive].mean(
        axis=0, dtype=np.float64
    )
    found: Numbers = np.argsort(-np.abs(apart) / np.where(size > 0, size, 1.0), kind="stable")[:k]
    return found


def labellings(design: Design, permuting: Permuting, draws: int) -> tuple[Booleans, Numbers]:
    """(n, 1 + B) the labels and their permutations, and the folds of each."""
    positive, scenario, fold = design.positive, numbered(design.scenario), numbered(design.fold)
    generator = np.random.default_rng([SEED, _number(permuting)])
    cells = scenario * (int(fold.max()) + 1) + fold if permuting == "folds held" else scenario
    if permuting == "none" or (permuting == "folds held" and not movable(positive, cells)):
        return positive[:, None], fold[:, None]
    others = permuted(positive, cells, draws, generator)
    if permuting == "folds dealt again":
        again = int(fold.max()) + 1, generator
        folds = dealt(others, scenario, *again, positive_first=design.positive_first)
    else:
        folds = np.repeat(fold[:, None], draws, axis=1)
    return np.c_[positive, others], np.c_[fold, folds]


def _out_of_fold(positive: Booleans, fold: Numbers, features: Sequence[Floats]) -> Values:
    """(n, B) decision values, each row's by the fit on the rows of other folds."""
    scores, turned = np.empty(positive.shape), {}
    for number, of_fold in enumerate(features):
        if id(of_fold) not in turned:
            turned = {id(of_fold): directions(of_fold)}
        held_out = fold == number
        scores[held_out] = decision_values(turned[id(of_fold)], positive, ~held_out)[held_out]
    return scores


def fold_of_labels(positive: Booleans, scenario: Numbers, folds: int, purpose: str) -> Numbers:
    """(n,) fold numbers dealt by these labels, in an order that hangs on `purpose` alone."""
    return dealt(
        positive[:, None],
        scenario,
        folds,
        np.random.default_rng([SEED, _number(purpose)]),
        positive_first=False,
    )[:, 0]


def _number(purpose: str) -> int:
    return int.from_bytes(hashlib.sha256(purpose.encode("utf-8")).digest()[:8], "little")
