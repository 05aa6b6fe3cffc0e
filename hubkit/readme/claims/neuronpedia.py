"""That the SAEs can be looked at on Neuronpedia."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hubkit.readme.claims.kinds import Claim, ForNeuronpedia
from hubkit.readme.page import Page

SAID = re.compile(
    r"\bneuronpedia[- ](?:compatible|compliant|ready)\b|\bcompatible with (?:[\w./-]+,? (?:and |or )?){0,2}neuronpedia\b",
    re.IGNORECASE,
)
DENIED = re.compile(r"\b(?:not|no|never|non|without|yet to be)\b", re.IGNORECASE)


def read(page: Page) -> Iterator[Claim]:
    """Every line that calls the SAEs ready for Neuronpedia."""
    for line in page.lines:
        found = None if line.code else SAID.search(line.text)
        if found and not DENIED.search(line.text, 0, found.end()):
            yield ForNeuronpedia(line=line.number, quote=line.quote)
