"""Are a probe's probabilities as good as they claim to be?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hubkit.measures.estimate import Estimate, NotMeasured, Null
from hubkit.measures.inference import POWER, TOGETHER, Z, stratified_deviation
from hubkit.measures.measure import UNSEEN, Measure

if TYPE_CHECKING:
    from hubkit.measures.measure import Split
    from hubkit.measures.subject import Subject

METHOD = "normal, rows drawn within scenario and label, training each other"


def brier(subject: Subject, _: Split) -> Estimate:
    """Beside that of the share of each label among the training rows, said of every row."""
    design = subject.design
    n = int(design.contrasting().sum())
    said = subject.calibrated
    if isinstance(said, str):
        raise NotMeasured(said, n)
    chosen = design.contrasting()
    shares = np.zeros(len(said))
    for fold in design.folds:
        shares[design.fold == fold] = design.positive[design.fold != fold].mean()
    errors, without = (np.where(chosen, (one - design.positive) ** 2, 0.0) / n for one in (said, shares))
    deviation = TOGETHER * stratified_deviation(errors, design)
    value, reach = float(errors.sum()), Z * deviation
    null = Null("the share of the label among the training rows, said of every row", float(without.sum()))
    return Estimate(
        value,
        n,
        (max(0.0, value - reach), min(1.0, value + reach)),
        null,
        design.n_effective,
        (Z + POWER) * deviation,
        METHOD,
    )


MEASURES = (
    Measure(
        name="probe_brier",
        version=1,
        title="Brier score of the probe",
        formula=(
            "mean over rows of scenarios with both labels of (p - y)^2; p out of fold: 1 / (1 + exp(-(a s + b))) of the score s of probe_balanced_accuracy's probe, "
            "a and b fitted (Platt) to scores of the other folds' rows by probes that saw neither them nor the fold"
        ),
        unit="1",
        lower=0.0,
        upper=1.0,
        higher_is_better=False,
        source="Brier 1950; Platt 1999, with his targets",
        splits=UNSEEN,
        of_layers=True,
        of_labels=True,
        compute=brier,
        without_effect="that of the label's share among the training rows, said of every row",
        cannot_say="whether the ranking or the calibration is at fault",
    ),
)
