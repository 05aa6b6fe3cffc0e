"""Which of the measured values a card speaks of: the better definition first, and what the best of several is."""

from __future__ import annotations

from dataclasses import dataclass
from math import comb

from hubkit.cards.facts import Facts, SaeFact
from hubkit.measures.catalogue import Definitions, definitions, get, own_definitions
from hubkit.release.metrics import Comparison, LayerProfile, MetricValue

LEVEL, CHANCE = 0.05, 0.5
CROSS_FITTED = own_definitions("probe_balanced_accuracy")
"""Where neither the probe nor the SAE has seen the rows."""
BALANCED = definitions("probe_balanced_accuracy")
AUROC = definitions("probe_auroc")
VARIANCE = definitions("explained_variance")
L0 = definitions("l0")
ALIVE = definitions("alive_share")
NEW_SCENARIOS = definitions("probe_new_scenarios_balanced_accuracy")
MEMBERSHIP = definitions("membership_auroc")
D_MAX = definitions("d_max")

SPLIT_WORDS: dict[str, str] = {
    "crossfit": "unseen rows",
    "train": "training rows",
    "held_out": "held-out rows",
    "control": "seen against unseen rows",
}


def of_layer(profile: LayerProfile, wanted: Definitions) -> MetricValue | None:
    """The first of `wanted` that the layer's raw activations have."""
    found = (profile.get(measure) for measure, _ in wanted)
    return next((value for value in found if value is not None and value.value is not None), None)


@dataclass(frozen=True)
class Best:
    """The best of several values, and how many it was chosen from."""

    sae: SaeFact
    metric: MetricValue
    of: int


@dataclass(frozen=True)
class Peak:
    """The layer whose raw activations a probe reads best, and how many layers there were."""

    profile: LayerProfile
    metric: MetricValue
    of: int


def told_from_chance(metric: MetricValue | None) -> bool | None:
    """Whether a balanced accuracy is above what it would be without an effect: by its test, else by its interval; None without either."""
    if metric is None or metric.value is None:
        return None
    if metric.p_value is not None:
        return metric.p_value <= LEVEL and metric.value > reference_of(metric)
    return metric.interval[0] > reference_of(metric) if metric.interval is not None else None


def reference_of(metric: MetricValue) -> float:
    """What a balanced accuracy would be without an effect: the mean of its null, else 0.5."""
    return metric.null_mean if metric.null_mean is not None else CHANCE


def number_of(metric: MetricValue) -> float:
    """The value of a metric that is known to have one."""
    if metric.value is None:
        raise ValueError(f"{metric.measure} has no value: {metric.reason}")
    return metric.value


def best_sae(facts: Facts, wanted: Definitions) -> Best | None:
    """The SAE with the best value, by its measure; None where nothing was measured. Ties go to the first id.

    Where some values were tested against permuted labels, of those: the others are of SAEs of one label, which stand beside nothing.
    """
    found = [
        (sae, metric)
        for sae in facts.saes
        if (metric := sae.first_metric(*wanted)) is not None and metric.value is not None
    ]
    if not found:
        return None
    tested = [pair for pair in found if pair[1].p_value is not None]
    found = tested or found
    sae, metric = get(wanted[0][0]).best(found, lambda pair: number_of(pair[1]))
    return Best(sae, metric, len(found))


def peak_layer(facts: Facts) -> Peak | None:
    """The layer with the largest balanced accuracy of raw activations; None where no layer was measured."""
    layers = facts.evaluation.layers if facts.evaluation else []
    found = [(profile, metric) for profile in layers if (metric := of_layer(profile, BALANCED)) is not None]
    if not found:
        return None
    profile, metric = get(BALANCED[0][0]).best(found, lambda pair: number_of(pair[1]))
    return Peak(profile, metric, len(found))


def raw_at(facts: Facts, layer: int | None) -> MetricValue | None:
    """The balanced accuracy of the raw activations of a layer."""
    layers = facts.evaluation.layers if facts.evaluation else []
    return next((of_layer(profile, BALANCED) for profile in layers if profile.layer == layer), None)


@dataclass(frozen=True)
class Judged:
    """Comparisons with an interval, and those of them that it keeps away from zero. Above raw activations that are at or below chance is above nothing."""

    all: tuple[Comparison, ...]
    above: tuple[Comparison, ...]
    below: tuple[Comparison, ...]


def judged_comparisons(facts: Facts) -> Judged:
    """The SAEs' paired differences from their reference."""
    listed = facts.evaluation.comparisons if facts.evaluation else []
    judged = tuple(c for c in listed if c.difference.interval is not None)
    return Judged(
        judged,
        tuple(
            c
            for c in judged
            if c.difference.interval and c.difference.interval[0] > 0 and not at_chance(facts, c)
        ),
        tuple(c for c in judged if c.difference.interval and c.difference.interval[1] < 0),
    )


def at_chance(facts: Facts, comparison: Comparison) -> bool:
    """Whether the reference is the raw activations of a layer that are no better than they would be without an effect."""
    layers = facts.evaluation.layers if facts.evaluation else []
    for profile in layers:
        if comparison.reference == f"raw activations at layer {profile.layer}":
            metric = of_layer(profile, BALANCED)
            return metric is not None and number_of(metric) <= reference_of(metric)
    return False


def sign_test(above: int, total: int) -> float:
    """Two-sided exact sign test: how often a fair coin is as far from total / 2.

    The comparisons share rows, so this is descriptive: the true p is larger.
    """
    far = max(above, total - above)
    tail = sum(comb(total, i) for i in range(far, total + 1))
    return min(1.0, float(2 * tail / 2**total))
