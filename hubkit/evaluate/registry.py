"""Which function computes which measure of the catalogue: bound by name, and asked for every split that the measure declares."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar

from hubkit.evaluate.values import measured, missing
from hubkit.measures.catalogue import get

if TYPE_CHECKING:
    from hubkit.evaluate.probe import Design, Predictions
    from hubkit.evaluate.subject import Subject
    from hubkit.evaluate.values import Interval
    from hubkit.measures.measure import Split
    from hubkit.release.metrics import MetricValue, NullReference


@dataclass(frozen=True)
class Estimate:
    """What a measure came to."""

    value: float
    """One that is not finite is written as null with its reason."""
    n: int
    """Rows that it stands on."""
    interval: Interval = None
    null: NullReference | None = None


class NotMeasured(Exception):  # noqa: N818 - nothing went wrong: the release says why there is no value
    """Raised by a measure's function where there is nothing to compute it from: null with the reason."""

    def __init__(self, reason: str, n: int) -> None:
        super().__init__(reason)
        self.reason, self.n = reason, n


Computes = Callable[["Subject", "Split"], Estimate | None]
"""None where the measure does not apply: nothing is written then."""
Compares = Callable[["Predictions", "Predictions", "Design"], Estimate]
"""Out-of-fold predictions of an SAE's probe, and of its reference's, on the same rows."""

_COMPUTES: dict[str, Computes] = {}
_COMPARES: dict[str, Compares] = {}
Function = TypeVar("Function", bound=Callable[..., object])


def computes(name: str) -> Callable[[Function], Function]:
    """Bind a function to the measure `name` of the catalogue. Raises KeyError where there is no such measure."""
    return _binding(name, _COMPUTES)


def compares(name: str) -> Callable[[Function], Function]:
    """The same for a measure of an SAE beside its reference."""
    return _binding(name, _COMPARES)


def _binding(name: str, table: dict[str, Any]) -> Callable[[Function], Function]:
    get(name)
    if name in _COMPUTES or name in _COMPARES:
        raise ValueError(f"{name} is computed by two functions, expected one")

    def bind(function: Function) -> Function:
        table[name] = function
        return function

    return bind


def computed_versions() -> dict[str, int]:
    """Every measure that an evaluation computes, with the version of its definition."""
    _load()
    return {name: get(name).version for name in (*_COMPUTES, *_COMPARES)}


def _load() -> None:
    import_module("hubkit.evaluate.families")


def value_of(name: str, subject: Subject, split: Split) -> MetricValue | None:
    """One measure of `subject` on one split, as the release states it; None where it does not apply."""
    _load()
    return _value(name, split, partial(_COMPUTES[name], subject, split))


def values_of(subject: Subject, splits: Iterable[Split], *, layers: bool = False) -> list[MetricValue]:
    """Every measure of `subject` on each of `splits`, in the order of a card's columns; with `layers` only what a layer has too."""
    _load()
    names = sorted(_COMPUTES, key=lambda name: (get(name).on_card.order, name))
    found = (
        value_of(name, subject, split)
        for split in splits
        for name in names
        if split in get(name).splits and (get(name).of_layers or not layers)
    )
    return [value for value in found if value is not None]


def differences(predicted: Predictions, reference: Predictions, design: Design) -> list[MetricValue]:
    """Every measure of an SAE's probe beside its reference's."""
    _load()
    found = (
        _value(name, "crossfit", partial(compare, predicted, reference, design))
        for name, compare in _COMPARES.items()
    )
    return [value for value in found if value is not None]


def _value(name: str, split: Split, compute: Callable[[], Estimate | None]) -> MetricValue | None:
    try:
        found = compute()
    except NotMeasured as why:
        return missing(name, why.n, split, why.reason)
    if found is None:
        return None
    return measured(name, found.value, found.n, split, found.interval, found.null)
