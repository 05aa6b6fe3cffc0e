"""Each form of SAE beside TopK, or the first form there is, at the same layer and condition: in how many pairs its probe is above, and by how much together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from hubkit.measures.differing import Differing
from hubkit.measures.inference import Z
from hubkit.measures.joint import Joint
from hubkit.measures.probed import Probed, accuracies
from hubkit.release.experiments import Tally, TestResult

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hubkit.formats.sae import Sae
    from hubkit.measures.design import Design
    from hubkit.measures.probed import Probe
    from hubkit.release.metrics import MetricValue

REFERENCE = "topk"
AT = "at the same layer and condition"
MEASURE = "probe_balanced_accuracy"
COLLAPSED_L0 = 1.0
"""Latents a row, on unseen rows: below it an SAE says next to nothing."""
TOGETHER = "signs of the rows thrown, for the mean of all pairs"
COUNT = "signs of the rows thrown, for all pairs at once"


NAIVE = "naive"


@dataclass(frozen=True)
class Alike:
    """One SAE, as it stands beside another that was trained on the same rows."""

    form: str
    """Its architecture, and how its threshold was trained: `jumprelu (gaussian)`, `naive jumprelu`, `topk`."""
    cell: tuple[object, ...]
    """Layer, condition, and the L0 that was asked for."""
    collapsed: bool
    probe: Probe
    """Small."""


def alike(sae: Sae, layer: int, values: Iterable[MetricValue], probe: Probe) -> Alike:
    """Of a published SAE whose `values` were measured, with its probe out of the plain folds, whatever rows its condition has."""
    record = sae.training.record
    estimate = sae.cfg.training_details.get("straight_through_estimator") if sae.cfg else None
    name = sae.trained_as or ""
    form = f"{NAIVE} {name}" if record.recipe == NAIVE else f"{name} ({estimate})" if estimate else name
    unseen = {one.measure: one.value for one in values if one.split == "crossfit" and one.label is None}
    l0, explained = unseen.get("l0"), unseen.get("explained_variance")
    collapsed = (l0 is not None and l0 < COLLAPSED_L0) or (explained is not None and explained <= 0)
    cell = (layer, sae.training.condition, record.k)
    return Alike(form, cell, collapsed, probe if isinstance(probe, str) else probe.small())


def replication(saes: Iterable[Alike], design: Design) -> tuple[list[Tally], list[TestResult]]:
    """A tally and two tests for each form that has two pairs or more. Nothing of a release of one form.

    A pair is two SAEs that were trained on the same rows of the same layer, with the same L0 asked for: the probes of both were fitted and tested on the same rows, so that what a
    condition does to one it does to the other. A pair is inconclusive where the 95 % interval of its difference holds 0, and an SAE has collapsed where it reconstructs unseen rows no better
    than their mean, or fires less than once a row.
    """
    by_form: dict[str, dict[tuple[object, ...], list[Alike]]] = defaultdict(lambda: defaultdict(list))
    for one in saes:
        by_form[one.form][one.cell].append(one)
    forms = sorted(by_form, key=lambda form: (form != REFERENCE, form))
    tallies, tests = [], []
    for form in forms[1:]:
        pairs = list(_pairs(by_form[form], by_form[forms[0]]))
        if len(pairs) < 2:
            continue
        against = f"{forms[0]} {AT}"
        tally, tested = _compared(form, against, pairs, design)
        tallies.append(tally)
        tests += tested
    return tallies, tests


def _pairs(
    some: Mapping[tuple[object, ...], list[Alike]], others: Mapping[tuple[object, ...], list[Alike]]
) -> Iterable[tuple[Alike, Alike]]:
    """Where each of the two forms has one SAE: of several nobody knows which stands beside which."""
    for cell in sorted(some.keys() & others.keys(), key=str):
        both = (some[cell], others[cell])
        if all(len(here) == 1 and isinstance(here[0].probe, Probed) for here in both):
            yield both[0][0], both[1][0]


def _compared(
    form: str, against: str, pairs: list[tuple[Alike, Alike]], design: Design
) -> tuple[Tally, list[TestResult]]:
    several = [Differing.of(_probed(one), _probed(other), design) for one, other in pairs]
    joint = Joint(several, design)
    everywhere = np.ones(len(pairs), dtype=bool)
    above, by_chance = joint.as_many_above(everywhere)
    mean = Differing.mean(several)
    points = 100 * mean.value
    tally = Tally(
        subject=f"{form} SAE probes",
        reference=against,
        measure=MEASURE,
        above=above,
        total=len(pairs),
        split="crossfit",
        inconclusive=int((np.abs(joint.distances) <= Z).sum()),
        collapsed=sum(one.collapsed for one, _ in pairs),
        subject_mean=float(np.mean([accuracies(_probed(one).real, design)[0] for one, _ in pairs])),
        reference_mean=float(np.mean([accuracies(_probed(other).real, design)[0] for _, other in pairs])),
    )
    tests = [
        TestResult(subject=f"{above} of {len(pairs)} {form} SAE probes above", reference=against, test=COUNT, correction=None, p_value=by_chance),
        TestResult(subject=f"{form} as a whole, {len(pairs)} SAEs: {points:+.1f} points", reference=against, test=TOGETHER, correction=None, p_value=float(Joint([mean], design).corrected()[0])),
    ]  # fmt: skip
    return tally, tests


def _probed(one: Alike) -> Probed:
    if not isinstance(one.probe, Probed):
        raise TypeError(one.probe)
    return one.probe
