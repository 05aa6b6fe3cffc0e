"""What the modules of `families/` declare, by name: every measure hubkit computes, checks or takes from others. A value in a release names one of these, and its version.

A change of a formula is a new version: values of different versions are never compared. Bounds are what the formula cannot
leave; `d_sae` as a bound means the SAE's own. A module that lies in `families/` is in the catalogue.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from hubkit.measures import families
from hubkit.measures.measure import Measure, Split, Table

Definitions = tuple[tuple[str, Split], ...]
"""Measures and splits that answer one question, the better first."""


def _found() -> dict[str, Measure]:
    modules = sorted(module.name for module in iter_modules(families.__path__))
    every = [measure for name in modules for measure in import_module(f"{families.__name__}.{name}").MEASURES]
    found = {measure.name: measure for measure in every}
    if len(found) < len(every):
        twice = sorted({one.name for one in every if sum(one.name == other.name for other in every) > 1})
        raise ValueError(f"measures declared twice: {', '.join(twice)}; a name has one declaration")
    return found


CATALOGUE: dict[str, Measure] = _found()


def get(name: str) -> Measure:
    """The measure called `name`. Raises KeyError naming the ones there are."""
    try:
        return CATALOGUE[name]
    except KeyError:
        raise KeyError(f"no measure `{name}`; there are {', '.join(CATALOGUE)}") from None


def own_definitions(name: str) -> Definitions:
    """The measure itself on each of its splits."""
    return tuple((name, split) for split in get(name).splits)


def definitions(name: str) -> Definitions:
    """The measure on each of its splits, and then those that step in where it was not taken."""
    instead = [measure.name for measure in CATALOGUE.values() if measure.instead_of == name]
    return tuple(pair for each in (name, *instead) for pair in own_definitions(each))


def columns(table: Table) -> tuple[Definitions, ...]:
    """The columns of a card's table, from left to right."""
    shown = [measure for measure in CATALOGUE.values() if table in measure.on_card.tables]
    return tuple(definitions(one.name) for one in sorted(shown, key=lambda one: one.on_card.order))
