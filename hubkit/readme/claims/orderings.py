"""What is said of a measure over several SAEs: that it rises with depth, where it is highest, what all of them lie above, how much one layer has; in sentences, tables by layer, and CSV.

A sentence that compares with something else, hedges or generalises is left alone. What each measure is called is beside its declaration (`hubkit.measures`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from hubkit.readme.claims.called import CALLED, Called
from hubkit.readme.claims.kinds import Claim, Ordering, Says
from hubkit.readme.claims.measures import TITLES
from hubkit.readme.claims.names import sae_in_row
from hubkit.readme.claims.subjects import ASIDE
from hubkit.readme.page import Line, Page, shortened
from hubkit.readme.separated import separated

I = re.IGNORECASE  # noqa: E741 - as short as it is common here
NUMBER = r"(?<![\w.,-])(?P<number>-?\d{1,7}(?:\.\d{1,10})?)(?![\w^×x]|[.,]\d| ?/) ?(?P<percent>%|percent\b)?"
GUARD = re.compile(
    r"\b(?:or|except|unless|but|others?|another|compar\w+|unlike|instead|rather|not|never|without|would|could|should|may|might|expect\w*|usually|typical\w*|general\w*|often|tends?|hypothes\w+|if|published|"
    r"their|et al|ablat\w+|steer\w*|random\w*|paper|scope|openai|anthropic|deepmind|prior|previous\w*|literature|existing|target\w*|aim\w*|related|fine-?tun\w+|validation|epochs?|steps?|"
    r"almost|nearly|most|width|wider|training|dead|delta|recovered|example|e\.g|k ?=|chance|null|effect|median|per (?:layer|head))\b|n't\b|\?$",
    I,
)
"""A sentence with one of these may be of something else, or say less than it seems to."""
OTHER_ROWS = re.compile(
    r"\bon (?!average\b|(?:the )?(?:unseen|held[- ]out|test|evaluation|same|layers?|block)\b|(?:each|every|all|an?|these|them|its|the) (?:average )?(?:tokens?|layers?|inputs?|rows?|SAEs?|residual)\b|tokens?\b)\w",
    I,
)
"""A text that it was measured on: perhaps another than the file's."""
LAYER = r"(?:(?:layer|block) ?|L(?!0(?!\d)))(?P<layer>\d{1,3})(?!\w|\.\d)"
"""`L0` is no layer here."""
RISES = r"(?:rises?|increases?|grows?|goes up|climbs?|gets? (?:higher|larger|bigger)|is (?:higher|larger))"
FALLS = r"(?:falls?|decreases?|drops?|shrinks?|declines?|goes down|gets? (?:lower|smaller)|diminishes|is (?:lower|smaller))"
DEPTH = (
    r"(?:steadily |monotonically |slowly |strictly )?(?:with (?:increasing )?(?:depth|(?:the )?layer)\b|from layer to layer\b|layer by layer\b|(?:in|at|for|towards?) (?:the )?(?:deeper|later|last) (?:layers|blocks)\b|"
    r"(?:from|between) (?:layer|block|L) ?(?P<first>\d{1,3}) (?:to|and) (?:layer |block |L)?(?P<last>\d{1,3})(?! ?%|\.\d|\w))"
)
END = r"(?=[.,;:)]|$)"
AT = rf"(?:at|in|on|for|of|by) (?:the SAE (?:of|at|for) )?{LAYER}"
HIGHEST, LOWEST = r"(?:highest|largest|greatest)", r"(?:lowest|smallest)"
OVER = r"(?:above|over|more than|greater than|higher than|at least|larger than|exceeding)"
UNDER = r"(?:below|under|less than|lower than|at most|smaller than|fewer than)"
SAES = r"(?:\w+ )?(?:SAEs?|sparse auto-?encoders?|of them)"
ALL = rf"\b(?:(?:all|each|every|both)(?: of the)?(?: \w+)? {SAES}|each of them)"
EVERYWHERE = r"(?:at (?:every|each|all) layers?|for (?:all|every|each)(?: \w+)? SAEs?|everywhere|throughout|in (?:all|every|each)(?: of the)? (?:SAEs?|layers?))"
OF_RAW = re.compile(r"\braw (?:activations?|baseline|probes?)\b", I)
SPARSE = tuple(
    re.compile(text, I)
    for text in (
        rf"(?:^|\b(?:the )?SAE (?:of|at|for|from) ){LAYER}(?:'s SAE| SAE)? is (?:the )?(?:(?P<low>sparsest)|(?P<high>densest|least sparse))\b",
        rf"\bthe (?:(?P<low>sparsest)|(?P<high>densest|least sparse)) (?:SAE |of (?:them|the \w+) )?is (?:that |the one |the SAE )?(?:at|of|for|in) {LAYER}",
    )
)
"""Of L0 without its name."""
BEGINS = r"(?:^|SAE (?:of|at|for|from) )(?:(?:layer|block) ?|L(?!0(?!\d)))"
THAN = r"than (?:that (?:of|at) |the (?:SAE|one) (?:of|at|for) )?(?:layer |block |L)(?P<first>\d{1,3})(?!\w|\.\d)"
DENSER = re.compile(
    rf"{BEGINS}(?P<last>\d{{1,3}})(?:'s SAE| SAE)? is (?:(?P<up>denser|less sparse)|(?P<down>sparser|less dense)) {THAN}",
    I,
)
"""Of L0 without its name, too."""
BETTER = re.compile(
    rf"\breconstructions?(?: quality)? (?:(?P<up>gets? better|improves?)|(?P<down>gets? worse|degrades?|worsens?)) {DEPTH}",
    I,
)
"""Of the explained variance without its name."""
MANY = r"(?:\d[\d.]{0,9} ?%?(?:, (?:and )?| and )){1,60}\d[\d.]{0,9} ?%?"
VARIANCE = r" of (?:the |its )?(?:\w+ )?variance"


