"""What an SAE that nobody trained gives to a probe: as many latents, firing as often."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from hubkit.measures.families.probe import against_chance
from hubkit.measures.inference import accuracy_deviation, auroc_deviation
from hubkit.measures.measure import UNSEEN, Measure
from hubkit.measures.probed import accuracies, aurocs

if TYPE_CHECKING:
    from hubkit.measures.estimate import Estimate
    from hubkit.measures.families.probe import Deviation, Statistic
    from hubkit.measures.measure import Split
    from hubkit.measures.subject import Subject


def untrained(subject: Subject, _: Split, *, statistic: Statistic, deviation: Deviation) -> Estimate | None:
    """None for raw activations."""
    probe = subject.probed_untrained
    return None if probe is None else against_chance(probe, subject.design, statistic, deviation)


WHAT = (
    "latents relu(w (x - mean)) of unit directions w drawn from a normal distribution (seeded), the mean over all rows; TopK: the k largest of a row; "
    "else those above one threshold, at which the mean L0 is that of the SAE on unseen rows"
)


def _of(of: str, title: str, statistic: Statistic, deviation: Deviation, **said: Any) -> Measure:
    return Measure(
        name=f"random_sae_{of}",
        version=2,
        title=title,
        formula=f"probe_{of} of {WHAT}",
        unit="share",
        lower=0.0,
        upper=1.0,
        higher_is_better=None,
        source="Korznikov et al. 2026 (2602.14111) and Heap et al. 2025: what random weights give as well, training has not found",
        splits=UNSEEN,
        of_labels=True,
        compute=partial(untrained, statistic=statistic, deviation=deviation),
        **said,
    )


MEASURES = (
    _of(
        "balanced_accuracy",
        "Balanced accuracy, random SAE of equal L0",
        accuracies,
        accuracy_deviation,
        without_effect="the same of raw activations",
        cannot_say="what a trained SAE adds beyond these weights, if it is not above them",
    ),
    _of(
        "auroc",
        "AUROC, random SAE of equal L0",
        aurocs,
        auroc_deviation,
        without_effect="the same of raw activations",
        cannot_say="as random_sae_balanced_accuracy",
    ),
)
