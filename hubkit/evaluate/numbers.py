"""Every number of an evaluation by its place, and two evaluations held against each other."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from hubkit.evaluate.baselines import BASELINES
from hubkit.measures.catalogue import CATALOGUE
from hubkit.release.model import Artefact

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from hubkit.release.metrics import Evaluation, MetricValue

Number = int | float
Status = Literal["exact", "close", "differs", "cannot"]
OF_MODEL = ("steering", "transfers")
"""Experiments that a study makes with its base model, and no evaluation of a pool."""
MODEL = "it needs the base model, which a release does not carry"
NO_WAY = "no file of the release holds what it was computed from"
FOLDS = "it needs the SAEs of the folds or the control, which a release does not carry; --retrain trains them again"
FOLD_SPLITS = {"crossfit", "control"}
NOT_NUMBERS = {"version"}


@dataclass(frozen=True)
class Entry:
    """One value with all that stands beside it, a histogram, or a test."""

    place: str
    """`SAE lab_topk_L3_mixed: explained_variance, crossfit`; unique in its evaluation."""
    numbers: Mapping[str, Number]
    """`value`, `interval.0`, `null.mean`, ... to number; without `value` where it could not be measured."""
    version: int | None = None
    """Of the measure's definition."""
    of_folds: bool = False
    """Whether it may need the SAEs of the folds or the control, which a release does not carry."""
    computed: bool = True
    """False of what no evaluation of this release alone makes."""
    of_model: bool = False
    """Whether the base model was run for it."""


@dataclass(frozen=True)
class Compared:
    """What became of one entry."""

    place: str
    status: Status
    numbers: int
    """How many the file has there."""
    distance: float = 0.0
    """The largest, relative to the number in the file."""
    why: str = ""
    """Of what differs: which number, what the file has and what was computed. Of what cannot be computed: why."""
    details: dict[str, tuple[Number | None, Number | None]] = field(default_factory=dict)
    """Of what differs: number to file and computed."""


def entries(evaluation: Evaluation) -> list[Entry]:
    """Everything in `evaluation.json` that holds a number, in its order."""
    seen: Counter[str] = Counter()
    found = []
    for one in _entries(evaluation):
        seen[one.place] += 1
        again = f" #{seen[one.place]}" if seen[one.place] > 1 else ""
        found.append(replace(one, place=one.place + again))
    return found


def _entries(evaluation: Evaluation) -> Iterator[Entry]:
    for sae in evaluation.saes:
        where = f"SAE {sae.sae_id}"
        yield from (_of_value(where, one, of_folds=one.split in FOLD_SPLITS) for one in sae.values)
        for density in sae.densities:
            place = f"{where}: densities, {density.split}"
            yield Entry(place, _numbers(density), of_folds=density.split in FOLD_SPLITS)
    for layer in evaluation.layers:
        yield from (_of_value(f"layer {layer.layer} ({layer.hook_name})", one) for one in layer.values)
    for pair in evaluation.comparisons:
        for one in (pair.difference, pair.over_folds):
            if one is not None:
                yield _of_value(f"SAE {pair.sae_id} beside {pair.reference}", one, of_folds=True)
    for best in evaluation.selections:
        where = f"best of {best.of} {best.among}, {best.chosen}"
        yield _of_value(where, best.value, of_folds=best.among == "SAEs")
    for test in evaluation.tests:
        place = f"test ({test.test}) of {test.subject} against {test.reference}"
        yield Entry(place, _numbers(test), of_folds=True)
    for probe in evaluation.representations:
        here = probe.representation in BASELINES
        yield from (replace(_of_value(probe.representation, one), computed=here) for one in probe.values)
    yield from _experiments(evaluation)


def _experiments(evaluation: Evaluation) -> Iterator[Entry]:
    for tally in evaluation.tallies:
        yield Entry(f"tally of {tally.subject} against {tally.reference}", _numbers(tally), of_folds=True)
    for again in evaluation.stability:
        yield Entry(f"SAE {again.sae_id}: stability, {again.varied}", _numbers(again))
    for shown in evaluation.top_features:
        yield Entry(f"SAE {shown.sae_id}: top latents", _numbers(shown))
    for key in OF_MODEL:
        for position, experiment in enumerate(getattr(evaluation, key)):
            yield Entry(f"{key}.{position}", _numbers(experiment), of_model=True)


