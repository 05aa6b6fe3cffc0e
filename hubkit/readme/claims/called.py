"""What cards call the measures of the catalogue, and what is missing to 1 of a share, as the unexplained variance."""

from __future__ import annotations

import re
from dataclasses import dataclass

from hubkit.measures.catalogue import CATALOGUE
from hubkit.measures.measure import Measure
from hubkit.readme.claims.numbers import decimals, half_unit

ALONE = re.compile(r"\|(?:EV|VE)(?=\||$)")
"""Short names that in sentences may be anything's."""


@dataclass(frozen=True)
class Called:
    """One way in which cards speak of a measure."""

    measure: str
    title: str
    """A pattern of the title of a column or a row."""
    sentences: tuple[str, ...]
    """Patterns, `{n}` is where the number stands."""
    rest: bool = False
    """Whether the number is what is missing to 1."""
    share: bool = False
    loosely: bool = False
    """Whether people mean several definitions by it."""

    @property
    def title_in_sentences(self) -> str:
        """The title without what is too short to be told from other words."""
        return ALONE.sub("", self.title)

    def number(self, written: str, *, percent: bool) -> tuple[float, float] | None:
        """The measure's own value, and what rounding can hide of it; None for what is no share, as a number of latents.

        A share above 1 that is not whole can only be a percentage.
        """
        value, slack = float(written), half_unit(decimals(written))
        if self.share and not percent and value > 1:
            if value > 100 or "." not in written:
                return None
            percent = True
        scale = 0.01 if percent else 1.0
        return (1 - value * scale if self.rest else value * scale), slack * scale


def _ways(one: Measure) -> list[Called]:
    share, loosely = one.upper == 1.0 and one.unit == "share", one.loosely_elsewhere
    found = []
    if one.columns_elsewhere:
        found.append(Called(one.name, one.columns_elsewhere, one.sentences_elsewhere, False, share, loosely))
    if one.rest_elsewhere:
        found.append(Called(one.name, one.rest_elsewhere, one.rest_sentences, True, share, loosely))
    return found


def titled(words: str) -> Called | None:
    """The measure whose name elsewhere the words are."""
    return next((one for one in CALLED if re.fullmatch(one.title, words, re.IGNORECASE)), None)


CALLED = tuple(way for one in CATALOGUE.values() for way in _ways(one))
