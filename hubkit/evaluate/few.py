"""Probes of a few features of each fold's training rows: the ones that tell the labels apart, principal components, ones drawn at random."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from hubkit.evaluate.newton import Prepared
from hubkit.evaluate.probe import not_finite
from hubkit.measures.bootstrap import SEED
from hubkit.measures.design import numbered
from hubkit.measures.probed import Columns, Probed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hubkit.measures.design import Booleans, Design, Floats, Numbers
    from hubkit.measures.probed import Probe

    Reduce = Callable[[Floats, Booleans, Booleans], Floats]
    """Features (n, d), which rows are training rows, the labels: (n, k), the labels of no other row having a part in it."""

DRAWS = 5
NEAR = 20
"""Latents that fire about as often, from which one is drawn."""


def sparse_probe(design: Design, features: Mapping[str, Floats], k: int) -> Probe:
    """The probe of the k features that tell the labels of each fold's training rows apart furthest; all where there are no more."""

    def reduce(of_fold: Floats, train: Booleans, positive: Booleans) -> Floats:
        return of_fold[:, furthest(of_fold[train], positive[train], k)]

    return reduced_probe(design, features, reduce)


def component_probe(design: Design, features: Mapping[str, Floats], k: int) -> Probe:
    """The probe of the first k principal components of each fold's training rows."""

    def reduce(of_fold: Floats, train: Booleans, _: Booleans) -> Floats:
        centred = of_fold.astype(np.float64) - of_fold[train].mean(axis=0, dtype=np.float64)
        rows = centred[train]
        if rows.shape[1] <= len(rows):
            axes = np.linalg.eigh(rows.T @ rows)[1][:, ::-1][:, :k]
        else:
            axes = rows.T @ np.linalg.eigh(rows @ rows.T)[1][:, ::-1][:, :k]
        found: Floats = centred @ axes
        return found

    return reduced_probe(design, features, reduce)


def random_latent_probes(design: Design, features: Mapping[str, Floats], k: int) -> list[Probed] | str:
    """Probes of k latents drawn among those that fire about as often as the ones of `sparse_probe`, a draw each; or why there are none."""
    found = []
    for draw in range(DRAWS):
        generator = np.random.default_rng([SEED, draw, k])
        one = reduced_probe(design, features, partial(_drawn, k=k, generator=generator))
        if isinstance(one, str):
            return one
        found.append(one)
    return found


def _drawn(
    of_fold: Floats, train: Booleans, positive: Booleans, *, k: int, generator: np.random.Generator
) -> Floats:
    rows = of_fold[train]
    order = np.argsort((rows != 0).mean(axis=0), kind="stable")
    place = np.empty(len(order), dtype=np.int64)
    place[order] = np.arange(len(order))
    width, taken = min(NEAR, len(order)), []
    for latent in furthest(rows, positive[train], k):
        start = int(np.clip(place[latent] - width // 2, 0, len(order) - width))
        near = [one for one in order[start : start + width].tolist() if one != latent] or [int(latent)]
        taken.append(near[int(generator.integers(len(near)))])
    return of_fold[:, taken]


def reduced_probe(design: Design, features: Mapping[str, Floats], reduce: Reduce) -> Probe:
    """The probe of what `reduce` makes of each fold's features; or why there is none."""
    if (reason := design.unmeasurable() or not_finite(design, features)) is not None:
        return reason
    scores, fold = np.zeros((len(design.positive), 1)), numbered(design.fold)
    for number, name in enumerate(design.folds):
        train = fold != number
        few = Prepared(reduce(features[name], train, design.positive))
        scores[~train] = few.decision_values(design.positive[:, None], train[:, None])[~train]
    return Probed(Columns(design.positive[:, None], fold[:, None], scores))


def furthest(features: Floats, positive: Booleans, k: int) -> Numbers:
    """The k columns of largest |mean_1 - mean_0| / mean of |x| where x is not 0, as sae-probes ranks latents; the first of equal ones."""
    size = np.abs(features).sum(axis=0, dtype=np.float64) / np.maximum((features != 0).sum(axis=0), 1)
    one, two = (features[chosen].mean(axis=0, dtype=np.float64) for chosen in (positive, ~positive))
    rank: NDArray[np.float64] = np.abs(one - two) / np.where(size > 0, size, 1.0)
    found: Numbers = np.argsort(-rank, kind="stable")[:k]
    return found
