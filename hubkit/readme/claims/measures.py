"""Measured numbers outside tables of SAEs: rows, items and sentences, `Mean L0: 61`, "the SAE explains 95% of the variance".

What each measure is called is beside its declaration (`hubkit.measures`). A number with the words of a comparison, a baseline or another text is left alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from hubkit.measures.catalogue import CATALOGUE
from hubkit.readme.asides import asides
from hubkit.readme.claims.beside import ITEM, NAME
from hubkit.readme.claims.columns import is_columns
from hubkit.readme.claims.kinds import Claim, Measured
from hubkit.readme.claims.names import sae_in_row, sae_of
from hubkit.readme.claims.numbers import decimals, half_unit
from hubkit.readme.claims.properties import pair_of, title_facts
from hubkit.readme.claims.subjects import ASIDE, UNSURE
from hubkit.readme.page import Line, Page, shortened

I = re.IGNORECASE  # noqa: E741 - as short as it is common here
N = r"(?<![\w.,-])(-?\d{1,7}(?:\.\d{1,10})?)(?: ?(?P<sign>[-–—]|to|\.\.\.?|±|\+/-) ?(-?\d{1,7}(?:\.\d{1,10})?))?(?![\w^×x]|[.,]\d| ?/) ?(?P<percent>%|percent\b)?"
VALUE = re.compile(
    rf"~?{N}(?: (?:active )?(?:latents|features|tokens)(?: per token)?)?(?: ?\([^()]{{0,80}}\))?[.;]?", I
)
LINK = r"(?: score)?(?: \([\w ,-]{1,30}\))?(?:,? (?:of|is|was|at|equals|averages|reaches|being|around|about|=)(?: (?:about|around|roughly|approximately))?| ?[:=→(]|) ?~?"
BEFORE = r"(?<![\w.-])(?<!target )(?<!TopK )(?<!to )(?<!no )"
TITLES = {
    one.name: re.compile(f"(?:{one.columns_elsewhere})(?: [\\[(].{{0,40}}[\\])])?", I)
    for one in CATALOGUE.values()
    if one.columns_elsewhere
}
SAID = tuple(
    (one.name, re.compile(pattern, I))
    for one in CATALOGUE.values()
    if one.columns_elsewhere
    for pattern in (
        rf"{BEFORE}(?:{one.columns_elsewhere.replace('|EV|', '|').replace('|VE|', '|')}){LINK}{N}",
        *(rf"{BEFORE}{said.replace('{n}', N)}" for said in one.sentences_elsewhere),
    )
)
"""In sentences the short names EV and VE may be anything's."""
ELSEWHERE = re.compile(
    r"\b(?:will|plans?|future|et al|arxiv|e\.g|for example|for instance|such as|suppose|typical(?:ly)?|usually|in general|their|existing|prior|popular|scope|openai|anthropic|deepmind|"
    r"ablat\w+|patch\w*|steer\w*|compar\w+|contrast|probe\w*|raw|PCA|random(?:ly)?|baselines?|control|smaller|larger|wider|bigger|also|whereas|although|related|fine-?tun\w+|target\w*|aim\w*|goal|"
    r"drop\w*|improv\w*|increas\w*|decreas\w*|reduc\w*|gain\w*|differ\w*|recommend\w*|you|your|published|paper|per layer|by layer|median|minimum|maximum|min|max|lowest|highest|best|peak|chance|worst|ratio|delta|loss)\b|"
    r"\[\d{1,3}\]|\(\d{4}[a-z]?\)|\?$|(?<![A-Za-z])[<>≤≥]|\blayers? \d",
    I,
)
"""A number in a sentence with one of these may be of something else."""
OF_ROWS = re.compile(r"\b(?:train\w*|test|held[- ]out|validation|unseen|tokens|on|dataset)\b", I)
"""Which rows it was taken on: perhaps others than the file's."""


def read(page: Page) -> Iterator[Claim]:
    """Every number of a measure outside the tables that `scores` reads."""
    for line in (*title_facts(page), *page.prose):
        if line.of_others or ASIDE.search(line.heading) or ELSEWHERE.search(line.heading):
            continue
        labelled = list(_labelled(line))
        yield from labelled
        if not labelled and not line.cells:
            yield from _sentences(line)
    for line in asides(page):
        if not line.of_others:
            yield from _said(line, line.text, None)


def _labelled(line: Line) -> Iterator[Measured]:
    """A row of two cells, an item, a key in bold; or a row of a table whose only columns are measures."""
    if sae_in_row(line):
        return
    if line.titles and is_columns(line.titles):
        yield from _columns(line)
        return
    pair = pair_of(line)
    if pair and (match := VALUE.fullmatch(pair[1].strip(" *`"))):
        for name, title in TITLES.items():
            if title.fullmatch(pair[0].strip(" *`:")):
                yield _measured(
                    line, line.quote, name, match, None, unsure=OF_ROWS.search(line.text) is not None
                )


def _columns(line: Line) -> Iterator[Measured]:
    """The measures of a row beside the fields of its SAE, which it does not name."""
    for title, cell in zip(line.titles, line.cells, strict=False):
        match = VALUE.fullmatch(cell.strip(" *`"))
        for name, words in TITLES.items() if match else ():
            if match and words.fullmatch(title.strip(" *`")):
                yield _measured(line, line.quote, name, match, None, unsure=True)


def _sentences(line: Line) -> Iterator[Measured]:
    item = ITEM.match(line.text) if line.bullet else None
    if item and NAME.search(item.group(1)):
        yield from _said(line, item.group(2), sae_of(item.group(1)))
        return
    for sentence in line.sentences():
        yield from _said(line, sentence, None)


def _said(line: Line, text: str, sae_id: str | None) -> Iterator[Measured]:
    if UNSURE.search(text) or ELSEWHERE.search(text):
        return
    found: dict[str, list[Measured]] = {}
    for name, pattern in SAID:
        for match in pattern.finditer(text):
            claim = _measured(line, shortened(text), name, match, sae_id, unsure=sae_id is None)
            if all(claim.number != one.number for one in found.setdefault(name, [])):
                found[name].append(claim)
    yield from (claims[0] for claims in found.values() if len(claims) == 1)


def _measured(
    line: Line, quote: str, name: str, match: re.Match[str], sae_id: str | None, *, unsure: bool
) -> Measured:
    """The number with what its rounding can hide; of a range its middle and half its width."""
    first, second, sign = match.group(1), match.group(3), match.group("sign")
    scale = 0.01 if match.group("percent") else 1.0
    number, slack = float(first), half_unit(decimals(first))
    if second and sign in ("±", "+/-"):
        slack += float(second)
    elif second:
        number, slack = (
            (number + float(second)) / 2,
            abs(float(second) - number) / 2 + half_unit(decimals(second)),
        )
    return Measured(
        line=line.number, quote=quote, sae_id=sae_id, measure=name, number=number * scale, slack=slack * scale, unsure=unsure
    )  # fmt: skip
