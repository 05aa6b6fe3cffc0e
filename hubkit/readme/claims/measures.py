"""Measured numbers outside tables of SAEs: rows, items and sentences, `Mean L0: 61`, "the SAE explains 95% of the variance".

What each measure is called is beside its declaration (`hubkit.measures`). A number with the words of a comparison, a baseline or another text is left alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from hubkit.readme.asides import asides
from hubkit.readme.claims.beside import ITEM, NAME
from hubkit.readme.claims.called import CALLED, Called
from hubkit.readme.claims.columns import is_columns
from hubkit.readme.claims.kinds import Claim, Measured
from hubkit.readme.claims.names import sae_in_row, sae_of
from hubkit.readme.claims.properties import pair_of, title_facts
from hubkit.readme.claims.subjects import ASIDE, UNSURE
from hubkit.readme.page import Line, Page, shortened

I = re.IGNORECASE  # noqa: E741 - as short as it is common here
N = r"(?<![\w.,-])(-?\d{1,7}(?:\.\d{1,10})?)(?: ?(?P<sign>[-–—]|to|\.\.\.?|±|\+/-) ?(-?\d{1,7}(?:\.\d{1,10})?))?(?![\w^×x]|[.,]\d| ?/) ?(?P<percent>%|percent\b)?"
VALUE = re.compile(
    rf"~?{N}(?: (?:active )?(?:latents|features|tokens)(?: per token)?)?(?: ?\([^()]{{0,80}}\))?[.;]?", I
)
SHARE_OF = re.compile(r"(?P<part>\d[\d,]{0,11}) ?/ ?(?P<whole>\d[\d,]{0,11})(?: ?\([^()]{0,80}\))?[.;]?")
"""`3362 / 8192`, of the latents."""
LINK = r"(?: score)?(?: \([\w ,-]{1,30}\))?(?: on (?:the )?(?:held[- ]out|test|validation|unseen|evaluation)(?: set| data| tokens| split| rows| activations)?)?(?:,? (?:of|is|was|at|equals|averages|reaches|being|around|about|=)(?: (?:about|around|roughly|approximately))?| ?[:=→≈(]|) ?[~≈]?"
BEFORE = r"(?<![\w.-])(?<!target )(?<!TopK )(?<!to )(?<!no )"
TITLES = tuple((one, re.compile(f"(?:{one.title})(?: [\\[(].{{0,40}}[\\])])?", I)) for one in CALLED)
SAID = tuple(
    (one, re.compile(pattern, I))
    for one in CALLED
    for pattern in (
        rf"{BEFORE}(?:{one.title_in_sentences}){LINK}{N}",
        *(rf"{BEFORE}{said.replace('{n}', N)}" for said in one.sentences),
    )
)
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


OF_MANY = re.compile(
    r"\d ?(?:[kKMB]|thousand|million|billion)? (?:tokens|rows|samples|activations|prompts|documents|sequences)\b",
    I,
)
"""How many rows were asked: how many latents are dead, or alive, depends on it."""


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
    if pair:
        unsure = OF_ROWS.search(line.text) is not None
        yield from _titled(line, pair[0].strip(" *`:"), pair[1].strip(" *`"), unsure=unsure)


def _columns(line: Line) -> Iterator[Measured]:
    """The measures of a row beside the fields of its SAE, which it does not name."""
    for title, cell in zip(line.titles, line.cells, strict=False):
        yield from _titled(line, title.strip(" *`"), cell.strip(" *`"), unsure=True)


def _titled(line: Line, title: str, cell: str, *, unsure: bool) -> Iterator[Measured]:
    match = VALUE.fullmatch(cell) or SHARE_OF.fullmatch(cell)
    for called, words in TITLES if match else ():
        if match and words.fullmatch(title):
            yield from _measured(line, line.quote, called, match, None, unsure=unsure)


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
    for called, pattern in SAID:
        for match in pattern.finditer(text):
            for claim in _measured(line, shortened(text), called, match, sae_id, unsure=sae_id is None):
                if all(claim.number != one.number for one in found.setdefault(called.measure, [])):
                    found[called.measure].append(claim)
    yield from (claims[0] for claims in found.values() if len(claims) == 1)


def _measured(
    line: Line, quote: str, called: Called, match: re.Match[str], sae_id: str | None, *, unsure: bool
) -> Iterator[Measured]:
    """The number with what its rounding can hide; of a range its middle and half its width; of `3362 / 8192` the share."""
    if called.loosely and OF_MANY.search(quote):
        return
    parts = match.groupdict()
    if whole := parts.get("whole"):
        yield from _of_whole(line, quote, called, parts["part"], whole)
        return
    first, second, sign = match.group(1), match.group(3), match.group("sign")
    percent = bool(parts["percent"])
    if (read := called.number(first, percent=percent)) is None:
        return
    number, slack = read
    if second and (other := called.number(second, percent=percent)):
        if sign in ("±", "+/-"):
            slack += abs(other[0] - called.rest)
        else:
            number, slack = (number + other[0]) / 2, abs(other[0] - number) / 2 + other[1]
    yield Measured(
        line=line.number, quote=quote, sae_id=sae_id, measure=called.measure, number=number, slack=slack, unsure=unsure or called.loosely,
        written=tuple(float(one) for one in (first, second) if one) if called.rest else (),
    )  # fmt: skip


def _of_whole(line: Line, quote: str, called: Called, part: str, whole: str) -> Iterator[Measured]:
    """`3362 / 8192`: a share of the latents."""
    written = (float(part.replace(",", "")), float(whole.replace(",", "")))
    if called.share and 0 < written[1] >= written[0]:
        number = written[0] / written[1]
        yield Measured(
            line=line.number, quote=quote, sae_id=None, measure=called.measure, number=1 - number if called.rest else number, slack=0.5 / written[1],
            unsure=True, written=written,
        )  # fmt: skip
