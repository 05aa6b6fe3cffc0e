"""Does a probe read the label, or would it read any label that goes with the prompt?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hubkit.measures.control_labels import DRAWS
from hubkit.measures.estimate import Estimate, NotMeasured, Null
from hubkit.measures.inference import TOGETHER, Z, scored_interval
from hubkit.measures.measure import UNSEEN, Measure
from hubkit.measures.probed import pooled_accuracies

if TYPE_CHECKING:
    from hubkit.measures.measure import Split
    from hubkit.measures.probed import Values
    from hubkit.measures.subject import Subject

METHOD = "normal: rows training each other, and the scatter of the control labels"


def control_task(subject: Subject, _: Split) -> Estimate:
    """How well the probe reads labels that were thrown for each scenario."""
    design = subject.design
    control = _task_and_control(subject)[1]
    value, deviation = float(control.mean()), float(control.std(ddof=1))
    interval = scored_interval(value, 0.5, Z * deviation, Z * deviation) if deviation > 0 else (value, value)
    return Estimate(
        value,
        len(design.positive),
        interval,
        Null("chance", 0.5),
        method="score interval of the thrown labels' scatter",
    )


def selectivity(subject: Subject, _: Split) -> Estimate:
    """The probe's accuracy on the labels minus that on the thrown ones."""
    design = subject.design
    task, control = _task_and_control(subject)
    ones = float(design.positive.sum())
    effective = 4 * ones * (len(design.positive) - ones) / len(design.positive)
    own, thrown = TOGETHER * 0.5 / np.sqrt(effective), float(control.std(ddof=1)) / np.sqrt(len(control))
    value, reach = task - float(control.mean()), Z * float(np.hypot(own, thrown))
    null = Null("labels that say nothing, less the control", 0.5 - float(control.mean()))
    return Estimate(
        value,
        len(design.positive),
        (max(-1.0, value - reach), min(1.0, value + reach)),
        null,
        effective,
        method=METHOD,
    )


def _task_and_control(subject: Subject) -> tuple[float, Values]:
    design = subject.design
    found = subject.probed_controls
    if isinstance(found, str):
        raise NotMeasured(found, len(design.positive))
    accuracies = pooled_accuracies(found)
    return float(accuracies[0]), accuracies[1:]


CONTROL = f"a random label for each scenario, the same for all of its rows, thrown with the label's share; {DRAWS} throws, the same probe, rows and folds"

MEASURES = (
    Measure(
        name="control_task_balanced_accuracy",
        version=1,
        title="Probe of a control label",
        formula=f"(TPR + TNR) / 2 over all rows, predicted out of fold, mean over throws of {CONTROL}",
        unit="share",
        lower=0.0,
        upper=1.0,
        higher_is_better=None,
        source="Hewitt & Liang 2019, whose control gives each word type a random output: here the scenario is what rows of training and test share",
        splits=UNSEEN,
        of_layers=True,
        of_labels=True,
        compute=control_task,
        without_effect="0.5",
        cannot_say="anything of the label: it is what the probe learns of a label that goes with the prompt alone",
    ),
    Measure(
        name="selectivity",
        version=1,
        title="Selectivity",
        formula="(TPR + TNR) / 2 over all rows, predicted out of fold, minus control_task_balanced_accuracy",
        unit="share",
        lower=-1.0,
        upper=1.0,
        higher_is_better=True,
        source="Hewitt & Liang 2019. Rows of a scenario share their prompt: features that know it read any label that goes with it, so that this is near 0 or below",
        splits=UNSEEN,
        of_layers=True,
        of_labels=True,
        compute=selectivity,
        without_effect="0.5 less the control",
        cannot_say="that a probe is bad: features that know their prompt read the control label well, so that near 0 is the rule where the prompt is read",
    ),
)