@dataclass(frozen=True)
class Forms:
    """The ways in which sentences speak of one measure."""

    called: Called
    rises: tuple[re.Pattern[str], ...]
    falls: tuple[re.Pattern[str], ...]
    highest: tuple[re.Pattern[str], ...]
    lowest: tuple[re.Pattern[str], ...]
    above: tuple[re.Pattern[str], ...]
    below: tuple[re.Pattern[str], ...]
    each: tuple[re.Pattern[str], ...]
    ranges: tuple[re.Pattern[str], ...]
    listed: tuple[re.Pattern[str], ...]
    at: tuple[re.Pattern[str], ...]


@lru_cache
def _forms(called: Called) -> Forms:
    """Compiled where a sentence first names the measure: all of them would cost every validation of a card 70 ms."""
    name = rf"(?<![\w.-])(?:the )?(?:{called.title_in_sentences})(?: of the SAEs?)?"
    explains = called.measure == "explained_variance"

    def trend(verb: str) -> tuple[str, ...]:
        more = "(?:higher|larger|greater)" if verb is RISES else "(?:lower|smaller)"
        return (
            rf"^the deeper(?: the (?:layers?|SAEs?|blocks?))?,? the {more} (?:is )?{name}(?P<first>)(?P<last>){END}",
            rf"\b(?:deeper|later) (?:SAEs|layers) have (?:an? )?{more} {name}s?(?P<first>)(?P<last>){END}",
            rf"{BEGINS}(?P<last>\d{{1,3}})(?:'s SAE| SAE)? has an? {more} {name} {THAN}",
            rf"{name} {verb} {DEPTH}{END}",
            rf"^{DEPTH},? (?:the )?{name} {verb}(?=[ .,;:)]|$)",
        )

    def extreme(word: str) -> tuple[str, ...]:
        return (
            rf"(?:^|SAE (?:of|at) ){LAYER}(?:'s SAE| SAE)?(?:, [^,]{{1,40}},)? (?:has|have|reaches) the {word} {name}",
            rf"\bthe {word} {name} (?:is |belongs |is reached )?(?:that |found )?{AT}",
            rf"{name} (?:is|peaks|reaches its maximum) {'(?:the )?' + word + ' ' if word == LOWEST else '(?:(?:the )?' + word + ' )?'}{AT}"
            if word == HIGHEST and not called.rest
            else rf"{name} is (?:the )?{word} {AT}",
        )

    def bound(words: str) -> tuple[str, ...]:
        forms = [
            rf"{ALL} (?:has|have|reach(?:es)?|with|show) (?:an? |the )?{name} (?:of )?{words} {NUMBER}",
            rf"{name} (?:is|stays|lies|remains) {words} {NUMBER} {EVERYWHERE}",
            rf"^(?:no|none of the) {SAES} (?:has|have|reach(?:es)?) (?:an? )?{name} (?:of )?{words} {NUMBER}",
            rf"^(?:at|in|for) layers (?P<layers>{MANY})(?:,|) (?:the )?{name} (?:is|stays|lies|remains) {words} {NUMBER}",
        ]
        if explains:
            forms += [
                rf"{ALL} explains? {words} {NUMBER}{VARIANCE}",
                rf"^(?:no|none of the) {SAES} explains? {words} {NUMBER}{VARIANCE}",
            ]
        return tuple(forms)

    found = {
        "rises": trend(RISES), "falls": trend(FALLS), "highest": extreme(HIGHEST), "lowest": extreme(LOWEST), "above": bound(OVER), "below": bound(UNDER),
        "each": (rf"{ALL} (?:has|have|share|reach(?:es)?) (?:an? |the )?(?:same )?{name}(?: of| is)? (?P<about>(?:about|roughly|around|approximately) |~ ?)?{NUMBER}",),
        "ranges": (rf"{name} (?:ranges?|varies|spans?) (?:from|between) (?:about |roughly |~)?{NUMBER} ?(?:to|and|–|-) (?:about |roughly |~)?(?P<to>\d{{1,7}}(?:\.\d{{1,10}})?)(?! (?:tokens|layers)| ?/|\w|\.\d)",),
        "listed": (rf"{name}(?: (?:is|are|of)|:) (?P<values>{MANY}),? (?:at|for|in|on) (?:the )?(?:layers|blocks) (?P<layers>{MANY})(?!\w|\.\d)",),
        "at": (rf"{name}(?: of| is| was|:| =| reaches)? (?:about |roughly |~)?{NUMBER}", rf"{name} {AT}(?:'s SAE)?,? (?:is|was|reaches|equals) (?:about |roughly |~)?{NUMBER}", *(one.replace("{n}", NUMBER) for one in called.sentences)),
    }  # fmt: skip
    return Forms(called, **{key: tuple(re.compile(one, I) for one in texts) for key, texts in found.items()})


