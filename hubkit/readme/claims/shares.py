"""`x/y (z %)` and differences in percentage points."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hubkit.readme.claims.kinds import Claim, Difference, Share
from hubkit.readme.claims.numbers import decimals, half_unit
from hubkit.readme.page import Line, Page, shortened

SHARE = re.compile(
    r"(?<![\d/.,])(\d{1,6})(?:/| of )(\d{1,6})(?![\d/.,])(?: [A-Za-z-]{1,20}){0,3}(?: ?\(| ?= ?)(~?)(\d{1,3}(?:\.\d{1,3})?) ?%(?! ?(?:CI|confidence|interval|depth|of the))"
)
BEAT = re.compile(r"\bbeat(?:s|ing)?\b|\bexceed|above (?:the )?raw", re.IGNORECASE)
HELP = re.compile(r"\bSAEs? help(?:s|ed)?\b(?! less)", re.IGNORECASE)
POINTS = re.compile(
    r"\(?([+−-]?)(\d{1,2}(?:\.\d{1,3})?) ?(?:pp\b|percentage[- ]points?\b|pts?\b)", re.IGNORECASE
)
VALUE = re.compile(r"(?<![\w.~<>≤≥±–-])(\d{1,3}(?:\.\d{1,3})?) ?%(?!\w| ?(?:CI|confidence|of\b))")
AGAINST = re.compile(
    r"\bbeat|\bover\b|\bvs\.?\s|\bversus\b|\babove\b|\bbelow\b|\bimprove|\bcompared\b|\bfrom\b.{1,80}\bto\b",
    re.IGNORECASE,
)


def read(page: Page) -> Iterator[Claim]:
    """Every share and every difference."""
    for line in page.prose:
        yield from _shares(line)
        for sentence in line.sentences():
            for clause in re.split(r":\s", sentence):
                yield from _differences(line, clause)


def _shares(line: Line) -> Iterator[Claim]:
    beats = BEAT.search(line.text) is not None and "SAE" in line.text
    helps = max((match.start() for match in HELP.finditer(line.text)), default=-1)
    for match in SHARE.finditer(line.text):
        part, whole = int(match.group(1)), int(match.group(2))
        if whole == 0 or part > whole:
            continue
        yield Share(
            line=line.number,
            quote=line.quote,
            part=part,
            whole=whole,
            percent=float(match.group(4)),
            digits=decimals(match.group(4)),
            about=bool(match.group(3)),
            of_saes_that_beat=beats,
            says_help=helps >= match.end(),
        )


def _differences(line: Line, clause: str) -> Iterator[Claim]:
    """One difference and the two percentages it is between: with a third number nobody can tell which two."""
    points, values = POINTS.findall(clause), VALUE.findall(clause)
    if len(points) != 1 or len(values) != 2 or not AGAINST.search(clause):
        return
    sign, size = points[0]
    slack = half_unit(decimals(size)) + sum(half_unit(decimals(value)) for value in values)
    first, second = (float(value) for value in values)
    yield Difference(
        line=line.number, quote=shortened(clause), first=first, second=second,
        points=float(size) * (-1 if sign in {"-", "−"} else 1), slack=slack,
    )  # fmt: skip
