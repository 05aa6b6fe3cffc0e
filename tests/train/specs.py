"""The specs of a plain grid, as a study file's short form gives them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubkit.train.grid import GridPlan
from hubkit.train.spec import Settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from hubkit.train.spec import SaeSpec


def grid(
    layers: Iterable[int],
    architectures: Iterable[str],
    conditions: Iterable[str],
    *,
    prefix: str,
    settings: Settings | Mapping[str, Settings],
) -> list[SaeSpec]:
    """Every layer x architecture x condition; `settings` holds for all, or differs by architecture."""
    each = {name: settings if isinstance(settings, Settings) else settings[name] for name in architectures}
    return GridPlan(prefix=prefix, architectures=each, conditions=tuple(conditions)).on(list(layers)).expand()