def _of_value(where: str, one: MetricValue, *, of_folds: bool = False) -> Entry:
    told = [one.measure, one.split, *(part for part in (one.label, one.contrast) if part)]
    declared = CATALOGUE.get(one.measure)
    of_model = declared is not None and declared.of_spliced is not None
    return Entry(f"{where}: {', '.join(told)}", _numbers(one), one.version, of_folds, of_model=of_model)


def _numbers(part: Artefact) -> dict[str, Number]:
    return dict(_leaves(part.model_dump(mode="json"), ""))


def _leaves(part: Any, path: str) -> Iterator[tuple[str, Number]]:
    if isinstance(part, bool):
        return
    if isinstance(part, int | float):
        yield path, part
    elif isinstance(part, dict | list):
        for key, inner in part.items() if isinstance(part, dict) else enumerate(part):
            if key not in NOT_NUMBERS:
                yield from _leaves(inner, f"{path}.{key}" if path else str(key))


def compare(there: Evaluation, again: Evaluation, *, tolerance: float, same_hubkit: bool) -> list[Compared]:
    """Every number of `there` against what was computed `again`; values that are null in both are no numbers and are left out.

    With `same_hubkit` a number that was computed and does not stand in the file differs too: leaving out is a change.
    """
    computed = {one.place: one for one in entries(again)}
    found = [_compared(one, computed.pop(one.place, None), tolerance) for one in entries(there)]
    left = [one for one in computed.values() if _has_value(one)] if same_hubkit else []
    return [one for one in found if one is not None] + [
        Compared(
            one.place,
            "differs",
            0,
            math.inf,
            f"computed as {_value(one)}, and not in the file",
            {name: (None, number) for name, number in one.numbers.items()},
        )
        for one in left
    ]


def _has_value(one: Entry) -> bool:
    """A value that could not be measured still has its n."""
    return bool(one.numbers) and (one.version is None or "value" in one.numbers)


def _value(one: Entry) -> str:
    return f"{one.numbers['value']:g}" if "value" in one.numbers else f"{len(one.numbers)} numbers"


def _compared(one: Entry, again: Entry | None, tolerance: float) -> Compared | None:
    """None where there is no number, neither here nor there."""
    n, computed = len(one.numbers), again is not None and _has_value(again)
    if not _has_value(one):
        if again is None or not computed:
            return None
        return Compared(one.place, "differs", n, math.inf, f"null in the file, computed as {_value(again)}")
    if again is not None and computed and one.version == again.version:
        return _held(one, again, tolerance)
    if (why := _why_not(one, again if computed else None)) is not None:
        return Compared(one.place, "cannot", n, why=why)
    return Compared(one.place, "differs", n, math.inf, "in the file, and no computation gives it")


def _why_not(one: Entry, again: Entry | None) -> str | None:
    """Why a number of the file cannot be computed, or None where it can and was not."""
    if one.of_model:
        return MODEL
    if not one.computed:
        return NO_WAY
    if again is not None:
        return f"measured by version {one.version} of its definition, this hubkit has version {again.version}"
    return FOLDS if one.of_folds else None


def _held(one: Entry, again: Entry, tolerance: float) -> Compared:
    differs: dict[str, tuple[Number | None, Number | None]] = {}
    furthest = 0.0
    for name in sorted(one.numbers.keys() | again.numbers.keys()):
        file, computed = one.numbers.get(name), again.numbers.get(name)
        distance = _distance(file, computed)
        furthest = max(furthest, distance)
        if distance > tolerance or (distance and isinstance(file, int) and isinstance(computed, int)):
            differs[name] = (file, computed)
    if differs:
        name = "value" if "value" in differs else next(iter(differs))
        file, computed = differs[name]
        return Compared(
            one.place,
            "differs",
            len(one.numbers),
            furthest,
            f"{name} is {file} in the file, computed as {computed}",
            differs,
        )
    return Compared(one.place, "close" if furthest else "exact", len(one.numbers), furthest)


def _distance(one: Number | None, other: Number | None) -> float:
    """Relative to the larger of both; of numbers below 1 absolute, so that 0 and 1e-17 are near."""
    if one is None or other is None:
        return 0.0 if one is other else math.inf
    return abs(one - other) / max(1.0, abs(one), abs(other))


def largest(several: Iterable[Compared]) -> float:
    """The furthest distance of those that came back."""
    return max((one.distance for one in several if one.status == "close"), default=0.0)
