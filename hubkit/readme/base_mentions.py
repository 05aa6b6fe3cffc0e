"""Where a card says, in words, which base model its SAEs are of: the title, a row or a line `Base model: ...`, a sentence about what they were trained on.

A closed grammar: a model that is named anywhere else, in a comparison, or as the author of a text, says nothing about the SAEs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from hubkit.models.mentions import MENTION, mentions
from hubkit.models.names import HUB_ID
from hubkit.readme.front_texts import front_texts

if TYPE_CHECKING:
    from hubkit.readme.page import Line, Page

Where = Literal["title", "property", "sentence"]
KEY = re.compile(
    r"(?:(?:base|target|subject|source|host|underlying|backbone|trained on|language) ?(?:language )?(?:model|llm)|llm|base|hf model|huggingface model)(?: (?:name|id))?",
    re.IGNORECASE,
)
LINE = re.compile(
    r"(?:(?:the|our) )?(?P<key>[A-Za-z ]{3,40}?)(?:\s*[:|=→]\s*| is )(?P<value>\S.*)", re.IGNORECASE
)
CLAIM = re.compile(
    r"(?:\b(?:trained|fitted|learned|learnt) (?:up)?on|\b(?:SAEs?|autoencoders?|transcoders?|crosscoders?)(?: \([^()]{0,60}\))? (?:for|of|on)|"
    r"\bactivations? (?:of|from|in)|\b(?:residual[- ]stream|hidden states?|layers? \d[\d, and–-]{0,40}) (?:of|from|in))"
    r"(?:[ ,]+(?:the|an?|all|every|each|residual[- ]stream|residual|mlp|attention|hidden|stream|activations?|outputs?|states?|layers?|blocks?|of|from|in|and|\d{1,3}|base|model|"
    r"language|open|small|pretrained|instruction-tuned))*[ ,]*[\"'(]?$",
    re.IGNORECASE,
)
"""What stands directly before the model that the SAEs are of."""
ELSEWHERE = re.compile(
    r"\b(?:compar\w+|unlike|previous\w*|prior|earlier|other|others|another|also|baseline\w*|official|existing|related|future|instead|whereas|scope|transfer\w*|similar\w*|"
    r"(?:we|that|which) follow\w*|their|they|et al|not|never|than|original\w*|e\.g|such as|cf|as in|vs|versus|like|initiali[sz]ed|evaluated|tested|would|could|might|expect\w*|suppos\w*|hypothe\w*|used by|work|paper|license|licen[cs]ed)\b",
    re.IGNORECASE,
)
"""A sentence with one of these may speak of somebody else's SAEs."""
NOT_HERE = re.compile(
    r"\b(?:related|comparison|transfer|acknowledg|reference|cit(?:e|ation|ing)|prior|background|see also|licen[cs]e)",
    re.IGNORECASE,
)
MOST = 3_000
"""Lines that are looked at."""


@dataclass(frozen=True, slots=True)
class Mention:
    """What one place of a card calls the base model: several names where it gives several."""

    where: Where
    names: tuple[str, ...]
    line: int
    quote: str
    exact: bool = False
    """Written as an id of the Hub."""


def base_mentions(page: Page) -> Iterator[Mention]:
    """Every such place, in the order of the lines."""
    for line in front_texts(page):
        if line.level:
            yield from _title(line)
    titled = False
    for line in page.prose[:MOST]:
        if not titled and line.raw.startswith("# "):
            titled = True
            yield from _title(line)
        elif NOT_HERE.search(line.heading) or line.section in {"citation", "limitations"}:
            continue
        elif (found := _property(line)) is not None:
            yield found
        elif not line.cells:
            yield from _sentences(line)


def _title(line: Line) -> Iterator[Mention]:
    names = () if ELSEWHERE.search(line.text) else tuple(mentions(line.text))
    if names:
        yield Mention("title", names, line.number, line.quote)


def _property(line: Line) -> Mention | None:
    """`| Base model | gpt2 |`, `- **Base model:** gpt2`."""
    match = LINE.fullmatch(line.text[:400])
    if (
        match is None
        or (line.cells and len(line.cells) != 2)
        or not KEY.fullmatch(match.group("key").strip())
    ):
        return None
    value = match.group("value").strip()
    if ELSEWHERE.search(value):
        return None
    first = re.split(r"[\s,;(]", value, maxsplit=1)[0].strip("`*.")
    exact = HUB_ID.fullmatch(first) is not None
    names = (first,) if exact else tuple(mentions(value))
    return Mention("property", names, line.number, line.quote, exact) if names else None


def _sentences(line: Line) -> Iterator[Mention]:
    for sentence in line.sentences():
        if ELSEWHERE.search(sentence):
            continue
        claimed = [
            match.group() for match in MENTION.finditer(sentence) if CLAIM.search(sentence[: match.start()])
        ]
        names = mentions(sentence)
        if any(name in {one.rstrip(".-_") for one in claimed} for name in names):
            yield Mention("sentence", tuple(names), line.number, line.quote)
