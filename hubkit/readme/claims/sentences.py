"""What sentences state of the repository's SAEs: "All SAEs have 32k width", "this repository contains one JumpReLU SAE for GPT-2".

A sentence counts by its subject: all SAEs (perhaps all of one architecture), the one that there is, or the SAEs of "this repository". What compares,
excludes or gives several values is left alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from hubkit.readme.claims import values
from hubkit.readme.claims.kinds import Claim, Property
from hubkit.readme.claims.numbers import COUNT
from hubkit.readme.claims.properties import FIELDS
from hubkit.readme.page import Line, Page, shortened

I = re.IGNORECASE  # noqa: E741 - as short as it is common here
SAE = r"(?:SAEs?|sparse auto-?encoders?|auto-?encoders?)\b"
KIND = r"(?:batch[- ]?top-?k|top-?k|jump-?relu|gated|standard|vanilla|relu|matryoshka)"
ADJECTIVE = (
    rf"(?:{KIND}|trained|published|released|following|sparse|residual[- ]stream|per-layer|full|snap loss)"
)
ADJECTIVES = rf"((?:{ADJECTIVE}[ -]){{0,4}})"
QUANTIFIED = re.compile(
    rf"^(?:all|each|every|both)(?: of)?(?: (?:the|these|our|its))?(?: {COUNT})? {ADJECTIVES}{SAE}", I
)
DEFINITE = re.compile(
    rf"^(?:the|these|our) {ADJECTIVES}(?:SAEs|sparse auto-?encoders) (?:have|are|use|were|share)\b", I
)
CONTAINED = re.compile(
    rf"\bthis (?:repo(?:sitory)?|release|collection|model) (?:contains?|holds?|hosts?|has|includes?|provides?|is) "
    rf"(?:(?:a (?:set|suite|collection) of|the following|{COUNT}|an?|the) )?{ADJECTIVES}{SAE}", I,
)  # fmt: skip
SINGLE = re.compile(
    rf"^(?:(?:this|the|an?|one) |this is an? |we (?:train|trained|release|present) (?:an?|one) )?{ADJECTIVES}(?:SAE|sparse auto-?encoder)(?: \(SAE\))?\b(?!s| (?:by|from|in|of (?:the )?layer|at (?:the )?layer)\b)",
    I,
)
UNNAMED = re.compile(r"^(?:it (?:is|was) (?:specifically )?trained|trained (?:on|with|at))\b", I)
"""Of the one SAE, where there is one."""
PLURAL = re.compile(
    rf"^(?:{COUNT} )?{ADJECTIVES}(?:SAEs|sparse auto-?encoders)(?: \(SAEs?\))?(?= (?:trained |for |on |of |\((?:k|d_in|d_sae) ?=))",
    I,
)
ONE = re.compile(r"\b(?:contains?|holds?|hosts?|has|includes?|provides?|is) (?:an?|one|1|the) ", I)
UNSURE = re.compile(
    r"\b(?:or|either|except|unless|but|other|others|another|compared?|unlike|instead|rather|than|not|no|without|at (?:most|least|inference)|between|"
    r"varying|various|different|respectively|original(?:ly)?|previous(?:ly)?|initial(?:ly)?|warm|baselines?|vs|versus|beats?|if|would|could|should|"
    r"planned|missing|removed|failed|from \d+ to|up to)\b|n't\b", I,
)  # fmt: skip
"""A sentence that compares, excludes, or says what might be."""
NUMBER = rf"({values.AMOUNT})(?![\w^×%-]|\.\d)(?! ?[/–])(?!, \d)(?! and \d)"
FACTS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("d_sae", re.compile(rf"\b(?:have|has|with|of) (?:an? )?{NUMBER} (?:SAE |dictionary |hidden )?(?:width|(?:learned |sparse |dictionary |SAE )?(?:features|latents)(?! (?:are|were|is|fire|firing|active|alive|dead)))\b", I)),
    ("d_sae", re.compile(rf"\b(?:an? |have |has |with )(?:SAE |dictionary )?(?:width|dictionary size|dictionary)(?: of|:| =) {NUMBER}", I)),
    ("d_sae", re.compile(rf"\bd_sae ?= ?{NUMBER}", I)),
    ("d_in", re.compile(rf"\bd_in ?= ?{NUMBER}", I)),
    ("k", re.compile(rf"(?<![\w_-])k ?= ?{NUMBER}")),
    ("layer", re.compile(r"\b(?:on|at|from|of|after|in) layer (\d{1,3})\b(?! ?(?:to|and|,|–|-|/) ?\d)", I)),
    ("hook_name", re.compile(r"(?<![\w.])(blocks\.\d{1,3}\.(?:\w{1,20}\.)?hook_\w{1,30})(?![\w.]\w)")),
    ("context_size", re.compile(rf"\bcontext (?:(?:size|length|window) )?(?:of )?{NUMBER}", I)),
)  # fmt: skip
NESTED = re.compile(
    r"\bmatryoshka (?:layers|prefix(?:es)?|levels|groups|dictionaries) of (?:widths?|sizes?) (\d[\d, ]{0,80} and \d[\d,]{0,9})",
    I,
)
"""The widths of a Matryoshka SAE: the last is its own."""
MODEL = re.compile(
    rf"(?:{SAE}(?: \(SAEs?\))?(?: trained)? (?:for|on|of)|\btrained (?:on|for)|\bresidual stream (?:activations )?of|\bactivations (?:of|from)|\blayer \d{{1,3}} of) (?:the )?(?:residual stream (?:activations )?of |activations of )?([A-Za-z][\w./-]{{1,60}}(?: [\d][\w.]{{0,10}}| (?:small|medium|large|xl|it|base|instruct)\b){{0,2}})",
    I,
)
SIZED = re.compile(r"\d[mb](?![a-z])|gpt-?2|gpt-?j|neox|nanochat-d\d|phi-?\d", I)
"""In a sentence only a name with a size is surely a model's: not "Qwen outputs", not a dataset of a model's owner."""
INTRODUCED = (
    re.compile(
        r"^(?:\d{1,2} (?:SAE )?architectures?:?.{0,60}?|architecture\W{1,3})TopK(?: SAEs?)? \(k\s?=\s?(?P<k>\d{1,5})\)",
        I,
    ),
    re.compile(r"^TopK \(k=(?P<k>\d{1,5})\) sparse autoencoders? trained", I),
)
"""Numbers in brackets behind what they are the numbers of."""
ONE_BASED = re.compile(
    r"count(?:ing|ed) from (?:one|1)\b|\b(?:1|one)[- ](?:based|indexed)|\bstart(?:s|ing)? (?:at|from|with) (?:layer )?(?:1|one)\b",
    I,
)
SECTIONS = {"contents", "training", "other"}


@dataclass(frozen=True)
class Subject:
    """Of which SAEs a sentence speaks."""

    scope: Literal["any", "all", "one"]
    adjectives: str
    end: int
    only: str | None = None


def read(page: Page) -> Iterator[Claim]:
    """Every property that a sentence states."""
    counted = ONE_BASED.search(page.readme.text) is not None
    for line in page.prose:
        yield from _introduced(line)
        if line.cells or line.of_others:
            continue
        for sentence in line.sentences():
            for claim in _sentence(line, sentence[:600]):
                if not (counted and claim.field in {"layer", "hook_name"}):
                    yield claim


def _introduced(line: Line) -> Iterator[Claim]:
    for pattern in INTRODUCED:
        if match := pattern.search(line.text[:1000]):
            for name, number in match.groupdict().items():
                yield Property(
                    line=line.number, quote=line.quote, field=name, stated=values.amount(number), scope="any"
                )
            return


def subject(sentence: str, *, introducing: bool) -> Subject | None:
    """Of which SAEs it speaks, where that can be told; "this SAE" and "TopK SAEs" only where the card introduces its SAEs."""
    if match := QUANTIFIED.match(sentence) or DEFINITE.match(sentence):
        kinds = FIELDS["architecture"].kind.read(match.group(1)) or []
        return Subject("all", "", match.end(1), *kinds) if len(kinds) < 2 else None
    if match := CONTAINED.search(sentence):
        several = match.group().lower().endswith("s") or ONE.search(match.group()) is None
        return Subject("all" if several else "one", match.group(1), match.end(1))
    if introducing and (match := SINGLE.match(sentence)):
        return Subject("one", match.group(1), match.end(1))
    if introducing and (match := PLURAL.match(sentence)):
        return Subject("any", match.group(1), match.end(1))
    if introducing and UNNAMED.match(sentence):
        return Subject("one", "", 0)
    return None


def _sentence(line: Line, sentence: str) -> Iterator[Property]:
    about = subject(sentence, introducing=line.section in SECTIONS)
    if about is None or UNSURE.search(sentence):
        return
    found: dict[str, values.Value] = {}
    kinds = FIELDS["architecture"].kind.read(about.adjectives)
    if kinds and FIELDS["architecture"].kind.read(sentence) == kinds:
        found["architecture"] = kinds
    if (
        (match := MODEL.search(sentence))
        and SIZED.search(name := match.group(1).rstrip("."))
        and values.is_foundry(name)
    ):
        found["model_name"] = name
    for name, pattern in FACTS:
        numbers = [match.group(1) for match in pattern.finditer(sentence, about.end)]
        stated = {str(FIELDS[name].kind.read(number)): FIELDS[name].kind.read(number) for number in numbers}
        if len(stated) == 1:
            found.setdefault(name, stated.popitem()[1])
    if match := NESTED.search(sentence):
        found["d_sae"] = values.amount(re.findall(r"\d{1,3}(?:,\d{3})+|\d+", match.group(1))[-1])
    for name, value in found.items():
        if value is not None:
            yield Property(
                line=line.number, quote=shortened(sentence), field=name, stated=value,
                scope="any" if name == "model_name" else about.scope, only=about.only,
            )  # fmt: skip
