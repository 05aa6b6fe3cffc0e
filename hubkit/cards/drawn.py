"""A picture of the card before it is written, and what every picture is made of."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hubkit import svg
from hubkit.cards.facts import SaeFact
from hubkit.release import layout
from hubkit.release.metrics import MetricValue
from hubkit.words import many

FOLDER = layout.FIGURES


@dataclass(frozen=True)
class Drawn:
    """A picture before it is written."""

    name: str
    text: str
    alt: str
    caption: str

    @property
    def path(self) -> str:
        """In the release, with `/`."""
        return f"{FOLDER}/{self.name}.svg"

    @property
    def sha256(self) -> str:
        """Of the file that is written."""
        return hashlib.sha256(self.text.encode("utf-8", "surrogatepass")).hexdigest()


def drawn_as(name: str, title: str, height: float, body: str, alt: str, caption: str) -> Drawn:
    """The picture under its title; `alt` is for those who do not see it."""
    head = svg.text(svg.MARGIN_LEFT - 44, 26, title, "h")
    return Drawn(name, svg.picture(height, alt, head + body), alt, caption)


def how_many(saes: Sequence[SaeFact]) -> str:
    """`3 SAEs`."""
    return many(len(saes), "SAE")


def architectures(saes: Sequence[SaeFact]) -> list[str]:
    """As they were trained, sorted: the series of a picture."""
    return sorted({sae.trained_as for sae in saes})


def legend_of(series: Sequence[str]) -> list[tuple[str, str]]:
    """A mark and a name for each series."""
    return [(svg.mark(0, 0, i), name) for i, name in enumerate(series)]


def known(metric: MetricValue | None) -> MetricValue | None:
    """The value, where there is a number."""
    return metric if metric is not None and metric.value is not None else None


def number_of(metric: MetricValue) -> float:
    """The number of a value that was looked at before."""
    return needed(metric).value or 0.0


def needed(metric: MetricValue | None) -> MetricValue:
    """The same. Raises ValueError where it is gone."""
    if metric is None or metric.value is None:
        raise ValueError("a value that was looked at before is gone")
    return metric


def from_to(values: Iterable[float], digits: int = 3) -> str:
    """`0.512 to 0.640`; one number where they are all the same."""
    found = sorted({f"{value:.{digits}f}" for value in values}, key=float)
    return found[0] if len(found) == 1 else f"{found[0]} to {found[-1]}"
