"""Probes of a pool's rows on rows that it does not have: of changed texts, of other scenarios."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from hubkit.evaluate.logistic import decision_values, directions
from hubkit.evaluate.probe import labellings
from hubkit.measures.design import Design
from hubkit.measures.inference import PERMUTATIONS
from hubkit.measures.probed import Columns, Probed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hubkit.evaluate.probe import Permuting
    from hubkit.measures.design import Booleans, Floats, Numbers
    from hubkit.measures.probed import Probe, Values

KIND = "labels of the rows that train the probe permuted within scenarios"


def carried(
    design: Design, x: Floats, other: Design, other_x: Floats, own: Numbers | None, draws: int = PERMUTATIONS
) -> Probe:
    """What the probes of the rows `x` (n, d) say of `other_x` (m, d). `own` (m,) is the row of `x` that each belongs to: the probe of its fold is then asked,
    and its label is permuted with that row's. Without it every row is told by the probe of all of `x`, and its label stays as it is.
    """
    if (reason := design.unmeasurable() or _one_label(other)) is not None:
        return reason
    if not (np.isfinite(x).all() and np.isfinite(other_x).all()):
        return "features hold NaN or infinity"
    permuting: Permuting = "scenarios held" if own is None else "folds dealt again"
    labels, folds = labellings(design if own is None else _apart(design, own), permuting, draws)
    rows, n = directions(np.concatenate([x, other_x])), len(x)
    never = np.zeros((len(other_x), 1 + draws), dtype=bool)
    if own is None:
        truth, fold = (
            np.repeat(other.positive[:, None], 1 + draws, axis=1),
            np.zeros(never.shape, dtype=np.int64),
        )
        scores = _fitted(
            rows, np.concatenate([labels, truth]), np.concatenate([np.ones(labels.shape, dtype=bool), never])
        )[n:]
        return Probed.of(Columns(truth, fold, scores), KIND)
    truth, fold, scores = labels[own], folds[own], np.empty(never.shape)
    everything = np.concatenate([labels, truth])
    for number in range(len(design.folds)):
        found = _fitted(rows, everything, np.concatenate([folds != number, never]))[n:]
        scores = np.where(fold == number, found, scores)
    return Probed.of(Columns(truth, fold, scores), KIND)


def _apart(design: Design, own: Numbers) -> Design:
    """Labels are permuted among the rows of `own` and among the others, so that a scenario keeps as many of each label in both."""
    there = np.isin(np.arange(len(design.positive)), own)
    names = [f"{name}/{kept}" for name, kept in zip(design.scenario.tolist(), there.tolist(), strict=True)]
    return replace(design, scenario=np.array(names, dtype=np.str_))


def held_out_by_group(
    design: Design, x: Floats, groups: Sequence[tuple[Booleans, Booleans]], draws: int = PERMUTATIONS
) -> Probe:
    """The rows of each group (test (n,), train (n,)) by the probe of its training rows; rows of no group are left out."""
    kept = np.any([test for test, _ in groups], axis=0)
    if not np.isfinite(x).all():
        return "features hold NaN or infinity"
    labels, rows = labellings(design, "scenarios held", draws)[0], directions(x)
    scores, group = np.zeros(labels.shape), np.zeros(len(x), dtype=np.int64)
    for number, (test, train) in enumerate(groups):
        scores[test], group[test] = (
            _fitted(rows, labels, np.repeat(train[:, None], labels.shape[1], axis=1))[test],
            number,
        )
    predicted = Design(design.positive[kept], design.scenario[kept], design.fold[kept])
    if (reason := _one_label(predicted)) is not None:
        return reason
    of_group = np.repeat(group[kept, None], labels.shape[1], axis=1)
    return Probed.of(Columns(labels[kept], of_group, scores[kept]), KIND)


def _fitted(rows: Values, labels: Booleans, train: Booleans) -> Values:
    """(n, B) of all rows, by the fits on `train` (n, B); a labelling that has one label there tells nothing apart."""
    ones = (labels & train).sum(axis=0)
    fit = (ones > 0) & (ones < train.sum(axis=0))
    found = np.zeros(labels.shape)
    found[:, fit] = decision_values(rows, labels[:, fit], train[:, fit])
    return found


def _one_label(design: Design) -> str | None:
    return None if design.members else "no scenario of these rows has both labels"
