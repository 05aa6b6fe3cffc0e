"""What does a label mean that a probe can read? The word that was just said, the facts, or any choice whatever: the same probe, on rows that tell these apart."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from hubkit.measures.estimate import Estimate, NotMeasured, Null
from hubkit.measures.families.probe import against_chance
from hubkit.measures.inference import auroc_deviation
from hubkit.measures.measure import Measure
from hubkit.measures.probed import aurocs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from hubkit.measures.beside import Asked, Beside
    from hubkit.measures.measure import OfBeside, Told

NEWCOMBE = "from the intervals of the two (Newcombe 1998, method 10)"


def _each(chosen: Callable[[Beside], Sequence[Asked]]) -> OfBeside:
    """The AUROC within scenarios of each probe."""

    def told(beside: Beside) -> Iterable[Told]:
        return [(one.contrast, _auroc(one)) for one in chosen(beside)]

    return told


def _auroc(one: Asked) -> Estimate | NotMeasured:
    try:
        return against_chance(one.probe, one.design, aurocs, auroc_deviation)
    except NotMeasured as why:
        return why


def over_neutral(beside: Beside) -> Iterable[Told]:
    """The AUROC of the label less that of neutral answers, wherever both were asked; no rows are shared, so the intervals are independent."""
    own = {one.contrast: one for one in (*beside.pooled, *beside.at_tokens)}
    for other in (*beside.pooled_of_neutral, *beside.at_tokens_of_neutral):
        if other.contrast not in own:
            continue
        label, neutral = _auroc(own[other.contrast]), _auroc(other)
        missing = next((one for one in (label, neutral) if isinstance(one, NotMeasured)), None)
        yield other.contrast, missing or _difference(label, neutral)  # type: ignore[arg-type]


def _difference(one: Estimate, other: Estimate) -> Estimate:
    value, interval = one.value - other.value, None
    if one.interval is not None and other.interval is not None:
        (low, high), (below, above) = one.interval, other.interval
        interval = (
            max(-1.0, value - math.hypot(one.value - low, above - other.value)),
            min(1.0, value + math.hypot(high - one.value, other.value - below)),
        )
    return Estimate(value, one.n + other.n, interval, Null("no difference", 0.0), method=NEWCOMBE)


WITHIN = "sum_s w_s P(score of a positive row > score of a negative row of scenario s), as probe_auroc"


def _declared(
    name: str, title: str, formula: str, source: str, told: OfBeside, *, lower: float = 0.0, **said: Any
) -> Measure:
    return Measure(
        name=name, version=1, title=title, formula=formula, unit="share", lower=lower, upper=1.0, higher_is_better=None, source=source,
        splits=("crossfit",), of_layers=True, of_labels=True, of_beside=told, **said,
    )  # fmt: skip


MEASURES = (
    _declared(
        "token_auroc", "Probe AUROC at a distance from the committing word", f"{WITHIN}, of single tokens, each distance a probe of its own",
        "A label that is written into the text is still there some tokens on; the memory of a word fades", _each(lambda beside: beside.at_tokens),
        without_effect="labels permuted within scenarios, folds dealt again",
        cannot_say="whether the word or what stands behind it is read: compare with neutral_auroc at the same distance",
    ),
    _declared(
        "neutral_auroc", "Probe AUROC on neutral controls", f"{WITHIN}, for the answers to questions in which nothing is at stake",
        "Hewitt & Liang 2019 in another form: what any choice between two words gives is no evidence of what the label is called",
        _each(lambda beside: (*beside.pooled_of_neutral, *beside.at_tokens_of_neutral)),
        without_effect="labels permuted within scenarios",
        cannot_say="anything of the label: it is what any choice between two words gives",
    ),
    _declared(
        "over_neutral", "AUROC over that of neutral controls", "AUROC of the label less neutral_auroc, of the same tokens",
        "As neutral_auroc", over_neutral, lower=-1.0,
        without_effect="0",
        cannot_say="much of few rows: its interval is that of two AUROCs that share no row",
    ),
    _declared(
        "word_changed_auroc", "Probe AUROC with the committing word changed",
        f"{WITHIN}; the probe of the pool's rows, on the same completions with the word of the other label in place of theirs, or with none, by the label that they had",
        "Above 0.5 it reads more than the word; below 0.5, with the word swapped, it reads the word", _each(lambda beside: beside.word_changed),
        without_effect="the pool's labels permuted; each changed row goes with its own",
        cannot_say="what the model would have said: the completion was edited",
    ),
    _declared(
        "facts_turned_auroc", "Probe AUROC with the facts turned around",
        f"{WITHIN}; the probe of the pool's rows, on completions of the scenarios with their facts turned around, by the label that the turned facts make true",
        "Above 0.5 it reads what is so; below 0.5 it reads what is said", _each(lambda beside: beside.facts_turned),
        without_effect="the pool's labels permuted",
        cannot_say="which of two readings holds where it lies at 0.5",
    ),
    _declared(
        "new_families_auroc", "Probe AUROC on other families of scenarios",
        f"{WITHIN}; each family by a probe of the others, without the scenarios that share a word for a label with it",
        "A probe that knows the words of its scenarios only does not know those of others", _each(lambda beside: beside.families_held_out),
        without_effect="labels permuted within scenarios",
        cannot_say="whether it holds of families that nobody thought of",
    ),
)  # fmt: skip
