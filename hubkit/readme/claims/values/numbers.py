"""Numbers: as people write them, and whether they are the file's."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from hubkit.readme.claims.values.kind import Value

THOUSANDS = r"\d{1,3}(?:[ ,\u00a0\u202f_]\d{3}){1,3}(?!\d)"
AMOUNT = rf"(?:{THOUSANDS}|2(?:\^|\*\*)\d{{1,2}}|\d{{1,9}}(?:\.\d{{1,3}})?(?: ?[kKM](?!\w))?)"
"""`65,536`, `65 536`, `2^16`, `32k`, `1.5M`."""
COUNTED = r"(?:SAE |dictionary |sparse |hidden |learned |active )?(?:features|latents|dimensions|dims|neurons|units|tokens|elements|directions|atoms|wide)"
WHOLE = re.compile(
    rf"(?:[A-Za-z_]{{1,12}} ?= ?)?~?({AMOUNT})(?: {COUNTED}(?: per token)?)?(?: ?\([^()]{{0,120}}\))?[.;]?",
    re.IGNORECASE,
)
"""The number, perhaps what it counts, perhaps a remark in brackets."""


def amount(text: str) -> tuple[float, float] | None:
    """The bounds of a number as it is written: `32k` may be 32,000 or 32,768, `32768` is itself. None for no number."""
    if not re.fullmatch(AMOUNT, text):
        return None
    if power := re.fullmatch(r"2(?:\^|\*\*)(\d{1,2})", text):
        return 2.0 ** int(power.group(1)), 2.0 ** int(power.group(1))
    unit = text[-1] if text[-1] in "kKM" else ""
    digits = re.sub(r"[ ,_\u00a0\u202f]", "", text.removesuffix(unit))
    number = float(digits)
    if not unit:
        return number, number
    low, high = (1e6, 2.0**20) if unit == "M" else (1e3, 2.0**10)
    half = min(0.5 * 10.0 ** -len(digits.partition(".")[2]), 0.05 * number)
    return (number - half) * low, (number + half) * high


@dataclass(frozen=True)
class Number:
    """A number, whole unless it may be a mean."""

    whole: bool = True

    def read(self, text: str) -> Value | None:
        """The bounds of the one number of the text."""
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
        return (
            f"{low:g}" if low == high and low < 1e6 else f"{low:.0f}" if low == high else f"about {low:.0f}"
        )
