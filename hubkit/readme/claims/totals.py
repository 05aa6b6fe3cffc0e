"""Products and sums that a card writes out, what it says is still missing, and how many thresholds it says never learned, and that they were."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hubkit.readme.claims.kinds import Claim, Done, Learned, Product, Sum, Unlearned
from hubkit.readme.claims.phrases import ONE_LAYER
from hubkit.readme.claims.sentences import LONGEST_READ, paragraphs
from hubkit.readme.claims.subjects import GENERIC
from hubkit.readme.page import SENTENCE, Line, Page, shortened

FACTOR = r"(\d{1,3})(?: [a-z]{2,15})?"
PRODUCT = re.compile(
    rf"(?<![\w.×x*=]){FACTOR} ?[x×*] ?{FACTOR}(?: ?[x×*] ?{FACTOR})? ?= ?(\d{{1,6}}) (?:SAEs?|sparse|in total|total)",
    re.IGNORECASE,
)
DONE = re.compile(r"\b(\d{1,5})/(\d{1,5}) (?:complete|trained|done|finished)\b", re.IGNORECASE)
UNLEARNED = re.compile(
    r"threshold(?:s)? (?:was |were )?(?:not|never) learn(?:ed|t)\s*\(\s*(?:original |all )?(\d{1,6}) SAEs?\)",
    re.IGNORECASE,
)
UNLEARNED_ALL = re.compile(
    r"\bAll (?:non-STE )?SAEs in this (?:repo|repository|release) have threshold\s*=\s*0\b", re.IGNORECASE
)
WAS_LEARNED = r"(?:learned|learnt|trained|optimi[sz]ed)"
EACH = r"(?:(?:its|their|the|an?|own|per-(?:latent|feature|unit)|individual|separate|all|JumpReLU|activation) ){0,4}"
LEARNED = re.compile(
    rf"\b(?:learned|learnt) {EACH}thresholds?\b|\blearns? {EACH}thresholds?\b|\bthresholds?\b(?: (?:vectors?|values?))?(?: (?:of|in|for) [\w ,-]{{1,60}}?)? "
    rf"(?:(?:was|were|is|are|have|has|been|being|all|both|each|successfully|properly|fully|jointly|indeed|actually) ){{1,4}}{WAS_LEARNED}\b(?! (?:on|at|to)\b)",
    re.IGNORECASE,
)
NOT_LEARNED = re.compile(
    r"\b(?:not|no|never|none|without|neither|nor|unlearned|fail\w*|zero|fixed|stuck|constant|if|should|would|could|will|plan\w*|unlike|instead|whether|supposed|meant|intended|claim\w*|however|but|except|only|some|other|others|previous\w*|earlier|future|in general|et al)\b|n['\u2019]t\b|= ?0\b|\?$",
    re.IGNORECASE,
)
"""A sentence that denies it, doubts it, or speaks of other SAEs."""
CONDITION_SIZES = re.compile(r"\b(\w{1,60}) \((all )?n=(\d{1,7})\)")


def read(page: Page) -> Iterator[Claim]:
    """Every product, sum and remainder."""
    for line in page.prose:
        for match in PRODUCT.finditer(line.text):
            factors = tuple(int(text) for text in match.groups()[:3] if text)
            yield Product(line=line.number, quote=line.quote, factors=factors, result=int(match.group(4)))
        if done := DONE.search(line.text):
            yield Done(
                line=line.number, quote=line.quote, done=int(done.group(1)), planned=int(done.group(2))
            )
        yield from _unlearned(line)
        yield from _condition_sizes(line)
    yield from _learned(page)


def _learned(page: Page) -> Iterator[Learned]:
    """In sentences, wherever they are wrapped, and in rows: `| Threshold | learned |`."""
    for lines in (*paragraphs(page), *([line] for line in page.prose if line.cells and not line.of_others)):
        for sentence in SENTENCE.split(" ".join(line.text for line in lines)):
            text = (
                sentence[:LONGEST_READ].replace(" | ", " is ") if lines[0].cells else sentence[:LONGEST_READ]
            )
            if LEARNED.search(text) and not NOT_LEARNED.search(text) and not GENERIC.match(text):
                named = {int(found) for found in ONE_LAYER.findall(text) if found.isdecimal()}
                line = next(
                    (one for one in lines if re.search("threshold", one.text, re.IGNORECASE)), lines[0]
                )
                yield Learned(
                    line=line.number,
                    quote=shortened(sentence) if sentence in line.text else line.quote,
                    layer=min(named) if len(named) == 1 else None,
                )


def _unlearned(line: Line) -> Iterator[Claim]:
    if match := UNLEARNED.search(line.text):
        yield Unlearned(line=line.number, quote=line.quote, number=int(match.group(1)))
    elif UNLEARNED_ALL.search(line.text):
        yield Unlearned(line=line.number, quote=line.quote, number=None)


def _condition_sizes(line: Line) -> Iterator[Claim]:
    """`mixed (all n=1327), deceptive_only (n=650), honest_only (n=677)`: all is the sum of the others."""
    sizes = CONDITION_SIZES.findall(line.text)
    if len(sizes) > 2 and sum(bool(whole) for _, whole, _ in sizes) == 1:
        total = next(int(number) for _, whole, number in sizes if whole)
        parts = tuple((int(number), name) for name, whole, number in sizes if not whole)
        yield Sum(line=line.number, quote=line.quote, total=total, parts=parts)