NAMED = tuple(
    (
        one,
        re.compile(
            rf"(?<![\w.-])(?:{one.title_in_sentences})"
            + (r"|\b(?:variance|latents|features)\b" if one.sentences else ""),
            I,
        ),
    )
    for one in CALLED
    if not one.loosely and one.measure != "mse_sum"
)
"""Each way to call a measure, and the words without which no sentence does."""


def read(page: Page) -> Iterator[Claim]:
    """Every ordering of a card."""
    for line in page.prose:
        if line.of_others or ASIDE.search(line.heading):
            continue
        if line.cells:
            yield from _row(line)
        else:
            for sentence in line.sentences():
                yield from _said(line, sentence)
    for line in separated(page):
        yield from _row(line)


def _ordering(line: Line, quote: str, measure: str, says: Says, **more: Any) -> Ordering:
    unsure = not line.cells
    return Ordering(
        line=line.number, quote=shortened(quote), measure=measure, says=says, unsure=unsure, **more
    )


def _said(line: Line, sentence: str) -> Iterator[Ordering]:
    if GUARD.search(sentence) or OTHER_ROWS.search(sentence):
        return
    raw = OF_RAW.search(sentence) is not None
    if raw:
        if match := RAW_AT.search(sentence):
            yield from _number(line, sentence, PROBE, match, "at", layer=int(match["layer"]), raw=True)
        return
    for pattern in SPARSE:
        if match := pattern.search(sentence):
            yield _ordering(
                line, sentence, "l0", "lowest" if match["low"] else "highest", layer=int(match["layer"])
            )
            return
    for pattern, measure in ((BETTER, "explained_variance"), (DENSER, "l0")):
        if match := pattern.search(sentence):
            yield _trend(line, sentence, measure, match, rises=match["up"] is not None)
            return
    for called, words in NAMED:
        found = list(_of_measure(line, sentence, _forms(called))) if words.search(sentence) else []
        yield from found
        if found:
            return


PROBE = next(one for one in CALLED if one.measure == "probe_balanced_accuracy")
RAW_AT = re.compile(
    rf"\b(?:the )?raw activations (?:reach|give|have|score) (?:an? (?:probe )?(?:balanced )?accuracy of )?{NUMBER}(?: (?:balanced )?accuracy)? {AT}",
    I,
)


def _trend(line: Line, sentence: str, measure: str, match: re.Match[str], *, rises: bool) -> Ordering:
    ends = (int(match["first"]), int(match["last"])) if match["first"] else ()
    if ends and ends[0] > ends[1]:
        ends, rises = (ends[1], ends[0]), not rises
    return _ordering(line, sentence, measure, "rises" if rises else "falls", layers=ends)


def _first(patterns: tuple[re.Pattern[str], ...], sentence: str) -> re.Match[str] | None:
    return next((match for pattern in patterns if (match := pattern.search(sentence))), None)


