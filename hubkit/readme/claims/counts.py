"""Counts of SAEs, architectures and conditions, and the parts that a count of SAEs is made of.

A count is a claim about the repository only where it stands at the head of a line, or as what "this repository contains":
"14 of 30 SAEs", "18 STE SAEs total" and "9 SAEs per layer" count something else and are left alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from hubkit.readme.claims.fields import FIELDS
from hubkit.readme.claims.kinds import Claim, Count, OfStudy, StudyCount, StudyTotal, Sum
from hubkit.readme.claims.numbers import COUNT, count
from hubkit.readme.page import Line, Page, shortened

I = re.IGNORECASE  # noqa: E741 - as short as it is common here
SAES = r"(?:sparse auto-?encoders?(?:\(s\))?(?: \(SAEs?\))?|SAEs?(?:\(s\))?)"
KIND = r"(?:(?:trained|matryoshka|batch|top-?k|jump-?relu|gated|standard|vanilla|relu|batchtopk|per-layer|total|residual[- ]stream)[ -]){0,3}"
ARCHITECTURE = r"(?:batch-?top-?k|top-?k|jump-?relu|gated|standard)"
FOLLOWED = r"(?=$|\s*[(:,.—–|]|\s+-\s|\s+[^\w\s]|\s+(?:across|trained|for|on|of|from|covering|spanning)\b)"
FEW = {"a single": 1, "only one": 1, "just one": 1, "a pair of": 2, "a dozen": 12}
SOME = rf"(?:{COUNT}|{'|'.join(FEW)})"
PART_OF = re.compile(
    rf"^{SOME} {KIND}{SAES} (?:of|in|from|at|on|for) (?:(?:this|the|our|these) (?:whole )?(?:repo|repository|release|collection|set|suite|study)|(?:layers?|blocks?) \d{{1,3}})\b"
    r"(?! ?(?:$|[(:,.;—–|+]|\s-\s))", I,
)  # fmt: skip
"""`Two SAEs of this release lie in the second half`: what is said of some of them is no total."""
ARE = re.compile(
    rf"^{SOME} {SAES} (?:of|in) (?:this|the|our) (?:repo|repository|release|collection) are ({ARCHITECTURE}(?:[ -]{ARCHITECTURE})?)(?: {SAES})?(?=[.,;]|$)", I
)  # fmt: skip
HERE = r"(?:(?:in|of) th(?:is|e) (?:repo|repository|release|collection)|here)\b"
HEAD = re.compile(rf"^({COUNT}) {KIND}{SAES}{FOLLOWED}", I)
PUBLISHED = re.compile(
    rf"^(?:we|i) (?:publish|release|share|upload|provide)(?:ed|d)? ({SOME}) {KIND}{SAES}{FOLLOWED}", I
)
ONLY = re.compile(
    rf"\bthe (?:one|only|single) {KIND}{SAES}(?: that (?:is|there is))? {HERE}|^the (?:one|single) {KIND}{SAES} (?:is|has|was|reads|sits)\b",
    I,
)
BOTH = re.compile(rf"^both (?:of )?(?:the |our |these )?{KIND}{SAES} (?:are|have|were|use|read)\b", I)
TWO = re.compile(r"\b(?:two|2|pairs?|couple)\b", I)
CONTAINS = re.compile(
    rf"\bth(?:is|e) (?:repo|repository|release|collection)(?: now)? (?:contains?|holds?|has|includes?|provides?|consists of) "
    rf"(?:a (?:set|suite|total|collection) of )?({SOME}) {KIND}{SAES}", I,
)  # fmt: skip
THERE = re.compile(
    rf"^there (?:is|are) ({SOME}) {KIND}{SAES} {HERE}",
    I,
)
IN_TABLE = re.compile(r"^(?:total |number of |# ?(?:of )?)?SAEs?(?: count)? \| (\d{1,6})$", I)
OTHERWISE = re.compile(
    r"\bSAEs? of the (?:original|first|earlier)\b|\bper (?:\w+ )?(?:layer|architecture|model|condition|hook)|\beach\b|fail|exclud|not trained|broken|remov|beat|outperform|STE-fixed|missing|retrained", I
)  # fmt: skip
"""What else a number of SAEs may be the number of."""
ONE_PER = re.compile(r"\b(?:one|1) (?:per|for each) (?:\w+ )?\w+", I)
"""Of a total: "12 SAEs, one per layer"."""
PAREN = re.compile(r"\([^()]{0,200}\)")
INSIDE = re.compile(r"^\s*\(([^()]{1,1500})\)")
INTRODUCED = re.compile(r"\s*(?:[:—–-]|[^\w\s]{1,4}\s?\d)")
PART = re.compile(r"^~?(\d{1,6}) +([A-Za-z][\w-]*(?: [\w-]+){0,2})$")
STUDY = (
    re.compile(rf"\b(?P<models>{COUNT}) (?:language )?models?, (?P<saes>{COUNT}) (?:total )?SAEs?\b", I),
    re.compile(rf"\b(?P<saes>{COUNT}) SAEs?, (?P<models>{COUNT}) (?:language )?models?\b", I),
    re.compile(
        rf"^(?P<saes>{COUNT}) {SAES}\b[^.]{{0,120}}? across (?P<models>{COUNT}) (?:language )?models?\b", I
    ),
)
MEMBERS: dict[OfStudy, str] = {
    "releases": r"(?:releases|repositories|repos)",
    "models": r"(?:(?:base|language|different) ){0,2}models",
    "saes": SAES,
}
IN_STUDY = tuple(
    (what, re.compile(pattern, I))
    for what, members in MEMBERS.items()
    for pattern in (
        rf"\b(?:this|the|our) study (?:now )?(?:contains?|has|comprises|covers?|includes?|consists of|spans) (?:a total of )?({COUNT}) (?:{KIND}){members}\b",
        rf"\b({COUNT}) (?:{KIND}){members} (?:in|of|make up|form) (?:this|the|our) (?:whole )?study\b",
        *([] if what == "saes" else [rf"^({COUNT}) {members}{FOLLOWED}", rf"\b(?:across|over) (?:all )?({COUNT}) {members}\b"]),
    )
)  # fmt: skip
ARCHITECTURES = re.compile(rf"^({COUNT}) (?:SAE )?architectures?\b:?\s*(.{{0,300}})$", I)
CONDITIONS = re.compile(
    rf"^({COUNT}) (?:training |data )?conditions?\b(?: per layer)?(?: per architecture)?(:?)\s*(.{{0,300}})$",
    I,
)
ITEM = re.compile(r"[\w.+-]+(?: [\w-]+)?")
WRAPPED = re.compile(r"\s[-—–]\s")


def read(page: Page) -> Iterator[Claim]:
    """Every count of a card, but those of layers."""
    lines = page.prose
    two = TWO.search(page.readme.text) is not None
    for at, line in enumerate(lines):
        for sentence in line.sentences():
            yield from _saes(line, sentence)
            yield from _implied(line, sentence, two=two)
            yield from _architectures(line, sentence)
            yield from _conditions(line, sentence, lines[at + 1] if at + 1 < len(lines) else None)
            yield from _in_study(line, sentence)
        yield from _study(line)


def _saes(line: Line, sentence: str) -> Iterator[Claim]:
    match = (
        HEAD.match(sentence)
        or CONTAINS.search(sentence)
        or THERE.match(sentence)
        or PUBLISHED.match(sentence)
        or IN_TABLE.match(sentence)
    )
    if match is None or _otherwise(sentence):
        return
    said = match.group(1).lower()
    number, quote = FEW[said] if said in FEW else count(said), shortened(sentence)
    only = _kinds(match.group())
    if PART_OF.match(sentence):
        if named := _are(sentence):
            yield Count(line=line.number, quote=quote, what="saes", number=number, only=named)
        return
    yield Count(line=line.number, quote=quote, what="saes", number=number, only=only)
    if parts := _parts(sentence[match.end() :]):
        yield Sum(line=line.number, quote=quote, total=number, parts=parts)


def _kinds(words: str) -> tuple[str, ...]:
    """The names of the one architecture that the words name."""
    kinds = FIELDS["architecture"].kind.read(words)
    return (*kinds[:1],) if kinds else ()


def _are(sentence: str) -> tuple[str, ...]:
    """Of which architecture some SAEs are said to be: `Two SAEs of this release are TopK SAEs`, `Two TopK SAEs of this release ...` counts no more than those."""
    match = ARE.match(sentence)
    return _kinds(match.group(1)) if match else ()


def _otherwise(sentence: str) -> bool:
    return OTHERWISE.search(ONE_PER.sub("", sentence)) is not None


def _implied(line: Line, sentence: str, *, two: bool) -> Iterator[Claim]:
    """ "The one SAE in this repository", "both SAEs": a number by the way. Where the card has `two` of something, "both" may be of those."""
    if line.of_others or _otherwise(sentence):
        return
    if ONLY.search(sentence) or (BOTH.match(sentence) and not two):
        number = 1 if ONLY.search(sentence) else 2
        yield Count(line=line.number, quote=shortened(sentence), what="saes", number=number)


def _parts(rest: str) -> tuple[tuple[int, str], ...]:
    """`(30 original + 9 STE-validated) ...`, `: 9 JumpReLU (...) + 9 TopK (k=64).`; what is not fully a sum is none."""
    inside = INSIDE.match(rest)
    if inside is None and not INTRODUCED.match(rest):
        return ()
    text = inside.group(1) if inside else PAREN.sub("", rest).lstrip(" :—–-")
    text = re.split(r"[.;]\s|\.$", text)[0]
    pieces = text.split("+") if "+" in text else re.split(r",(?: and )?| and ", text)
    found = [PART.match(" ".join(piece.split())) for piece in pieces]
    if len(found) < 2 or not all(found):
        return ()
    return tuple((int(match.group(1)), match.group(2)) for match in found if match)


def _study(line: Line) -> Iterator[Claim]:
    """`9 models, 348 total SAEs`."""
    for pattern in STUDY:
        if match := pattern.search(line.text):
            models, saes = count(match.group("models")), count(match.group("saes"))
            yield StudyTotal(line=line.number, quote=line.quote, models=models, saes=saes)
            return


def _in_study(line: Line, sentence: str) -> Iterator[Claim]:
    """ "Four releases", "across nine base models", "there are 348 SAEs in the study"."""
    if line.of_others or _otherwise(sentence):
        return
    for what, pattern in IN_STUDY:
        if match := pattern.search(sentence):
            yield StudyCount(
                line=line.number, quote=shortened(sentence), what=what, number=count(match.group(1))
            )


def _architectures(line: Line, sentence: str) -> Iterator[Claim]:
    if match := ARCHITECTURES.match(sentence):
        number, listed = count(match.group(1)), _names(PAREN.sub("", match.group(2)))
        yield Count(line=line.number, quote=line.quote, what="architectures", number=number, listed=listed)


def _conditions(line: Line, sentence: str, following: Line | None) -> Iterator[Claim]:
    if match := CONDITIONS.match(sentence):
        text = match.group(3)
        if not text and match.group(2) and following and not following.bullet:
            text = following.text  # the list was wrapped
        number, listed = count(match.group(1)), _names(WRAPPED.split(PAREN.sub("", text))[0])
        yield Count(line=line.number, quote=line.quote, what="conditions", number=number, listed=listed)


def _names(text: str) -> tuple[str, ...]:
    """The items of a list, if it is nothing but one."""
    items = [item.strip() for item in re.split(r",\s*(?:and )?|\s+and\s+", text.strip(" .:")) if item.strip()]
    plain = all(ITEM.fullmatch(item) for item in items)
    return tuple(items) if plain and "etc" not in items and "..." not in text else ()
