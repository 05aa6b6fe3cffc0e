"""Numbers as cards write them."""

from __future__ import annotations

import re

from hubkit.readme.claims.values.numbers import SPELLED, spelled

NUMERALS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
COUNT = rf"(?:\d{{1,3}}(?:,\d{{3}}){{1,4}}|\d{{1,7}}|(?!zero){SPELLED})"
"""A whole number, in digits or words: for patterns that ignore case."""
WIDTH = r"(?:\d{1,3}(?:[ ,]\d{3}){1,4}|\d{1,7}[kK]?)"
"""A dimension: `65,536`, `65 536`, `32k`."""


def count(text: str) -> int:
    """The number that COUNT matched."""
    words = spelled(text)
    return int(words[0]) if words else int(text.replace(",", ""))


def width(text: str) -> int | None:
    """The number that WIDTH matched; None for a rounded one (`32k`)."""
    return None if text[-1] in "kK" else int(re.sub(r"[ ,]", "", text))


def decimals(number: str) -> int:
    """Digits after the point."""
    return len(number.partition(".")[2])


def half_unit(digits: int) -> float:
    """Half a unit of the last digit: what rounding can hide."""
    return 0.5 * 10.0**-digits
