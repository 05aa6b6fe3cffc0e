"""What sentences and the title state of the repository's SAEs: "All SAEs have 32k width", "This SAE reads layer 9", "GPT-2 Small, Layer 9 SAE".

A sentence counts by its subject (`subjects`): all SAEs (perhaps all of one architecture), the one that there is, the SAEs of "this repository", or, where the card introduces
its SAEs, none that is anybody else's. What compares, excludes or gives several values is left alone. How a field is stated is in `phrases`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from hubkit.readme.claims import named, values
from hubkit.readme.claims.fields import FIELDS
from hubkit.readme.claims.kinds import Claim, Ends, LayerList, Property, Spread
from hubkit.readme.claims.layers import numbers
from hubkit.readme.claims.phrases import (
    BEHIND_LAYERS,
    ENDS,
    FIRST_LAYERS,
    SEVERAL_LAYERS,
    SPREAD,
    WORD_BEHIND,
    facts,
    layers,
)
from hubkit.readme.claims.subjects import ASIDE, OF_MODEL, SAE, Subject, is_sure, subject
from hubkit.readme.front_texts import front_texts
from hubkit.readme.page import SENTENCE, Line, Page, shortened

I = re.IGNORECASE  # noqa: E741 - as short as it is common here
NESTED = re.compile(
    r"\bmatryoshka (?:layers|prefix(?:es)?|levels|groups|dictionaries) of (?:widths?|sizes?) (\d[\d, ]{0,80} and \d[\d,]{0,9})",
    I,
)
"""The widths of a Matryoshka SAE: the last is its own."""
EQUIVALENT = re.compile(
    r"\bi\.e\.|\bthat is,|\bin other words\b|\b(?:also|otherwise) (?:called|known as)\b|\b(?:equivalent|equal|identical) to\b|\bthe same (?:place|point|tensor|activations?) as\b|\bis what (?:block|layer) \d",
    re.IGNORECASE,
)
"""One place under two names, of which the files have one."""
MODEL = re.compile(
    rf"(?:{SAE}(?: \(SAEs?\))?(?: trained)? (?:for|on|of)|\btrained (?:on|for)|\bresidual stream (?:activations )?of|\bactivations (?:of|from)|\blayer \d{{1,3}} of) (?:the )?(?:residual stream (?:activations )?of |activations of )?([A-Za-z][\w./-]{{1,60}}(?: [\d][\w.]{{0,10}}| (?:small|medium|large|xl|it|base(?! model)|instruct)\b){{0,2}})",
    I,
)
OF_SIZE = re.compile(r"\d[mb](?![a-z])|gpt-?2|gpt-?j|neox|nanochat-d\d|phi-?\d", I)
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
OF_PLACE = re.compile(
    r"\b(?:train\w*|reads?|reading|hook\w*|taps?|attach\w*|captur\w*|collect\w*|extract\w*|taken|target\w*|reconstruct\w*|decompos\w*|encod\w*|appl(?:y|ied|ies)|placed|located|sits?|inserted|covers?|latents|"
    r"SAEs?|auto-?encoders?|dictionar\w+|activations?|residual|stream|outputs?|inputs?|(?:batch)?top-?k|jump-?relu|gated)\b",
    I,
)
"""A loose sentence names the layer of its SAE only beside one of these."""
ONLY_LINK = re.compile(r"\W{0,6}\[[^\[\]]{1,300}\]\([^()\s]{1,500}\)\W{0,3}$")
"""A link to something else, and no more."""
SHORT_LAYER = re.compile(r"(?<![\w/.-])L([1-9]\d{0,2})(?![\w.=]|-\w)|(?<=[\w]-)layer-?(\d{1,3})(?![\w.])")
"""In titles, which may be names: `L9`, `sae-layer9`."""
WHOLE = re.compile(r"(?:the|this|our) (?:release|repo|repository|collection|set|suite|study|SAEs)\b", I)
THERE = re.compile(r"there (?:is|are)\b|(?:only|we cover) ", I)
"""What is said so of layers is said of the repository."""
SECTIONS = {"contents", "training", "other"}


def read(page: Page) -> Iterator[Claim]:
    """Every property that a sentence or the title states."""
    counted = ONE_BASED.search(page.readme.text) is not None
    for line in page.prose:
        yield from _introduced(line)
    for claim in (*_titles(page), *_sentences(page)):
        of_layer = isinstance(claim, LayerList) or (
            isinstance(claim, Property) and claim.field in {"layer", "hook_name", "place"}
        )
        if not (counted and of_layer):
            yield claim


def _introduced(line: Line) -> Iterator[Claim]:
    for pattern in INTRODUCED:
        if match := pattern.search(line.text[:1000]):
            for name, number in match.groupdict().items():
                yield Property(
                    line=line.number, quote=line.quote, field=name, stated=values.amount(number), scope="any"
                )
            return


def _sentences(page: Page) -> Iterator[Claim]:
    spoken = ([line] for line in front_texts(page) if not line.level)
    for lines in (*spoken, *paragraphs(page)):
        text = " ".join(line.text for line in lines)
        ends, length = [], 0
        for line in lines:
            length += len(line.text) + 1
            ends.append(length)
        begin = 0
        for sentence in SENTENCE.split(text):
            at = next((i for i, end in enumerate(ends) if begin < end), len(lines) - 1)
            yield from _sentence(lines[at], sentence[:LONGEST_READ].strip())
            begin += len(sentence) + 1


LONGEST_READ = 600
LONGEST_PARAGRAPH = 20
"""Lines."""


def paragraphs(page: Page, *, every: bool = False) -> Iterator[list[Line]]:
    """The lines of prose, those that were wrapped together; `every`: also where the card speaks of other SAEs."""
    current: list[Line] = []
    for line in page.prose:
        left_out = bool(line.cells) or (line.of_others and not every)
        apart = bool(left_out or line.level)
        wrapped = current and not apart and not line.bullet and line.number == current[-1].number + 1
        if current and (
            not wrapped or current[-1].level or len(current) >= LONGEST_PARAGRAPH or line.text == line.heading
        ):
            yield current
            current = []
        if not left_out:
            current.append(line)
    if current:
        yield current


def _titles(page: Page) -> Iterator[Claim]:
    """The title, which names what the repository is of; the front matter may have another."""
    titles = [line for line in front_texts(page) if line.level]
    if (line := next((line for line in page.prose if line.level == 1), None)) is not None:
        titles.append(line)
    for line in titles:
        if not line.of_others and re.search(SAE, line.text, I):
            yield from _title(line)


def _title(line: Line) -> Iterator[Claim]:
    about = Subject("any", "", 0, loose=True)
    if not is_sure(line.text, about):
        return
    found = facts(line.text[:LONGEST_READ], 0, loose=True)
    kinds = FIELDS["architecture"].kind.read(line.text[:LONGEST_READ])
    if kinds and len(kinds) == 1 and kinds != ["standard"]:
        found["architecture"] = kinds
    if name := _model(line.text[:LONGEST_READ]):
        found["model_name"] = name
    short = {
        int(match.group(1) or match.group(2)) for match in SHORT_LAYER.finditer(line.text[:LONGEST_READ])
    }
    place = place_of(line.text[:LONGEST_READ], 0)
    if len(short) == 1 and "layer" not in place and not SEVERAL_LAYERS.search(line.text):
        place["layer"] = [*short]
    yield from _lists(line, line.text)
    yield from stated_of(line, line.text, about, found | place)


def _sentence(line: Line, sentence: str) -> Iterator[Claim]:
    about = subject(sentence, introducing=line.section in SECTIONS and line.level != 1)
    if about is None:
        if (flag := named.deniable(sentence)) and flag[0] == "model_dtype":
            yield Property(
                line=line.number, quote=shortened(sentence), field=flag[0], stated=flag[1], scope="any"
            )
        return
    if about.loose and (line.level or ASIDE.search(line.heading) or ONLY_LINK.match(line.raw)):
        return
    if flag := named.deniable(sentence):
        yield Property(
            line=line.number, quote=shortened(sentence), field=flag[0], stated=flag[1], scope=about.scope
        )
        return
    spread = SPREAD.search(sentence)
    plain = sentence.replace(spread.group(), "") if spread else sentence
    if not is_sure(plain, about):
        return
    found = told(plain, about)
    if (not about.loose or OF_PLACE.search(plain)) and not EQUIVALENT.search(plain):
        found |= place_of(plain, about.end)
        yield from _lists(line, plain)
    if ENDS.search(plain) and (about.scope != "one" or WHOLE.match(sentence)):
        yield Ends(line=line.number, quote=shortened(sentence))
    if spread and (about.scope != "one" or THERE.match(sentence)):
        yield Spread(line=line.number, quote=shortened(sentence), step=2 if spread.group("other") else 1)
    yield from stated_of(line, sentence, about, found)


def told(plain: str, about: Subject) -> dict[str, values.Value]:
    """The fields of the SAEs that a sentence states, but its place in the model."""
    found = facts(plain, about.end, loose=about.loose)
    if OF_MODEL.search(plain):
        found = {name: value for name, value in found.items() if name in {"d_sae", "k", "architecture"}}
    kinds = FIELDS["architecture"].kind.read(about.adjectives)
    whole = FIELDS["architecture"].kind.read(plain)
    if "architecture" in found and whole != found["architecture"]:
        del found["architecture"]
    if kinds and whole == kinds:
        found["architecture"] = kinds
    if name := _model(plain):
        found["model_name"] = name
    if EQUIVALENT.search(plain):
        found.pop("hook_name", None)
    if match := NESTED.search(plain):
        found["d_sae"] = values.amount(re.findall(r"\d{1,3}(?:,\d{3})+|\d+", match.group(1))[-1])
    return found


def _model(text: str) -> str | None:
    """The base model that the SAEs are said to be of."""
    match = MODEL.search(text)
    name = match.group(1).rstrip(".") if match else ""
    return name if OF_SIZE.search(name) and values.is_foundry(name) else None


def place_of(text: str, begin: int) -> dict[str, values.Value]:
    """The layer, and the place in it."""
    found = {"layer": layers(text, begin), "place": FIELDS["place"].kind.read(text[begin:])}
    return {name: value for name, value in found.items() if value is not None}


def _lists(line: Line, sentence: str) -> Iterator[LayerList]:
    """`layers 6, 9 and 12`, which may be some of them only."""
    for match in SEVERAL_LAYERS.finditer(sentence):
        listed = numbers(WORD_BEHIND.sub("", match.group(1) or match.group(2)))
        if listed:
            side = BEHIND_LAYERS.search(sentence[max(0, match.start() - 40) : match.start()])
            yield LayerList(
                line=line.number, quote=shortened(sentence), layers=listed, qualified=False, partly=True,
                site="" if side is None else "resid_post" if side["after"] else "resid_pre",
            )  # fmt: skip
    if (first := FIRST_LAYERS.search(sentence)) and (bounds := values.amount(first.group(1))):
        listed = tuple(range(int(bounds[0])))
        yield LayerList(
            line=line.number, quote=shortened(sentence), layers=listed, qualified=False, partly=True
        )


def stated_of(
    line: Line, sentence: str, about: Subject, found: dict[str, values.Value], sae_id: str | None = None
) -> Iterator[Property]:
    """A claim for each field."""
    beside = {"layer": found.get("place"), "place": found.get("layer")}
    for name, value in found.items():
        if value is not None:
            yield Property(
                line=line.number, quote=shortened(sentence), field=name, stated=value,
                scope="any" if name == "model_name" else about.scope, only=about.only, beside=beside.get(name), sae_id=sae_id,
            )  # fmt: skip
