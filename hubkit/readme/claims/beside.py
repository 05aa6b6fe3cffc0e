"""What stands beside the prose, and is read as a sentence is: comments in code, the words of images, and items that begin with the id of an SAE. Of code itself what it
says of a configuration, and the shape that a comment gives for what an SAE returns.

# layer 9, k = 64
assert sae.cfg.d_sae == 24576
sae.encode(x)  # [batch, 24576]
![The SAE of layer 9](plot.png)
- `lab_L9_mixed`: layer 9, 16,384 latents
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from hubkit.readme.asides import asides, code_of_saes
from hubkit.readme.claims import named
from hubkit.readme.claims.fields import FIELDS
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
IN_CFG = re.compile(
    r"\.cfg\.(?:metadata\.)?(?P<field>\w{1,40})(?: ?== ?(?P<equal>[^\s,()]{1,100})|\)? {0,8}# ?(?:->|=>|→|=|prints?|outputs?)? ?(?P<shown>\S{1,100})$)"
)
"""`sae.cfg.k == 32`, `print(sae.cfg.k)  # 32`."""
RETURNED = re.compile(
    r"\bsae\.(?P<method>encode|decode)\([^#]{0,200}\) {0,20}#[^\[(]{0,60}[\[(][^\[\]()]{0,60}?[ ,](?P<size>\d[\d,_]{0,11})[\])]",
    re.IGNORECASE,
)
"""The last number of a shape."""
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
    for line in code_of_saes(page):
        yield from _code(line)
    for line in page.prose:
        if (
            line.bullet
            and not line.of_others
            and (match := ITEM.match(line.text[:LONGEST_READ]))
            and NAME.search(match.group(1))
        ):
            yield from _read(line, match.group(2), sae_of(match.group(1)))


def _code(line: Line) -> Iterator[Claim]:
    """What a line of code says of the SAE that it has."""
    found: dict[str, str] = {}
    if match := IN_CFG.search(line.text[:LONGEST_READ]):
        found[match["field"]] = (match["equal"] or match["shown"]).strip("\"'`.:")
    if match := RETURNED.search(line.text[:LONGEST_READ]):
        found["d_sae" if match["method"].lower() == "encode" else "d_in"] = (
            match["size"].replace("_", "").replace(",", "")
        )
    for name, text in found.items():
        value = FIELDS[name].kind.read(text) if name in FIELDS else None
        if value is not None:
            yield from stated_of(line, line.text.strip(), ANY, {name: value})


def _read(line: Line, text: str, sae_id: str | None) -> Iterator[Claim]:
    flag = named.deniable(text)
    if flag is None and not is_sure(text, ANY):
        return
    found = {flag[0]: flag[1]} if flag else told(text, ANY) | place_of(text, 0)
    yield from stated_of(line, text, ANY, found, sae_id)
