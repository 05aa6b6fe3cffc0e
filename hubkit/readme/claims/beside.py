"""What stands beside the prose, and is read as a sentence is: comments in code, the words of images, and items that begin with the id of an SAE.

# layer 9, k = 64
![The SAE of layer 9](plot.png)
- `lab_L9_mixed`: layer 9, 16,384 latents
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from hubkit.readme.asides import asides
from hubkit.readme.claims import named
from hubkit.readme.claims.kinds import Claim
from hubkit.readme.claims.names import sae_of
from hubkit.readme.claims.sentences import LONGEST_READ, place_of, stated_of, told
from hubkit.readme.claims.subjects import ASIDE, Subject, is_sure
from hubkit.readme.page import Line, Page

ANY = Subject("any", "", 0, loose=True)
ITEM = re.compile(
    r"^[\"'(]?([A-Za-z0-9][\w.-]{0,80}(?:/[\w.-]{1,80}){0,4})/?[\"')]?(?: ?:| [–—-]| ?→|(?= \())\s*(\S.*)$"
)
NAME = re.compile(r"[_/\d]")
OTHERS_CODE = re.compile(
    r"\b(?:optional|your?|change|replace|set|choose|pick|any|loop|model's|of the model|each|every|default|shape|batch|seq|pos|tokens?,)\b",
    re.IGNORECASE,
)
"""In a comment: what the reader may do, or what the line gives."""


def read(page: Page) -> Iterator[Claim]:
    """Every property that they state."""
    for line in asides(page):
        if not (line.of_others or ASIDE.search(line.heading) or OTHERS_CODE.search(line.text)):
            yield from _read(line, line.text[:LONGEST_READ], None)
    for line in page.prose:
        if (
            line.bullet
            and not line.of_others
            and (match := ITEM.match(line.text[:LONGEST_READ]))
            and NAME.search(match.group(1))
        ):
            yield from _read(line, match.group(2), sae_of(match.group(1)))


def _read(line: Line, text: str, sae_id: str | None) -> Iterator[Claim]:
    flag = named.deniable(text)
    if flag is None and not is_sure(text, ANY):
        return
    found = {flag[0]: flag[1]} if flag else told(text, ANY) | place_of(text, 0)
    yield from stated_of(line, text, ANY, found, sae_id)