def _of_measure(line: Line, sentence: str, forms: Forms) -> Iterator[Ordering]:
    """What a sentence says of one measure: the first form that it has. Of what is missing to 1 only the orders, turned round."""
    called = forms.called
    for patterns, rises in ((forms.rises, True), (forms.falls, False)):
        if match := _first(patterns, sentence):
            yield _trend(line, sentence, called.measure, match, rises=rises is not called.rest)
            return
    for patterns, highest in ((forms.highest, True), (forms.lowest, False)):
        if match := _first(patterns, sentence):
            yield _ordering(
                line,
                sentence,
                called.measure,
                "highest" if highest is not called.rest else "lowest",
                layer=int(match["layer"]),
            )
            return
    if not called.rest:
        yield from _numbers(line, sentence, forms)


def _numbers(line: Line, sentence: str, forms: Forms) -> Iterator[Ordering]:
    called = forms.called
    if match := _first(forms.listed, sentence):
        values, layers = re.findall(r"\d+(?:\.\d+)?", match["values"]), _layers(match["layers"])
        if len(values) == len(layers):
            for value, layer in zip(values, layers, strict=True):
                yield from _at(line, sentence, called, value, layer, percent="%" in match["values"])
        return
    if match := _first(forms.ranges, sentence):
        to = called.number(match["to"], percent="%" in sentence[match.start() : match.end() + 2])
        yield from _number(line, sentence, called, match, "ranges", to=to[0] if to else None)
        return
    for patterns, above in ((forms.above, True), (forms.below, False)):
        if match := _first(patterns, sentence):
            denied = re.match(r"(?:no|none)\b", sentence, I) is not None
            layers = _layers(match.groupdict().get("layers") or "")
            yield from _number(
                line, sentence, called, match, "above" if above is not denied else "below", layers=layers
            )
            return
    if match := _first(forms.each, sentence):
        yield from _number(line, sentence, called, match, "each", about=match["about"] is not None)
        return
    named = [one["layer"] for one in re.finditer(LAYER, sentence, I)]
    if (
        len(named) == 1
        and not re.search(r"\blayers\b", sentence, I)
        and (match := _first(forms.at, sentence))
    ):
        yield from _number(line, sentence, called, match, "at", layer=int(named[0]))


def _layers(text: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", text))) if not re.search(r"\d\.\d", text) else ()


def _number(
    line: Line, quote: str, called: Called, match: re.Match[str], says: Says, **more: Any
) -> Iterator[Ordering]:
    stated = called.number(match["number"], percent=match["percent"] is not None)
    if stated:
        yield _ordering(line, quote, called.measure, says, number=stated[0], slack=stated[1], **more)


def _at(
    line: Line, quote: str, called: Called, written: str, layer: int, *, percent: bool
) -> Iterator[Ordering]:
    if stated := called.number(written, percent=percent):
        yield _ordering(line, quote, called.measure, "at", layer=layer, number=stated[0], slack=stated[1])


CELL = re.compile(r"~?(-?\d{1,7}(?:\.\d{1,10})?)(?: ?±.{1,20})? ?(%)?")
LAYER_TITLE = re.compile(r"(?:SAE |hook )?(?:layer|block)(?: (?:index|id))?", I)
LAYER_CELL = re.compile(r"(?:L|layer |block )?(\d{1,3})", I)
FEW_LAYERS = 2
ASKED = re.compile(
    r"\b(?:model|repo\w*|release|method|baseline|random|raw|ablat\w*|author|paper|epoch|step|seed|run|k)\b", I
)
"""A column, or a heading, of these: the table may be of something else."""


def _row(line: Line) -> Iterator[Ordering]:
    """A row of a table by layer: a column for each measure beside that of the layer, or a row for each and a column a layer."""
    if len(line.titles) < FEW_LAYERS or len(line.titles) != len(line.cells) or sae_in_row(line):
        return
    if any(ASKED.search(text) for text in (*line.titles, line.heading, line.cells[0])):
        return
    first, *rest = (title.strip(" *`") for title in line.titles)
    layer = LAYER_CELL.fullmatch(line.cells[0]) if LAYER_TITLE.fullmatch(first) else None
    columns = [LAYER_CELL.fullmatch(title) for title in rest]
    if len(rest) >= FEW_LAYERS and all(columns):
        pairs = [
            (line.cells[0], cell, int(one[1]))
            for one, cell in zip(columns, line.cells[1:], strict=True)
            if one
        ]
    elif layer:
        pairs = [(title, cell, int(layer[1])) for title, cell in zip(rest, line.cells[1:], strict=True)]
    else:
        return
    for title, cell, at in pairs:
        called = next((one for one, words in TITLES if words.fullmatch(title.strip(" *`%"))), None)
        number = CELL.fullmatch(cell.strip(" *`"))
        if called and not called.loosely and number and not GUARD.search(title):
            yield from _at(line, line.quote, called, number[1], at, percent=bool(number[2]) or "%" in title)
