"""Does an SAE show which rows it was trained on? What such an SAE remembers could lift a probe that is not cross-fitted."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from hubkit.measures.estimate import Estimate, NotMeasured, Null
from hubkit.measures.families.probe import against_chance
from hubkit.measures.inference import POWER, Z, accuracy_deviation, rank_deviation, scored_interval
from hubkit.measures.measure import Measure, OnCard
from hubkit.measures.probed import Columns, accuracies, aurocs

if TYPE_CHECKING:
    from hubkit.measures.measure import Split
    from hubkit.measures.subject import Subject

CHANCE = Null("chance: which rows were seen was drawn blind to everything", 0.5)


def membership_auroc(subject: Subject, _: Split) -> Estimate | None:
    """How well the rows that an SAE saw are told from those that it did not by how well it says them back."""
    control = subject.control
    if control is None:
        return None
    design, errors = control.design, control.errors()
    if isinstance(errors, str):
        raise NotMeasured(errors, len(design.positive))
    if not design.members:
        raise NotMeasured("no scenario has both rows that the SAE saw and rows that it did not", len(errors))
    one_fold = np.zeros((len(errors), 1), dtype=np.int64)
    value = float(aurocs(Columns(design.positive[:, None], one_fold, -errors[:, None]), design)[0])
    deviation = rank_deviation(design)
    interval = scored_interval(value, CHANCE.mean, Z * deviation, Z * deviation)
    return Estimate(
        value, len(errors), interval, CHANCE, design.n_effective, (Z + POWER) * deviation, "score interval"
    )


def membership_probe(subject: Subject, _: Split) -> Estimate | None:
    """How well a probe of the features tells them, beside the same probe of the raw activations, which remember nothing."""
    control = subject.control
    if control is None:
        return None
    design, (probe, raw) = control.design, control.probed()
    found = against_chance(probe, design, accuracies, accuracy_deviation)
    if isinstance(raw, str):
        return found
    return replace(
        found, null=Null("the same probe of the raw activations", float(accuracies(raw.real, design)[0]))
    )


MEASURES = (
    Measure(
        name="membership_auroc",
        version=1,
        title="Membership control",
        formula=(
            "sum_s w_s P(||x - xhat||^2 of a row that the SAE did not see > that of one that it saw) over scenarios s, ties half, w_s as in "
            "probe_balanced_accuracy; an SAE of as many rows of each scenario as the condition has, drawn blind to the label"
        ),
        unit="share",
        lower=0.0,
        upper=1.0,
        higher_is_better=False,
        source="Membership inference by the loss (Yeom et al. 2018), within scenarios: the further above 0.5, the more the SAE remembers its rows",
        splits=("control",),
        on_card=OnCard(("saes",), order=70),
        of_labels=True,
        compute=membership_auroc,
        without_effect="0.5: which rows were seen was drawn blind to the label",
        cannot_say="how much a probe gains by it",
    ),
    Measure(
        name="membership_balanced_accuracy",
        version=3,
        title="Membership, by a probe",
        formula=(
            "as probe_balanced_accuracy, for `the SAE was trained on this row` in place of the label, folds dealt by that; the SAE of membership_auroc, "
            "its features of all rows. Beside it the same probe of the raw activations"
        ),
        unit="share",
        lower=0.0,
        upper=1.0,
        higher_is_better=None,
        source="Two-sided: what an SAE remembers of single rows lies in latents that a held-out row has no weight for, so that such a probe can fall below 0.5 as well",
        splits=("control",),
        of_labels=True,
        compute=membership_probe,
        without_effect="the same probe of the raw activations",
        cannot_say="which latents remember",
    ),
)
