"""A cross-fitted linear probe: its decision values out of fold, for the labels and for labels that were permuted."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Literal

import numpy as np

from hubkit.evaluate.logistic import decision_values, directions
from hubkit.evaluate.newton import Prepared
from hubkit.measures.design import dealt, movable, numbered, permuted
from hubkit.measures.inference import PERMUTATIONS
from hubkit.measures.probed import Columns, Probed

if TYPE_CHECKING:
    from hubkit.measures.design import Booleans, Design, Floats, Numbers
    from hubkit.measures.probed import Probe, Values

    Fit = Callable[[Booleans, Booleans], Values]

SEED = 20_240_607
FEW = 12
"""Labellings of one set of rows up to which Newton's steps, one labelling after the other, are the faster."""
Permuting = Literal["folds dealt again", "folds held", "scenarios held", "for their scatter", "none"]
"""Which permutation of the labels is as good as the labels are without an effect: within scenarios where the features know no folds; within
scenario and fold where they do, since folds were dealt by the labels; within scenarios where whole scenarios are held out. `for their scatter`: within
scenarios with the folds as they are, which is as good in nothing but how far such a probe's values scatter."""


def probe(
    design: Design,
    features: Mapping[str, Floats],
    permuting: Permuting = "none",
    draws: int = PERMUTATIONS,
    *,
    exchangeable: bool = True,
) -> Probe:
    """The probe of each fold, fitted without its rows on `features[fold]` (n, d), which were made without them too; or why there is none. `exchangeable`:
    whether the labels had no part in the features. Where most cells of scenario and fold hold one label, none is permuted within them but for their scatter."""
    if (reason := design.unmeasurable() or not_finite(design, features)) is not None:
        return reason
    permuting, exchangeable = possible(design, permuting, exchangeable=exchangeable)
    positive, fold = labellings(design, permuting, draws)
    scores = _out_of_fold(positive, fold, [features[name] for name in design.folds])
    return Probed.of(Columns(positive, fold, scores), kind_of(permuting), exchangeable=exchangeable)


def possible(design: Design, permuting: Permuting, *, exchangeable: bool) -> tuple[Permuting, bool]:
    """What can be permuted in these rows, and whether it is as good as the labels without an effect."""
    if permuting == "folds held" and not movable(design.positive, _cells(design)):
        permuting = "for their scatter"
    return permuting, exchangeable and permuting != "for their scatter"


def kind_of(permuting: Permuting) -> str:
    """In the words of a null."""
    return f"labels permuted within scenarios, {permuting}"


def not_finite(design: Design, features: Mapping[str, Floats]) -> str | None:
    """Why nothing can be fitted on these features, or None."""
    bad = next((name for name in design.folds if not np.isfinite(features[name]).all()), None)
    return None if bad is None else f"features without {bad} hold NaN or infinity"


def labelled_otherwise(design: Design, features: Mapping[str, Floats], positive: Booleans) -> Columns | str:
    """The same of other labels (n, B) of the rows, the folds as they are; or why there are none. Each fold's other rows need both labels."""
    if (reason := not_finite(design, features)) is not None:
        return reason
    fold = np.repeat(numbered(design.fold)[:, None], positive.shape[1], axis=1)
    return Columns(positive, fold, _out_of_fold(positive, fold, [features[name] for name in design.folds]))


def labellings(design: Design, permuting: Permuting, draws: int) -> tuple[Booleans, Numbers]:
    """(n, 1 + B) the labels and their permutations, and the folds of each."""
    positive, scenario, fold = design.positive, numbered(design.scenario), numbered(design.fold)
    generator = np.random.default_rng([SEED, _number(permuting)])
    if permuting == "none":
        return positive[:, None], fold[:, None]
    others = permuted(positive, _cells(design) if permuting == "folds held" else scenario, draws, generator)
    if permuting == "folds dealt again":
        again = int(fold.max()) + 1, generator
        folds = dealt(others, scenario, *again, positive_first=design.positive_first)
    else:
        folds = np.repeat(fold[:, None], draws, axis=1)
    return np.c_[positive, others], np.c_[fold, folds]


def _cells(design: Design) -> Numbers:
    """(n,) numbers of scenario and fold together."""
    fold = numbered(design.fold)
    return numbered(design.scenario) * (int(fold.max()) + 1) + fold


def _out_of_fold(positive: Booleans, fold: Numbers, features: Sequence[Floats]) -> Values:
    """(n, B) decision values, each row's by the fit on the rows of other folds."""
    scores, last, fit = np.empty(positive.shape), None, None
    for number, of_fold in enumerate(features):
        if fit is None or of_fold is not last:
            last, fit = of_fold, fits(of_fold, positive.shape[1])
        held_out = fold == number
        scores[held_out] = fit(positive, ~held_out)[held_out]
    return scores


def fits(features: Floats, labellings: int) -> Fit:
    """What gives the decision values of all rows, of fits on some of them: of many labellings at once, or of few, one after the other."""
    if labellings <= FEW:
        return Prepared(features).decision_values
    return partial(decision_values, directions(features))


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
