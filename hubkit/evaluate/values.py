"""Values of the catalogue's measures as the release states them: a number, or null and a reason."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import TYPE_CHECKING

from hubkit.measures.catalogue import CATALOGUE, get
from hubkit.measures.estimate import Estimate, NotMeasured, Null
from hubkit.measures.measure import UNSEEN
from hubkit.release.metrics import Density, MetricValue, NullReference

if TYPE_CHECKING:
    from hubkit.measures.beside import Beside
    from hubkit.measures.design import Design
    from hubkit.measures.measure import Measure, Split, Told
    from hubkit.measures.paired import Paired
    from hubkit.measures.probed import Probe, Probed
    from hubkit.measures.reconstructed import Reconstructed
    from hubkit.measures.spliced import Spliced
    from hubkit.measures.subject import Subject
    from hubkit.release.metrics import TextsRun


def computed_versions(
    splits: Iterable[Split] | None = None,
    *,
    labelled: bool = True,
    beside: bool = True,
    spliced: bool = False,
) -> dict[str, int]:
    """Every measure that an evaluation of these splits computes, with the version of its definition; without labels, rows beside the pool, or the base model, only what needs none.

    Another measure, one that this evaluation would not take, makes it no older.
    """
    asked = None if splits is None else set(splits)
    return {
        name: one.version
        for name, one in CATALOGUE.items()
        if one.is_computed
        and (beside or not one.of_beside)
        and (spliced or not one.of_spliced)
        and not one.of_paired  # those are of a transfer, which has a digest of its own
        and (asked is None or not asked.isdisjoint(one.splits))
        and (labelled or not (one.of_labels or one.compare or one.choose or one.of_beside))
    }


def value_of(name: str, subject: Subject, split: Split) -> MetricValue | None:
    """One measure of `subject` on one split, as the release states it; None where it does not apply. Raises KeyError where hubkit does not compute it."""
    if (compute := get(name).compute) is None:
        raise KeyError(f"{name} is not computed, only taken from others")
    return _value(name, split, partial(compute, subject, split))


def values_of(
    subject: Subject, splits: Iterable[Split], *, layers: bool = False, labelled: bool = True
) -> list[MetricValue]:
    """Every measure of `subject` on each of `splits`, in the order of a card's columns; with `layers` only what a layer has too, without labels only what needs none."""
    every = sorted(
        (one for one in CATALOGUE.values() if one.compute), key=lambda one: (one.on_card.order, one.name)
    )
    found: list[MetricValue | None] = []
    for split in splits:
        for one in every:
            if split in one.splits and (one.of_layers or not layers) and (labelled or not one.of_labels):
                found.append(value_of(one.name, subject, split))
                if one.by_label and labelled and split in UNSEEN:
                    found += _by_label(one, subject, split)
                found += _contrasted(one.name, one.contrasts(subject, split) if one.contrasts else (), split)
    return [value for value in found if value is not None]


def values_beside(beside: Beside) -> list[MetricValue]:
    """Every measure of the rows that were kept beside a pool, a value for each contrast."""
    several = ((one.name, one.of_beside(beside)) for one in CATALOGUE.values() if one.of_beside)
    return [value for name, told in several for value in _contrasted(name, told, "crossfit")]


@dataclass(frozen=True)
class Loss:
    """What the base model loses by one SAE, and on which texts."""

    spliced: Spliced
    run: TextsRun


def values_spliced(spliced: Spliced, split: Split) -> list[MetricValue]:
    """Every measure of the base model with the SAE in it."""
    found = (
        _value(one.name, split, partial(one.of_spliced, spliced))
        for one in CATALOGUE.values()
        if one.of_spliced is not None
    )
    return [value for value in found if value is not None]


def values_paired(paired: Paired, split: Split) -> list[MetricValue]:
    """Every measure of an SAE on the same rows twice."""
    found = (
        _value(one.name, split, partial(one.of_paired, paired))
        for one in CATALOGUE.values()
        if one.of_paired is not None
    )
    return [value for value in found if value is not None]


def _contrasted(name: str, several: Iterable[Told], split: Split) -> Iterator[MetricValue]:
    """A value for each contrast."""
    for contrast, told in several:
        value = (
            missing(name, told.n, split, told.reason)
            if isinstance(told, NotMeasured)
            else measured(name, told, split)
        )
        yield value.model_copy(update={"contrast": contrast})


def _by_label(one: Measure, subject: Subject, split: Split) -> Iterator[MetricValue]:
    """One value for the unseen rows of each label."""
    if one.compute is None:
        return
    for label, positive in zip(subject.labels, (True, False), strict=True):
        rows = _OfLabel(subject, positive)
        value = _value(one.name, split, partial(one.compute, rows, split))  # type: ignore[arg-type]
        if value is not None:
            yield value.model_copy(update={"label": label})


@dataclass(frozen=True)
class _OfLabel:
    """A subject whose rows are those of one label: all that a measure of reconstruction asks."""

    subject: Subject
    positive: bool

    def reconstructed(self, split: Split) -> Reconstructed:
        """The unseen rows of the label."""
        found = self.subject.reconstructed_of(self.positive, split)
        if found.n < 2:
            raise NotMeasured(f"{found.n} rows of this label", found.n)
        return found


def densities_of(subject: Subject, splits: Iterable[Split]) -> list[Density]:
    """The histogram of each split that the subject has rows of."""
    found = []
    for one in CATALOGUE.values():
        for split in splits:
            if one.count is None or split not in one.splits:
                continue
            try:
                counted = one.count(subject, split)
            except NotMeasured:
                continue
            if counted is not None:
                found.append(Density.model_validate({"split": split} | asdict(counted)))
    return found


def selected(probes: Sequence[Probed], design: Design, split: Split = "crossfit") -> MetricValue | None:
    """The best of several probes, by the measure that corrects for the choice."""
    return next(
        (
            _value(one.name, split, partial(one.choose, probes, design))
            for one in CATALOGUE.values()
            if one.choose
        ),
        None,
    )


def differences(
    probe: Probe, reference: Probe, design: Design, split: Split = "crossfit"
) -> list[MetricValue]:
    """Every measure of an SAE's probe beside its reference's."""
    found = (
        _value(one.name, split, partial(one.compare, probe, reference, design))
        for one in CATALOGUE.values()
        if one.compare is not None
    )
    return [value for value in found if value is not None]


def _value(name: str, split: Split, compute: Callable[[], Estimate | None]) -> MetricValue | None:
    try:
        found = compute()
    except NotMeasured as why:
        return missing(name, why.n, split, why.reason)
    if found is None:
        return None
    return measured(name, found, split)


def measured(measure: str, found: Estimate, split: Split) -> MetricValue:
    """What a measure of the catalogue came to; a value that is not finite becomes null with its reason."""
    if not math.isfinite(found.value):
        return missing(measure, found.n, split, f"the computation gave {found.value}")
    return MetricValue(
        measure=measure,
        version=get(measure).version,
        value=found.value,
        n=found.n,
        n_pairs=found.n_pairs,
        n_effective=round(found.n_effective) if found.n_effective is not None else None,
        split=split,
        interval=found.interval,
        null=_null(found.null),
        detectable=found.detectable,
        interval_method=found.method,
    )


def _null(null: Null | None) -> NullReference | None:
    return NullReference.model_validate(asdict(null) | {"quantiles": dict(null.quantiles)}) if null else None


def missing(measure: str, n: int, split: Split, reason: str) -> MetricValue:
    """Null, and why."""
    return MetricValue(
        measure=measure,
        version=get(measure).version,
        value=None,
        n=n,
        split=split,
        interval=None,
        reason=reason,
    )
