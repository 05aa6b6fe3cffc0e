"""Probes of a few features of each fold's training rows: the ones that tell the labels apart, principal components, ones drawn at random."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from hubkit.evaluate.newton import Prepared
from hubkit.evaluate.probe import kind_of, labellings, not_finite, possible, probe
from hubkit.measures.bootstrap import SEED
from hubkit.measures.design import numbered
from hubkit.measures.probed import Columns, Probed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hubkit.evaluate.probe import Permuting
    from hubkit.measures.design import Booleans, Design, Floats, Numbers
    from hubkit.measures.probed import Probe

    Reduce = Callable[[Floats, Booleans], Floats]
    """Features (n, d), and which rows are training rows: (n, k), no other row having a part in it."""

DRAWS = 5
CHOSEN = 99
"""Permutations of the labels of which features are chosen anew, and probes fitted one by one."""
NEAR = 20
"""Latents that fire about as often, from which one is drawn."""


def sparse_probe(
    design: Design,
    features: Mapping[str, Floats],
    k: int,
    permuting: Permuting = "none",
    draws: int = CHOSEN,
    *,
    exchangeable: bool = True,
) -> Probe:
    """The probe of the k features that tell the labels of each fold's training rows apart furthest; all where there are no more. Of permuted labels they are
    chosen anew; `permuting` and `exchangeable` as `probe` has them."""
    if (reason := design.unmeasurable() or not_finite(design, features)) is not None:
        return reason
    permuting, exchangeable = possible(design, permuting, exchangeable=exchangeable)
    positive, fold = labellings(design, permuting, draws)
    scores = np.zeros(positive.shape)
    for number, name in enumerate(design.folds):
        train = fold != number
        for column, chosen in enumerate(furthest(features[name], positive, train, k)):
            few, own = Prepared(features[name][:, chosen]), slice(column, column + 1)
            said = few.decision_values(positive[:, own], train[:, own])[:, 0]
            scores[~train[:, column], column] = said[~train[:, column]]
    return Probed.of(Columns(positive, fold, scores), kind_of(permuting), exchangeable=exchangeable)


def component_probe(design: Design, features: Mapping[str, Floats], k: int) -> Probe:
    """The probe of the first k principal components of each fold's training rows, in which the labels have no part."""

    def reduce(of_fold: Floats, train: Booleans) -> Floats:
        centred = of_fold.astype(np.float64) - of_fold[train].mean(axis=0, dtype=np.float64)
        rows = centred[train]
        if rows.shape[1] <= len(rows):
            axes = np.linalg.eigh(rows.T @ rows)[1][:, ::-1][:, :k]
        else:
            axes = rows.T @ np.linalg.eigh(rows @ rows.T)[1][:, ::-1][:, :k]
        found: Floats = centred @ axes
        return found

    return _reduced(design, features, reduce, "folds held")


def random_latent_probes(
    design: Design, features: Mapping[str, Floats], k: int, *, exchangeable: bool = True
) -> list[Probed] | str:
    """Probes of k latents drawn among those that fire about as often as the ones of `sparse_probe`, a draw each, the first with permuted labels; or why there
    are none. `exchangeable`: as `probe` has it."""
    found: list[Probed] = []
    for draw in range(DRAWS):
        drawn = partial(
            _drawn, positive=design.positive, k=k, generator=np.random.default_rng([SEED, draw, k])
        )
        one = _reduced(design, features, drawn, "none" if found else "folds held", exchangeable=exchangeable)
        if isinstance(one, str):
            return one
        found.append(one)
    return found


def _drawn(
    of_fold: Floats, train: Booleans, *, positive: Booleans, k: int, generator: np.random.Generator
) -> Floats:
    order = np.argsort((of_fold[train] != 0).mean(axis=0), kind="stable")
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    width, taken = min(NEAR, len(order)), []
    for latent in furthest(of_fold, positive[:, None], train[:, None], k)[0]:
        start = int(np.clip(place[latent] - width // 2, 0, len(order) - width))
        near = [one for one in order[start : start + width].tolist() if one != latent] or [int(latent)]
        taken.append(near[int(generator.integers(len(near)))])
    return of_fold[:, taken]


def _reduced(
    design: Design,
    features: Mapping[str, Floats],
    reduce: Reduce,
    permuting: Permuting,
    *,
    exchangeable: bool = True,
) -> Probe:
    """The probe of what `reduce` makes of each fold's features; or why there is none."""
    if (reason := design.unmeasurable() or not_finite(design, features)) is not None:
        return reason
    fold = numbered(design.fold)
    few = {name: reduce(features[name], fold != number) for number, name in enumerate(design.folds)}
    return probe(design, few, permuting, exchangeable=exchangeable)


def furthest(features: Floats, positive: Booleans, train: Booleans, k: int) -> Numbers:
    """(B, k) the columns of `features` (n, d) of largest |mean_1 - mean_0| / mean of |x| where x is not 0, over the rows `train` (n, B) with labels `positive`
    (n, B), as sae-probes ranks latents; the first of equal ones."""
    wide = features.astype(np.float64)
    size = (train.T @ np.abs(wide)) / np.maximum(train.T.astype(np.float64) @ (wide != 0), 1)
    one, two = (
        (chosen.T / chosen.sum(axis=0)[:, None]) @ wide for chosen in (train & positive, train & ~positive)
    )
    rank: NDArray[np.float64] = np.abs(one - two) / np.where(size > 0, size, 1.0)
    found: Numbers = np.argsort(-rank, axis=1, kind="stable")[:, :k]
    return found
