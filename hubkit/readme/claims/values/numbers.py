"""Numbers: as people write them, and whether they are the file's."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from hubkit.readme.claims.values.kind import Value

BLANK = r" \u00a0\u2007\u2008\u2009\u200a\u202f"
THOUSANDS = rf"\d{{1,3}}(?:[{BLANK},_'\u2019]\d{{3}}){{1,3}}(?!\d)"
UNITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen", "fourteen",
         "fifteen", "sixteen", "seventeen", "eighteen", "nineteen")  # fmt: skip
TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
SPELLED_BELOW = {word: number for number, word in enumerate(UNITS)} | {word: 10 * number for number, word in enumerate(TENS, 2)}  # fmt: skip
SPELLED = rf"(?:(?:{'|'.join(TENS)})(?:[- ](?:{'|'.join(UNITS[1:10])}))?|(?:{'|'.join(sorted(UNITS, key=len, reverse=True))}))(?!\w)"
"""`nine`, `sixty-four`."""
POWERS = str.maketrans("\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079", "0123456789")
RAISED = "".join(map(chr, POWERS))
AMOUNT = rf"(?:{THOUSANDS}|2(?:(?:\^|\*\*)\{{?\d{{1,2}}\}}?|[{RAISED}]{{1,2}})|\d{{1,9}}(?:\.\d{{1,3}})?(?:(?: ?[kKMB](?!\w))|[{BLANK}](?:thousand|million|billion)\b)?)"
"""`65,536`, `65 536`, `2^16`, `32k`, `1.5M`, `300 million`."""
LARGE = {"k": (1e3, 2.0**10), "K": (1e3, 2.0**10), "M": (1e6, 2.0**20), "B": (1e9, 1e9)}
"""What `32k` may mean."""
NUMBER_OR_WORD = rf"(?:{AMOUNT}|{SPELLED}(?:[ -](?:hundred|thousand)\b)?)"
"""The same, or spelled."""
COUNTED = r"(?:SAE |dictionary |sparse |hidden |learned |active )?(?:features|latents|dimensions|dims|neurons|units|tokens|elements|directions|atoms|wide)"
WHOLE = re.compile(
    rf"(?:[A-Za-z_]{{1,12}} ?= ?)?~?({NUMBER_OR_WORD})(?: {COUNTED}(?: per token)?)?(?: ?\([^()]{{0,120}}\))?[.;]?",
    re.IGNORECASE,
)
"""The number, perhaps what it counts, perhaps a remark in brackets."""

RANGE = re.compile(
    rf"({AMOUNT}) ?(?:[-–—]|\.{{2,3}}| to ) ?({AMOUNT})(?: {COUNTED}(?: per token)?)?[.;]?", re.IGNORECASE
)
"""`16k-64k`, `16 to 64`: what several SAEs have, or one about has."""
WIDE = 1.2
"""A ratio of bounds that no rounding has."""


def amount(text: str) -> tuple[float, float] | None:
    """The bounds of a number as it is written: `32k` may be 32,000 or 32,768, `32768` is itself. None for no number."""
    if not re.fullmatch(AMOUNT, text):
        return spelled(text)
    if power := re.fullmatch(rf"2(?:\^|\*\*|(?=[{RAISED}]))\{{?([\d{RAISED}]{{1,2}})\}}?", text):
        exact = 2.0 ** int(power.group(1).translate(POWERS))
        return exact, exact
    text = re.sub(
        r"\s(thousand|million|billion)$", lambda word: {"t": "k", "m": "M", "b": "B"}[word[1][0]], text
    )
    unit = text[-1] if text[-1] in LARGE else ""
    digits = re.sub(rf"[{BLANK},_'\u2019]", "", text.removesuffix(unit))
    number = float(digits)
    if not unit:
        return number, number
    low, high = LARGE[unit]
    half = min(0.5 * 10.0 ** -len(digits.partition(".")[2]), 0.05 * number)
    return (number - half) * low, (number + half) * high


def spelled(text: str) -> tuple[float, float] | None:
    """The same of a number in words: `sixty-four`, `sixteen thousand`, which may be 16,384."""
    match = re.fullmatch(rf"({SPELLED})(?:[ -](hundred|thousand))?", text, re.IGNORECASE)
    if match is None:
        return None
    number = float(sum(SPELLED_BELOW[word] for word in re.split(r"[- ]", match.group(1).lower())))
    if match.group(2) is None:
        return number, number
    return (100 * number, 100 * number) if match.group(2).lower() == "hundred" else amount(f"{number:g}k")


@dataclass(frozen=True)
class Number:
    """A number, whole unless it may be a mean."""

    whole: bool = True

    def read(self, text: str) -> Value | None:
        """The bounds of the one number of the text, or of its range."""
        if span := RANGE.fullmatch(text.strip()):
            low, high = amount(span.group(1)), amount(span.group(2))
            return (low[0], high[1]) if low and high and low[0] < high[0] else None
        match = WHOLE.fullmatch(text.strip())
        found = amount(match.group(1)) if match else None
        return found if found is None or not self.whole or found[0] % 1 == 0 or found[0] != found[1] else None

    def agrees(self, stated: Value, true: Any) -> bool | None:
        """Whether the number lies within the bounds."""
        if isinstance(true, bool) or not isinstance(true, int | float):
            return None
        low, high = stated
        return bool(low <= true <= high)

    def shown(self, stated: Value) -> str:
        """The number, or about what it is."""
        low, high = stated
        if high > WIDE * low:
            return f"{low:g} to {high:g}"
        if low == high:
            return f"{low:g}" if low < 1e6 else f"{low:.0f}"
        return f"about {float(f'{(low + high) / 2:.2g}'):.0f}"


REAL = r"(?:\d{1,6}(?:\.\d{1,12})?(?:[eE][-+]?\d{1,3}| ?(?:×|x|\*|\\times) ?10(?:\^|\*\*)?\{?[-−⁻]?[\d⁰¹²³⁴-⁹]{1,2}\}?)?)"
"""`5`, `0.0003`, `3e-4`, `3 × 10⁻⁴`: a rate or a coefficient."""
POWER = re.compile(r" ?(?:×|x|\*|\\times) ?10(?:\^|\*\*)?\{?([-−⁻]?)([\d⁰¹²³⁴-⁹]{1,2})\}?$")


@dataclass(frozen=True)
class Real:
    """A number that may be small: a learning rate, a coefficient."""

    def read(self, text: str) -> Value | None:
        """The bounds of the one number of the text: half a unit of its last digit is rounding, where it has several."""
        if not re.fullmatch(REAL, text := text.strip().rstrip(".;")):
            return None
        plain = POWER.sub(
            lambda power: f"e{'-' if power[1] else ''}{power[2].translate(POWERS)}", text
        ).lower()
        number, mantissa = float(plain), plain.partition("e")[0].replace(".", "").lstrip("0")
        slack = abs(number) * 0.5 / max(1, int(mantissa or 1)) if len(mantissa) > 1 else 0.0
        return number - slack, number + slack

    def agrees(self, stated: Value, true: Any) -> bool | None:
        """Whether the number lies within the bounds, as far as binary fractions can."""
        if isinstance(true, bool) or not isinstance(true, int | float):
            return None
        low, high = stated
        return bool(low - EXACT * abs(low) <= true <= high + EXACT * abs(high))

    def shown(self, stated: Value) -> str:
        """The number."""
        return f"{(stated[0] + stated[1]) / 2:g}"


EXACT = 1e-9
