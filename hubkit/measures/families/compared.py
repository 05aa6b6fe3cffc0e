"""Several probes beside each other: over folds, and once the best was chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubkit.measures.chosen import corrected_best
from hubkit.measures.estimate import Estimate, NotMeasured
from hubkit.measures.families.probe import measured
from hubkit.measures.measure import UNSEEN, Measure
from hubkit.measures.repeated import by_fold, corrected_t

if TYPE_CHECKING:
    from hubkit.measures.design import Design
    from hubkit.measures.probed import Probe


def over_folds(probe: Probe, reference: Probe, design: Design) -> Estimate:
    """Of balanced accuracies, by the folds' own differences."""
    found, n = measured(probe, design), int(design.contrasting().sum())
    if isinstance(reference, str):
        raise NotMeasured(f"reference: {reference}", n)
    tested = 1 / (len(design.folds) - 1) if len(design.folds) > 1 else 1.0
    return corrected_t(by_fold(found, reference, design), tested, n)


MEASURES = (
    Measure(
        name="probe_over_folds_difference",
        version=1,
        title="Difference of probe balanced accuracies, over folds",
        formula=(
            "mean over J folds of J sum_i c_i over the fold's rows, c_i what row i adds to probe_balanced_accuracy of the SAE less that of the reference; "
            "interval t with J - 1 degrees of freedom, s^2 (1/J + n_test / n_train)"
        ),
        unit="share",
        lower=-1.0,
        upper=1.0,
        higher_is_better=True,
        source="Nadeau & Bengio 2003. With one partition of the rows J is the number of folds: five see no difference below about 2.5 standard deviations of a fold",
        splits=UNSEEN,
        compare=over_folds,
        without_effect="0",
        cannot_say="small differences: five folds find 12 points four times of five where folds scatter by 5",
    ),
    Measure(
        name="selected_balanced_accuracy",
        version=1,
        title="Balanced accuracy of the best, corrected for the choice",
        formula=(
            "mean over draws of the rows (within scenario and label, with replacement) of the probe_balanced_accuracy, on the rows that were not drawn, of whichever "
            "of the probes is best on those that were"
        ),
        unit="share",
        lower=0.0,
        upper=1.0,
        higher_is_better=True,
        source="BBC-CV, Tsamardinos et al. 2018: the highest of several is high by chance too",
        splits=UNSEEN,
        choose=corrected_best,
        without_effect="that of its probes",
        cannot_say="which of them is best in truth",
    ),
)
