"""Each form of SAE beside TopK, or the first form there is, and a JumpReLU that learned its threshold beside one that could not, at the same layer and condition: in how many
pairs its probe is above, and by how much together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
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
"""The recipe of a JumpReLU that cannot learn its threshold."""


@dataclass(frozen=True)
class Alike:
    """One SAE, as it stands beside another that was trained on the same rows."""

    form: str
    """Its architecture, and how its threshold was trained: `jumprelu (gaussian)`, `naive jumprelu`, `topk`."""
    architecture: str
    naive: bool
    cell: tuple[object, ...]
    """Layer and condition."""
    k: int | None
    """The L0 that was asked for; None of a naive one, which is asked for none."""
    seed: int | None
    collapsed: bool
    probe: Probe
    """Small."""


def alike(sae: Sae, layer: int, values: Iterable[MetricValue], probe: Probe) -> Alike:
    """Of a published SAE whose `values` were measured, with its probe out of the plain folds, whatever rows its condition has."""
    record = sae.training.record
    estimate = sae.cfg.training_details.get("straight_through_estimator") if sae.cfg else None
    name, naive = sae.trained_as or "", record.recipe == NAIVE
    form = f"{NAIVE} {name}" if naive else f"{name} ({estimate})" if estimate else name
    unseen = {one.measure: one.value for one in values if one.split == "crossfit" and one.label is None}
    l0, explained = unseen.get("l0"), unseen.get("explained_variance")
    collapsed = (l0 is not None and l0 < COLLAPSED_L0) or (explained is not None and explained <= 0)
    small = probe if isinstance(probe, str) else probe.small()
    k = None if naive else record.k
    return Alike(form, name, naive, (layer, sae.training.condition), k, record.seed, collapsed, small)


def replication(saes: Iterable[Alike], design: Design) -> tuple[list[Tally], list[TestResult]]:
    """A tally and two tests for each form beside its reference that has two pairs or more. Nothing of a release of one form.

    A pair is two SAEs that were trained on the same rows of the same layer, with the same L0 asked for (but beside a naive one, which is asked for none): the probes of both were fitted and
    tested on the same rows, so that what a condition does to one it does to the other. A pair is inconclusive where the 95 % interval of its difference holds 0, and an SAE has collapsed
    where it reconstructs unseen rows no better than their mean, or fires less than once a row.
    """
    by_form: dict[str, list[Alike]] = defaultdict(list)
    for one in saes:
        by_form[one.form].append(one)
    tallies, tests = [], []
    for form, reference in _compared_forms(by_form):
        pairs = list(_pairs(by_form[form], by_form[reference]))
        if len(pairs) < 2:
            continue
        tally, tested = _compared(form, f"{reference} {AT}", pairs, design)
        tallies.append(tally)
        tests += tested
    return tallies, tests


def _compared_forms(by_form: Mapping[str, list[Alike]]) -> list[tuple[str, str]]:
    """Each form with what it is held against: TopK, or the first that is not naive; and every form of an architecture with its naive one, once."""
    first = {form: saes[0] for form, saes in by_form.items()}
    forms = sorted(first, key=lambda form: (form != REFERENCE, first[form].naive, form))
    learned = [
        (form, naive)
        for naive in forms
        for form in forms
        if first[naive].naive
        and not first[form].naive
        and first[form].architecture == first[naive].architecture
    ]
    return [(form, forms[0]) for form in forms[1:] if (forms[0], form) not in learned] + learned


def _pairs(some: list[Alike], others: list[Alike]) -> Iterator[tuple[Alike, Alike]]:
    """Where each of the two forms has one SAE, or one of a seed: of several nobody knows which stands beside which."""
    any_l0 = some[0].naive or others[0].naive
    for here, there in _cells(some, others, lambda one: (*one.cell, None if any_l0 else one.k)):
        both = [(here, there)] if len(here) == len(there) == 1 else _cells(here, there, lambda one: one.seed)
        for one, other in both:
            if len(one) == len(other) == 1 and all(isinstance(sae.probe, Probed) for sae in (*one, *other)):
                yield one[0], other[0]


def _cells(
    some: list[Alike], others: list[Alike], by: Callable[[Alike], object]
) -> list[tuple[list[Alike], list[Alike]]]:
    """The SAEs of either form that have the same `by`, in its order."""
    found: dict[object, tuple[list[Alike], list[Alike]]] = defaultdict(lambda: ([], []))
    for place, saes in enumerate((some, others)):
        for one in saes:
            found[by(one)][place].append(one)
    return [found[key] for key in sorted(found, key=str)]


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
