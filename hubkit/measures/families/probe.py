"""Linear probes: can the label be read from these features, on rows that neither probe nor SAE has seen?

Everything is counted within scenarios, so that a scenario that goes with a label helps no probe. What it would be without an effect comes from the
same probe of permuted labels, where a permutation is as good as the labels then are; its mean is the reference, and need not be 0.5.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from hubkit.measures.differing import Differing
from hubkit.measures.estimate import Estimate, NotMeasured, Null
from hubkit.measures.inference import (
    POWER,
    TOGETHER,
    Z,
    accuracy_deviation,
    auroc_deviation,
    null_of,
    scenarios_deviation,
    scenarios_reach,
    scored_interval,
    studentised_reach,
)
from hubkit.measures.measure import UNSEEN, Measure, OnCard
from hubkit.measures.probed import accuracies, accuracies_in, aurocs, contributions, pairs

if TYPE_CHECKING:
    from collections.abc import Callable

    from hubkit.measures.design import Booleans, Design
    from hubkit.measures.measure import Split
    from hubkit.measures.probed import Columns, Probe, Probed, Values
    from hubkit.measures.subject import Subject

    Statistic = Callable[[Columns, Design], Values]
    Deviation = Callable[[Design, Booleans], float]

CHANCE = 0.5
METHOD = "score interval of the permuted labels' scatter"
BY_FORMULA = "score interval, rows training each other"
ELSEWHERE = "by the scatter of the scenarios, as many times as permuted labels reach"
LEAST_SCENARIOS = 3
"""Two have no scatter to go by."""
DIFFERENCE = "normal, rows drawn within scenario and label, training each other"


def probe_balanced_accuracy(subject: Subject, _: Split) -> Estimate:
    """On other completions of the same scenarios."""
    return against_chance(subject.probed, subject.design, accuracies, accuracy_deviation)


def probe_auroc(subject: Subject, _: Split) -> Estimate:
    """The same without a threshold."""
    found = against_chance(subject.probed, subject.design, aurocs, auroc_deviation)
    return replace(found, n_pairs=pairs(subject.design))


def probe_new_scenarios(subject: Subject, _: Split) -> Estimate | None:
    """On scenarios that neither the probe nor its SAE has seen; the interval is by the scatter of the scenarios."""
    design = subject.by_scenario
    if design is None:
        return None
    probe = measured(subject.probed_elsewhere, design)
    found = against_chance(probe, design, accuracies, accuracy_deviation)
    return replace(found, interval=_over_scenarios(probe, design, found), method=ELSEWHERE)


def _over_scenarios(probe: Probed, design: Design, found: Estimate) -> tuple[float, float] | None:
    """None below three scenarios. Where these scatter less than those of any permuted labels, as where every row is right, their scatter says
    too little: the interval is then at least that of the permuted labels."""
    weights, each = np.array(list(design.weights.values())), list(design.members.values())
    if len(weights) < LEAST_SCENARIOS or found.interval is None:
        return None
    own = float(scenarios_deviation(np.array([accuracies_in(probe.real, rows)[0] for rows in each]), weights))
    reach, least = scenarios_reach(own, len(weights)), np.inf
    if probe.null is not None:
        permuted = np.array([accuracies_in(probe.null, rows) for rows in each])
        deviations = scenarios_deviation(permuted, weights)
        reach, least = studentised_reach(own, accuracies(probe.null, design), deviations), deviations.min()
    low, high = max(0.0, found.value - reach), min(1.0, found.value + reach)
    if own > least:
        return low, high
    return min(low, found.interval[0]), max(high, found.interval[1])


def difference(probe: Probe, reference: Probe, design: Design) -> Estimate:
    """Balanced accuracy of one probe minus that of its reference, both out of fold, on the same rows. Two that never differ are still known to no more than a row."""
    probe, n = measured(probe, design), int(design.contrasting().sum())
    if isinstance(reference, str):
        raise NotMeasured(f"reference: {reference}", n)
    found = Differing.of(probe, reference, design)
    one_row = TOGETHER * float(contributions(design.positive, design).max())
    value, deviation = found.value, max(found.deviation, one_row)
    return Estimate(
        value,
        n,
        (max(-1.0, value - Z * deviation), min(1.0, value + Z * deviation)),
        Null("no difference", 0.0),
        design.n_effective,
        (Z + POWER) * deviation,
        DIFFERENCE,
    )


def measured(probe: Probe, design: Design) -> Probed:
    """The probe. Raises NotMeasured with the reason that stands in its place."""
    if isinstance(probe, str):
        raise NotMeasured(probe, int(design.contrasting().sum()))
    return probe


def against_chance(probe: Probe, design: Design, statistic: Statistic, deviation: Deviation) -> Estimate:
    """A statistic of a probe, with what it would be without an effect: by permutation where there is one, else 0.5 and the scatter of permuted labels,
    or where none can be permuted the scatter by formula."""
    probe, n = measured(probe, design), int(design.contrasting().sum())
    value = float(statistic(probe.real, design)[0])
    draws = None if probe.null is None else statistic(probe.null, design)
    if draws is not None and probe.exchangeable:
        interval, null, scatter = _permuted(draws, value, probe.kind)
    else:
        scatter = deviation(design, probe.predicted) if draws is None else float(draws.std(ddof=1))
        interval, null = scored_interval(value, CHANCE, Z * scatter, Z * scatter), Null("chance", CHANCE)
    method = BY_FORMULA if draws is None else METHOD
    return Estimate(value, n, interval, null, design.n_effective, (Z + POWER) * scatter, method)


def _permuted(draws: Values, value: float, kind: str) -> tuple[tuple[float, float], Null, float]:
    """Interval, null, and its standard deviation."""
    null = null_of(draws, value, kind)
    low, high = null.quantiles["0.025"], null.quantiles["0.975"]
    return scored_interval(value, null.mean, null.mean - low, high - null.mean), null, null.std or 0.0


MEASURES = (
    Measure(
        name="probe_balanced_accuracy",
        version=4,
        title="Probe balanced accuracy",
        formula=(
            "sum_s w_s (TPR_s + TNR_s) / 2 over scenarios s with both labels, w_s = v_s / sum v, v_s = n1 n0 / (n1 + n0); "
            "L2 logistic regression (C = 1, classes weighing alike, to convergence) on features of unit deviation over all rows, predicted out of fold"
        ),
        unit="share",
        lower=0.0,
        upper=1.0,
        higher_is_better=True,
        source="Within-scenario, so that the scenario itself predicts nothing; the weights of a stratified (Mantel-Haenszel) mean",
        splits=UNSEEN,
        of_layers=True,
        on_card=OnCard(("saes", "index"), order=50, quoted_as="balanced_accuracy"),
        columns_elsewhere=r"(?:probe )?bal(?:anced|\.) acc(?:uracy|\.)?",
        of_labels=True,
        compute=probe_balanced_accuracy,
        without_effect="the mean of the same over labels permuted within scenarios; of raw activations the folds are dealt again, of an SAE of one label it is 0.5",
        cannot_say="whether it holds of other scenarios; whether the model uses what the probe reads; what the label means",
    ),
    Measure(
        name="probe_new_scenarios_balanced_accuracy",
        version=4,
        title="Probe balanced accuracy, new scenarios",
        formula="as probe_balanced_accuracy, with whole scenarios held out from SAE and probe; the interval is by the scatter of scenarios",
        unit="share",
        lower=0.0,
        upper=1.0,
        higher_is_better=True,
        source="Generalises to other scenarios, where probe_balanced_accuracy generalises to other completions of the same; descriptive below 12 scenarios",
        splits=UNSEEN,
        of_layers=True,
        on_card=OnCard(("saes",), order=60),
        of_labels=True,
        compute=probe_new_scenarios,
        without_effect="permutations within scenarios",
        cannot_say="much from few scenarios: below three it has no interval",
    ),
    Measure(
        name="probe_balanced_accuracy_difference",
        version=4,
        title="Difference of probe balanced accuracies",
        formula="probe_balanced_accuracy of the SAE minus that of the reference, same rows, same folds",
        unit="share",
        lower=-1.0,
        upper=1.0,
        higher_is_better=True,
        source="As probe_balanced_accuracy",
        splits=UNSEEN,
        compare=difference,
        without_effect="0: the same probe of the raw activations",
        cannot_say="that the SAE found something new: an SAE adds no information to the activations",
    ),
    Measure(
        name="probe_auroc",
        version=3,
        title="Probe AUROC",
        formula="sum_s w_s P(score of a positive row > score of a negative row of scenario s), ties half, w_s and probe as in probe_balanced_accuracy; scores out of fold, less their mean over the fold's rows, by their deviation there",
        unit="share",
        lower=0.0,
        upper=1.0,
        higher_is_better=True,
        source="Hanley & McNeil 1982, within scenarios; scores of several folds are comparable only once each fold is standardised (Forman & Scholz 2010, Airola et al. 2011)",
        splits=UNSEEN,
        of_layers=True,
        on_card=OnCard(("saes",), order=55, quoted_as="auroc"),
        of_labels=True,
        compute=probe_auroc,
        without_effect="the mean of the same over labels permuted within scenarios; of raw activations the folds are dealt again, of an SAE of one label it is 0.5",
        cannot_say="where the threshold should lie, and all that probe_balanced_accuracy cannot",
    ),
    Measure(
        name="probe_cv_balanced_accuracy",
        version=1,
        title="Probe balanced accuracy, plain cross-validation",
        formula="(TPR + TNR) / 2 of a logistic regression, stratified folds over all rows, the SAE the same in every fold",
        unit="share",
        lower=0.0,
        upper=1.0,
        higher_is_better=True,
        source="As most cards report it. An SAE that saw the test rows can leak membership: `probe_balanced_accuracy` is cross-fitted and within scenarios",
        splits=(*UNSEEN, "train"),
        instead_of="probe_balanced_accuracy",
        of_layers=True,
        without_effect="none that is right where the SAE saw the test rows",
        cannot_say="whether the label is read, or which rows the SAE was trained on. It also reads the scenario",
    ),
    Measure(
        name="probe_cv_auroc",
        version=1,
        title="Probe AUROC, plain cross-validation",
        formula="P(score of a positive row > score of a negative row), rows and folds as in probe_cv_balanced_accuracy",
        unit="share",
        lower=0.0,
        upper=1.0,
        higher_is_better=True,
        source="Hanley & McNeil 1982; as probe_cv_balanced_accuracy",
        splits=(*UNSEEN, "train"),
        instead_of="probe_auroc",
        of_layers=True,
        without_effect="none that is right where the SAE saw the test rows",
        cannot_say="as probe_cv_balanced_accuracy",
    ),
    Measure(
        name="probe_cv_balanced_accuracy_difference",
        version=1,
        title="Difference of probe balanced accuracies, plain cross-validation",
        formula="probe_cv_balanced_accuracy of the SAE minus that of the reference, same rows",
        unit="share",
        lower=-1.0,
        upper=1.0,
        higher_is_better=True,
        source="As probe_cv_balanced_accuracy",
        splits=(*UNSEEN, "train"),
        without_effect="0, if neither had seen the rows",
        cannot_say="as probe_cv_balanced_accuracy",
    ),
)
