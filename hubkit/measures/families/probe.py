"""Linear probes: can the label be read from these features, on rows that neither probe nor SAE has seen?

Accuracy is counted within scenarios, so that a scenario that goes with a label helps no probe. Intervals and differences come
from resamples of rows within scenarios, the same for every probe of the release.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubkit.measures.bootstrap import group_counts, percentile_interval, row_counts
from hubkit.measures.design import balanced_accuracy, resampled_accuracy
from hubkit.measures.estimate import Estimate, NotMeasured, Null
from hubkit.measures.measure import UNSEEN, Measure, OnCard

if TYPE_CHECKING:
    from hubkit.measures.design import Design, Predictions, Resampled
    from hubkit.measures.measure import Split
    from hubkit.measures.subject import Subject

CHANCE = Null("chance", 0.5)
NO_DIFFERENCE = Null("no difference", 0.0)


def probe_balanced_accuracy(subject: Subject, _: Split) -> Estimate:
    """On other completions of the same scenarios."""
    return against_chance(subject.predictions, subject.design, _within_scenarios(subject.design))


def probe_new_scenarios(subject: Subject, _: Split) -> Estimate | None:
    """On scenarios that neither the probe nor its SAE has seen; the interval is of scenarios drawn with replacement."""
    design = subject.by_scenario
    if design is None:
        return None
    scenarios = group_counts(design.scenario.tolist(), "scenarios")
    return against_chance(subject.probe(design), design, scenarios)


def membership(subject: Subject, _: Split) -> Estimate | None:
    """How well the rows that an SAE saw are told from those that it did not."""
    design = subject.control
    if design is None:
        return None
    return against_chance(subject.probe_control(design), design, _within_scenarios(design))


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


MEASURES = (
    Measure(
        name="probe_balanced_accuracy",
        version=1,
        title="Probe balanced accuracy",
        formula=(
            "sum_s w_s (TPR_s + TNR_s) / 2 over scenarios s with both labels, w_s = v_s / sum v, v_s = n1 n0 / (n1 + n0); "
            "L2 logistic regression on standardised features, predicted out of fold"
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
        compute=probe_balanced_accuracy,
    ),
    Measure(
        name="probe_new_scenarios_balanced_accuracy",
        version=1,
        title="Probe balanced accuracy, new scenarios",
        formula="as probe_balanced_accuracy, with whole scenarios held out from SAE and probe; interval over scenarios drawn with replacement",
        unit="share",
        lower=0.0,
        upper=1.0,
        higher_is_better=True,
        source="Generalises to other scenarios, where probe_balanced_accuracy generalises to other completions of the same; descriptive below 12 scenarios",
        splits=UNSEEN,
        of_layers=True,
        on_card=OnCard(("saes",), order=60),
        compute=probe_new_scenarios,
    ),
    Measure(
        name="membership_balanced_accuracy",
        version=1,
        title="Membership control",
        formula=(
            "as probe_balanced_accuracy, for `the SAE was trained on this row` in place of the label; an SAE of as many rows of each scenario "
            "as the condition has, drawn blind to the label; its features of all rows, the probe out of fold"
        ),
        unit="share",
        lower=0.0,
        upper=1.0,
        higher_is_better=False,
        source="What remembering alone would give a probe that is not cross-fitted: above 0.5 such a probe reads membership (Kriegeskorte et al. 2009)",
        splits=("control",),
        on_card=OnCard(("saes",), order=70),
        compute=membership,
    ),
    Measure(
        name="probe_balanced_accuracy_difference",
        version=1,
        title="Difference of probe balanced accuracies",
        formula="probe_balanced_accuracy of the SAE minus that of the reference, same rows, same folds, paired resamples",
        unit="share",
        lower=-1.0,
        upper=1.0,
        higher_is_better=True,
        source="As probe_balanced_accuracy",
        splits=UNSEEN,
        compare=difference,
    ),
    Measure(
        name="probe_auroc",
        version=1,
        title="Probe AUROC",
        formula="sum_s w_s P(score of a positive row > score of a negative row of scenario s), ties half, w_s as in probe_balanced_accuracy; out of fold",
        unit="share",
        lower=0.0,
        upper=1.0,
        higher_is_better=True,
        source="Hanley & McNeil 1982, within scenarios; no scores are pooled across folds (Forman & Scholz 2010)",
        splits=UNSEEN,
        of_layers=True,
        on_card=OnCard(quoted_as="auroc"),
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
    ),
)
