"""Products and sums that a card writes out, what it says is still missing, and how many thresholds it says never learned."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hubkit.readme.claims.kinds import Claim, Done, Product, Sum, Unlearned
from hubkit.readme.page import Line, Page

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
