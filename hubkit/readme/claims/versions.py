"""From which version of SAELens on a card says that its SAEs load."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hubkit.readme.claims.kinds import Claim, LoadsSince
from hubkit.readme.page import Page

LONGEST = 1_000
"""Characters of a line that are read."""
VERSION = r"v?(?P<{}>\d{{1,2}}(?:\.\d{{1,3}}){{0,2}})"
LIBRARY = r"(?:SAELens|sae[-_ ]lens)"
SINCE = re.compile(
    rf"\b(?:loads?|loaded|works?|loadable|compatible|usable|supported)\b.{{0,30}}?\b{LIBRARY} ?(?:(?:versions? )?{VERSION.format('first')} ?(?:\+|(?:(?:and|or) )?(?:later|newer|above|higher|upwards?|onwards?|up)\b)|(?:>=|≥) ?{VERSION.format('least')})",
    re.IGNORECASE,
)
"""`loads with SAELens 6 and later`, `compatible with sae_lens>=6.0`."""
DENIED = re.compile(r"\b(?:not|never|no longer|without|except|trained|model)\b|n't\b", re.IGNORECASE)


PINNED = re.compile(
    rf"\bpip3? install\b.{{0,120}}?\bsae[-_]lens\W{{0,3}}==\s?{VERSION.format('first')}", re.IGNORECASE
)
"""What the reader is told to install."""


def read(page: Page) -> Iterator[Claim]:
    """Every such version."""
    for line in page.lines:
        text = line.text[:LONGEST]
        match = PINNED.search(text)
        if match is None and not (line.of_others or line.cells or line.code or DENIED.search(text)):
            match = SINCE.search(text)
        if match:
            stated = match["first"] or match.groupdict().get("least")
            version = tuple(int(part) for part in str(stated).split("."))
            written = float(".".join(map(str, version[:2])))
            yield LoadsSince(line=line.number, quote=line.quote, version=version, written=(written,))
