"""Under which licence a card's text says that its SAEs are: the front matter has it too, for the Hub."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hubkit.readme.asides import asides
from hubkit.readme.claims.kinds import Claim, Licensed
from hubkit.readme.claims.names import sae_in_row
from hubkit.readme.claims.properties import pair_of
from hubkit.readme.page import Line, Page, shortened

NAME = (
    r"(MIT|Apache(?:[- ](?:v(?:ersion )?)?2(?:\.0)?)?|CC[- ]?0(?:[- ]1\.0)?|CC[- ]BY(?:[- ](?:NC|SA|ND)){0,2}(?:[- ]\d(?:\.\d)?)?|[AL]?GPL(?:[- ]?v?\d(?:\.\d)?)?|"
    r"BSD(?:[- ]\d[- ]clause)?|MPL(?:[- ]2\.0)?|Unlicense|ISC)(?![\w-])"
)
WORD = r"licen[cs]e"
LABEL = re.compile(rf"^(?:(?:SAE|model|weights?|repository) )?{WORD}s?$|^{WORD}d under$", re.IGNORECASE)
HEADED = re.compile(rf"^{WORD}(?: of the (?:SAEs?|weights))?$", re.IGNORECASE)
"""The heading over nothing but a name."""
VALUE = re.compile(rf"^(?:the )?{NAME}(?: {WORD}| \([^()]{{0,60}}\))?[.;]?$", re.IGNORECASE)
SAID = (
    re.compile(
        rf"\b(?:released|published|licen[cs]ed|available|distributed|used?|shared|provided|are|is) (?:\w+ ){{0,2}}?under (?:the |an? )?(?:terms of the )?{NAME}",
        re.IGNORECASE,
    ),
    re.compile(rf"(?<![\w-]){NAME}[- ]{WORD}d?\b", re.IGNORECASE),
    re.compile(rf"\b{WORD}d:? (?:as )?{NAME}", re.IGNORECASE),
)
ELSE = re.compile(
    r"\b(?:code|scripts?|library|package|base model|datasets?|data|corpus|pool|completions?|prompts?|text|figures|paper|GPT|llama|gemma|pythia|qwen|model's|original(?:ly)?|upstream|or|dual|except|unlike|not|other|both|respectively)\b",
    re.IGNORECASE,
)
"""Something else that has a licence of its own."""


def read(page: Page) -> Iterator[Claim]:
    """Each place that names one licence."""
    for line in page.prose:
        if line.of_others:
            continue
        cell = line.column(LABEL) if sae_in_row(line) else None
        headed = HEADED.match(line.heading) is not None and line.text != line.heading
        pair = ("license", cell) if cell else ("license", line.text) if headed else pair_of(line)
        if pair and LABEL.match(pair[0].strip(" *`")) and (match := VALUE.match(pair[1].strip(" *`"))):
            yield Licensed(line=line.number, quote=line.quote, name=match.group(1))
        elif not line.cells:
            yield from _said(line)
    for line in asides(page):
        yield from _said(line)


def _said(line: Line) -> Iterator[Licensed]:
    for sentence in line.sentences():
        if ELSE.search(sentence):
            continue
        names = {match.group(1) for pattern in SAID for match in pattern.finditer(sentence)}
        if len({plain(name) for name in names}) == 1:
            yield Licensed(line=line.number, quote=shortened(sentence), name=min(names))


def plain(name: str) -> str:
    """Equal for the spellings of one licence: `Apache License 2.0`, `apache-2.0`; of one without a version the beginning of one with it."""
    return re.sub(r"licen[cs]e|version|(?<![a-z])v(?=\d)|[^a-z0-9]", "", name.lower()).removesuffix(
        "0" if name.rstrip().endswith(".0") else "\0"
    )
