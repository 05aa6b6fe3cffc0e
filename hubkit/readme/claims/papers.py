"""Titles and the arXiv numbers they are given; text that was meant to be replaced."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hubkit.readme.claims.kinds import Claim, Paper, Placeholder
from hubkit.readme.page import Line, Page

ARXIV = re.compile(r"(?:arxiv(?:\.org/(?:abs|pdf)/|[:\s]{1,3}))(\d{4}\.\d{4,5})\b", re.IGNORECASE)
TITLE = re.compile(r"[\"“]([A-Z][^\"“”\n]{15,200})[\"”]")
FAR = 250
"""Characters between a title and its number."""
PLACEHOLDERS = re.compile(
    r"\b(?:TODO|FIXME|TBD)\b(?!\()|\[?More information needed\]?|\b(?:RELEASE_ID|SAE_ID|REPO_ID|MODEL_ID)\b(?! *=)|\byour-(?:user)?name\b|\bLorem ipsum\b",
    re.IGNORECASE,
)
UPPER = {"todo", "fixme", "tbd", "release_id", "sae_id", "repo_id", "model_id"}
"""Placeholders only in capitals: `sae_id` is a word here."""
BRACED = re.compile(
    r"(?<![\w`$/.{\\\"'])(?:\{\{ ?[a-z_][a-z_.]{0,40} ?\}\}|\{(?:model|model_name|repo|repo_id|author|dataset|license|year|title|name)\})(?!\.?\w|[`/}])"
)
IN_CODE = re.compile(
    r"[\"'](?:<(?:sae|repo|model|release|your)[\w -]{0,30}>|(?:RELEASE|SAE|REPO|MODEL)_ID)[\"']",
    re.IGNORECASE,
)


def read(page: Page) -> Iterator[Claim]:
    """Every paper, and every placeholder."""
    for line in page.lines:
        if not line.code:
            yield from _papers(line)
        yield from _placeholders(line)


def _papers(line: Line) -> Iterator[Claim]:
    for title in TITLE.finditer(line.raw):
        number = ARXIV.search(line.raw, title.end(), title.end() + FAR)
        if number:
            yield Paper(
                line=line.number, quote=line.quote, title=title.group(1).strip(" .,"), arxiv=number.group(1)
            )


def _placeholders(line: Line) -> Iterator[Claim]:
    if line.code:
        found = [match.group() for match in IN_CODE.finditer(line.raw)]
    else:
        found = [match.group() for match in PLACEHOLDERS.finditer(line.raw)]
        found = [text for text in found if text.lower() not in UPPER or text.isupper()]
        found += [match.group() for match in BRACED.finditer(line.raw)]
    for text in dict.fromkeys(found):
        yield Placeholder(line=line.number, quote=line.quote, text=text.strip("\"'"))
