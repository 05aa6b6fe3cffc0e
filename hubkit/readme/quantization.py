"""Where a card says that its activations came from a quantized model."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hubkit.readme.prose import prose_lines

if TYPE_CHECKING:
    from hubkit.readme.document import Readme

QUANTIZED = re.compile(
    r"\b(?:4|8)[- ]?bits?\b|\bint[48]\b|\bnf4\b|\bbitsandbytes\b|\bbnb\b|\bGPTQ\b|\bAWQ\b|\bquanti[sz](?:ed|ation)\b",
    re.IGNORECASE,
)
ACTIVATIONS = re.compile(
    r"\b(?:activations?|extracted|collected|captured|harvested|inference|base model|the model|loaded in)\b",
    re.IGNORECASE,
)
OTHERWISE = re.compile(
    r"\b(?:no|not|never|without|un|non)[- ]?(?:\w+[- ]){0,3}?(?:quanti|4|8|int|bnb|nf4)|full[- ]precision|unquantized|"
    r"\b(?:SAE|weights?|file|codebook|version)s?\b[^.]{0,20}\b(?:are|is|were|was)\b[^.]{0,20}quanti",
    re.IGNORECASE,
)
LONGEST = 160


@dataclass(frozen=True)
class Quote:
    """A sentence of the card and the line it begins on."""

    text: str
    line: int


def says_quantized(readme: Readme) -> Quote | None:
    """The first sentence that says it, or None. Sentences that deny it, and those about the SAE's own weights, are left alone."""
    if not QUANTIZED.search(readme.text):
        return None
    for number, line in prose_lines(readme):
        for sentence in re.split(r"(?<=[.!?])\s+", line):
            if QUANTIZED.search(sentence) and ACTIVATIONS.search(sentence) and not OTHERWISE.search(sentence):
                return Quote(sentence.strip("#|*- ")[:LONGEST], number)
    return None
