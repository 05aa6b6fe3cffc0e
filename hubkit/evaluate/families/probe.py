"""Linear probes: can the label be read from these features, on rows that neither probe nor SAE has seen?

Accuracy is counted within scenarios, so that a scenario that goes with a label helps no probe. Intervals and differences come
from resamples of rows within scenarios, the same for every probe of the release.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubkit.evaluate.bootstrap import group_counts, percentile_interval, row_counts
from hubkit.evaluate.probe import Design, balanced_accuracy, resampled_accuracy
from hubkit.evaluate.registry import Estimate, NotMeasured, compares, computes
from hubkit.release.metrics import NullReference

if TYPE_CHECKING:
    from hubkit.evaluate.probe import Predictions, Resampled
    from hubkit.evaluate.subject import Subject
    from hubkit.measures.measure import Split

CHANCE = NullReference(kind="chance", mean=0.5)
NO_DIFFERENCE = NullReference(kind="no difference", mean=0.0)


@computes("probe_balanced_accuracy")
def probe_balanced_accuracy(subject: Subject, _: Split) -> Estimate:
    """On other completions of the same scenarios."""
    return against_chance(subject.predictions, subject.design, _within_scenarios(subject.design))


@computes("probe_new_scenarios_balanced_accuracy")
def probe_new_scenarios(subject: Subject, _: Split) -> Estimate | None:
    """On scenarios that neither the probe nor its SAE has seen; the interval is of scenarios drawn with replacement."""
    design = subject.by_scenario
    if design is None:
        return None
    scenarios = group_counts(design.scenario.tolist(), "scenarios")
    return against_chance(subject.probe(design), design, scenarios)


@computes("membership_balanced_accuracy")
def membership(subject: Subject, _: Split) -> Estimate | None:
    """How well the rows that an SAE saw are told from those that it did not."""
    design = subject.control
    if design is None:
        return None
    return against_chance(subject.probe_control(design), design, _within_scenarios(design))


@compares("probe_balanced_accuracy_difference")
def difference(predicted: Predictions, reference: Predictions, design: Design) -> Estimate:
    """Balanced accuracy of `predicted` minus that of `reference`, both out of fold, on the same resamples."""
    n = int(design.contrasting().sum())
    if isinstance(predicted, str):
        raise NotMeasured(predicted, n)
    if isinstance(reference, str):
        raise NotMeasured(f"reference: {reference}", n)
    counts = _within_scenarios(design)
    resampled = resampled_accuracy(counts, predicted, design) - resampled_accuracy(counts, reference, design)
    value = balanced_accuracy(predicted, design) - balanced_accuracy(reference, design)
    return Estimate(value, n, percentile_interval(resampled), NO_DIFFERENCE)


def against_chance(predicted: Predictions, design: Design, counts: Resampled) -> Estimate:
    """Balanced accuracy of out-of-fold predictions with its interval over the resamples `counts` (B, n)."""
    n = int(design.contrasting().sum())
    if isinstance(predicted, str):
        raise NotMeasured(predicted, n)
    interval = percentile_interval(resampled_accuracy(counts, predicted, design))
    return Estimate(balanced_accuracy(predicted, design), n, interval, CHANCE)


def _within_scenarios(design: Design) -> Resampled:
    return row_counts(design.scenario.tolist(), "rows within scenarios")
