"""What the label means: the same probe at a distance from the committing word, on neutral questions, with the word changed, with the facts turned around, on other families."""

from __future__ import annotations

from dataclasses import dataclass, field

from hubkit.cards.facts import Facts
from hubkit.cards.measured import number_of, reference_of, told_from_chance
from hubkit.cards.sections.section import NOT_COMPUTED, Absent, Context
from hubkit.measures.catalogue import CATALOGUE
from hubkit.release.metrics import LayerProfile, MetricValue

DISTANCES, NEUTRAL, OVER = "token_auroc", "neutral_auroc", "over_neutral"
CHANGED, TURNED = "word_changed_auroc", "facts_turned_auroc"
SWAPPED = "word swapped"
MEASURES = tuple(one.name for one in CATALOGUE.values() if one.of_beside is not None)
LEVEL = 0.05


@dataclass(frozen=True)
class Meaning:
    """What one layer says of the label; every sentence has its condition here."""

    layer: LayerProfile
    of: int
    """Layers that were looked at."""
    values: list[MetricValue]
    at_word: MetricValue | None
    gone: MetricValue | None = None
    """The nearest distance from which on nothing is told from chance, where the word itself is."""
    pooled: MetricValue | None = None
    """What the same probe reads from the pool's own rows."""
    furthest: tuple[MetricValue, int] | None = None
    """The highest value of any layer at that distance, and the layer."""
    neutral: MetricValue | None = None
    """Read as well as the label, as far as can be told."""
    label_there: MetricValue | None = None
    """The label's own value beside `neutral`, or the difference of the two."""
    swapped: MetricValue | None = None
    """With the word swapped the probe says the other label."""
    turned: MetricValue | None = None
    """With the facts turned around it goes with what is said."""
    facts: MetricValue | None = None
    """With the facts turned around it goes with what is so."""
    others: list[tuple[int, list[MetricValue]]] = field(default_factory=list)

    @property
    def warns(self) -> bool:
        """Whether the first finding of the card is this."""
        return any((self.gone, self.neutral, self.swapped, self.turned))


def meaning(facts: Facts) -> Context | Absent:
    """The layer that knows the word best, with every answer; the other layers in short."""
    found = meaning_of(facts)
    if found is None:
        return Absent("What the label means", NOT_COMPUTED)
    return {"one": found, "titles": {name: CATALOGUE[name].title for name in MEASURES}}


def meaning_of(facts: Facts) -> Meaning | None:
    """None where no rows were kept beside the pool."""
    layers = [one for one in (facts.evaluation.layers if facts.evaluation else []) if _all(one)]
    if not layers:
        return None
    best = max(layers, key=_by_distance)
    values = _all(best)
    distances = [one for one in values if one.measure == DISTANCES and one.value is not None]
    at_word = distances[0] if distances else None
    gone = _gone(distances)
    neutral = _as_neutral(values)
    return Meaning(
        best,
        len(layers),
        values,
        at_word,
        gone,
        best.get("probe_auroc"),
        _highest(layers, gone) if gone else None,
        neutral,
        _same(values, OVER, neutral) if neutral else None,
        _below(values, CHANGED, SWAPPED),
        _below(values, TURNED),
        next((one for one in values if one.measure == TURNED and told_from_chance(one)), None),
        [(one.layer, _all(one)) for one in layers if one is not best],
    )


def _all(layer: LayerProfile) -> list[MetricValue]:
    return [one for one in layer.values if one.measure in MEASURES]


def _by_distance(layer: LayerProfile) -> list[float]:
    """The values from the nearest distance on, as a card shows them; pooled ones where there is no distance."""
    shown = [one for one in _all(layer) if one.measure in {DISTANCES, OVER} and one.value is not None]
    return [round(number_of(one), 3) for one in shown if one.measure == DISTANCES] or [
        round(number_of(one), 3) for one in shown
    ]


def _gone(distances: list[MetricValue]) -> MetricValue | None:
    if not distances or told_from_chance(distances[0]) is not True:
        return None
    after: MetricValue | None = None
    for one in reversed(distances[1:]):
        if told_from_chance(one) is not False:
            break
        after = one
    return after


def _highest(layers: list[LayerProfile], there: MetricValue) -> tuple[MetricValue, int]:
    found = [
        (one, layer.layer)
        for layer in layers
        for one in _all(layer)
        if (one.measure, one.contrast) == (there.measure, there.contrast) and one.value is not None
    ]
    return max(found, key=lambda pair: number_of(pair[0]))


def _as_neutral(values: list[MetricValue]) -> MetricValue | None:
    """The first neutral value that is told from chance, while the label is not told to be read better there."""
    for one in values:
        if one.measure != NEUTRAL or told_from_chance(one) is not True:
            continue
        over = _same(values, OVER, one)
        if over is not None and over.interval is not None and over.interval[0] <= 0:
            return one
    return None


def _same(values: list[MetricValue], measure: str, other: MetricValue) -> MetricValue | None:
    return next(
        (
            one
            for one in values
            if (one.measure, one.contrast) == (measure, other.contrast) and one.value is not None
        ),
        None,
    )


def _below(values: list[MetricValue], measure: str, contrast: str | None = None) -> MetricValue | None:
    """Told to be below chance."""
    for one in values:
        if one.measure == measure and contrast in {None, one.contrast} and one.value is not None:
            is_told = one.p_value is not None and one.p_value <= LEVEL
            return one if is_told and one.value < reference_of(one) else None
    return None
