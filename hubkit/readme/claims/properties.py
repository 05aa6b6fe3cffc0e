"""Properties of the repository's SAEs as names and values: rows of a table, titles that are its first row, items of a list, keys in bold, several in one line.

The names and the kinds of value are in `fields`; columns of a table with a row for each SAE are read in `columns`, sentences in `sentences`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from hubkit.readme.claims import values
from hubkit.readme.claims.columns import column_claims, is_columns
from hubkit.readme.claims.fields import NUMBER, named, understood
from hubkit.readme.claims.kinds import Claim, Property
from hubkit.readme.claims.names import sae_in_row
from hubkit.readme.claims.phrases import TOKENS_AT_LEAST
from hubkit.readme.page import EMPHASIS, Line, Page

HEADLINE = re.compile(r"^[\"']?([A-Za-z#][\w# /().-]{0,58}?)[\"']?\s*(?::|=|→| [–—] )\s*(\S.{0,300})$")
BOLD_KEY = re.compile(
    r"^(?:[-+*•]\s+)?(?:\*\*|__|<(?:b|strong)>)([A-Za-z#`][^*<>]{0,58}?)(?:\*\*|__|</(?:b|strong)>)\s+(?![:=])(\S.{0,300})$"
)
"""`**Architecture** JumpReLU`"""
SEVERAL = re.compile(r"[;·•|]|,(?=\s)|\s/\s")
"""Between the pairs of one line: `layer: 9, width: 16384`."""
PAIRED = re.compile(
    rf"(?<![\w.-])(d_in|d_sae|d_model|d_out|k)(?: ?= ?| ?: )({values.AMOUNT})(?![\w^×%-]|\.\d)(?! ?[/–])"
)
GROUPS = {
    "dimensions", "dims", "config", "configuration", "sizes", "shape", "sae", "saes", "sae config", "sae configuration", "sae dimensions",
}  # fmt: skip
"""Heads of a list of `d_in=768, d_sae=3072`."""
LISTED_HOOK = re.compile(r"(?<![\w.])blocks\.\d{1,3}\.(?:\w{1,20}\.)?hook_\w{1,30}(?![\w.]\w|/)")
HOOKS = re.compile(
    r"\W*(?:(?:the |our |all |their )?(?:(?:hook(?:s|ed)?|SAE)(?: ?-?(?:points?|names?|sites?|locations?|at))?|sites?|places?|locations?)|(?:the |our |all |these )*(?:SAEs|dictionaries) (?:read|hook|sit at|are (?:trained )?(?:at|on)|were trained (?:at|on))"
    r"|(?:trained|read|hooked) (?:at|on|from))?(?: (?:are|is|were|used))?(?:\W|\band\b)*",
    re.IGNORECASE,
)
VALUE_TITLE = re.compile(r"^(?:values?|settings?|details?)$", re.IGNORECASE)
ABOUT_BASE = re.compile(
    r"\bbase model\b|\b(?:language|target|subject) model (?:details|information|architecture)\b",
    re.IGNORECASE,
)
BASE_ROW = re.compile(
    r"^(?:(?:number of |num[. ]?|n_)?(?:(?:hidden |transformer )?layers|(?:attention )?heads|parameters|params)|vocab(?:ulary)?(?: size)?|max(?:imum)? position.{0,20})$",
    re.IGNORECASE,
)
"""Beside one of these a context may be the base model's."""
OF_BASE = re.compile(
    r"\b(?:base|language|target|subject) model(?:'s)? (?:propert\w+|details?|information|architecture|parameters?|facts?|fields?|config\w*|settings?)\b",
    re.IGNORECASE,
)
"""The first title of a table of the base model's properties."""
PENALTY = re.compile(r"L[0-2]\b.{0,30}", re.IGNORECASE)
"""A title of measured numbers or penalties, and no layer."""
LOOSE_SECTIONS = {"contents", "training", "other"}
IS_LIST = re.compile(r"(?:hook(?:ed)? )?layers?\s*[:|]", re.IGNORECASE)
LAYER_ONLY = re.compile(r"[ L]{0,2}\d{1,3}(?: ?\(.{0,200})?\.?")
"""What `layers` reads as a list of one."""
VERB = re.compile(r" [a-z]{2}")
END = re.compile(r"\.\s")
LATENTS_AT_LEAST = 512
"""A number of "features" that can be nothing but a dictionary's: fewer may be those that were looked at."""
WIDTH_AT_LEAST = 64


def read(page: Page) -> Iterator[Claim]:
    """Every property of a card; under a loose name only where the value can be nothing else, or beside a sure one under the same heading."""
    found = list(_read(page))
    sure = {heading for heading, claim in found if not claim.loosely}
    of_base = {line.heading for line in page.prose if (pair := pair_of(line)) and BASE_ROW.match(pair[0])}
    for heading, claim in found:
        tokens = claim.field == "training_tokens"
        if heading in of_base and (tokens or (claim.field == "context_size" and claim.loosely)):
            continue  # the base model has both too
        if claim.field == "context_size" or not claim.loosely or heading in sure or _tells(claim):
            yield claim


def _tells(claim: Property) -> bool:
    """Whether the value of a loose name says itself what it is of."""
    if claim.field == "d_sae":
        return bool(claim.stated[0] >= LATENTS_AT_LEAST)
    if claim.field == "training_tokens":
        return bool(claim.stated[0] >= TOKENS_AT_LEAST)
    if claim.field == "d_model":
        return bool(claim.stated[0] >= WIDTH_AT_LEAST)
    return claim.field in {"architecture", "model_name", "hook_name", "layer", "place", "dtype"}


def _read(page: Page) -> Iterator[tuple[str, Property]]:
    titles: tuple[str, ...] = ()
    tabulates = False
    first = {line.cells: line for line in title_facts(page)}
    for line in first.values():
        yield from ((line.heading, claim) for claim in _rows(line))
    for line in page.prose:
        if line.of_others:
            continue
        if line.titles is not titles:
            titles = line.titles
            tabulates = titles not in first and any(named(title) for title in titles)
        if not line.code and (hooks := list(_hook_list(line))):
            yield from ((line.heading, claim) for claim in hooks)
        elif sae_in_row(line) or (tabulates and is_columns(titles)):
            yield from ((line.heading, claim) for claim in column_claims(line))
        elif len(line.titles) == len(line.cells) == 1:
            found = _claim(line, line.titles[0], line.cells[0])
            yield from [(line.heading, found)] if found else ()
        elif not (line.titles and tabulates):
            yield from ((line.heading, claim) for claim in _rows(line))


def _hook_list(line: Line) -> Iterator[Property]:
    """`Hooks: blocks.2.hook_resid_post and blocks.5.hook_resid_post`: a line that is nothing but a list of hooks and what they are."""
    if line.level or "hook_" not in line.text or not HOOKS.fullmatch(LISTED_HOOK.sub("", line.text[:600])):
        return
    names = dict.fromkeys(LISTED_HOOK.findall(line.text[:600]))
    if len(names) > 1:
        for name in names:
            yield Property(line=line.number, quote=line.quote, field="hook_name", stated=name, scope="any")


def title_facts(page: Page) -> tuple[Line, ...]:
    """The titles of tables that are themselves a name and its value: `| Layer | 9 |` over the line of dashes; else they name columns of many values."""
    return tuple(
        line
        for line in page.heads
        if all(line.cells)
        and not line.of_others
        and named(line.cells[1]) is None
        and not VALUE_TITLE.match(line.cells[1])
        and not PENALTY.fullmatch(line.cells[1].strip())
    )


def _rows(line: Line) -> Iterator[Property]:
    """A row of a table of two columns, an item of a list, or several pairs in one line."""
    pair = pair_of(line)
    several = list(_several(line, pair))
    if several:
        yield from several
        return
    found = _claim(line, *pair, listed=IS_LIST.match(line.text) is not None) if pair else None
    if found is not None:
        yield found
    if pair:
        yield from _pairs(line, pair[0], found)


def pair_of(line: Line) -> tuple[str, str] | None:
    """The name and the value of a row, an item, or a key in bold."""
    if not line.cells:
        return _item(line)
    value = _value(line)
    return (line.cells[0], value) if value else None


def _item(line: Line) -> tuple[str, str] | None:
    """`Label: value`, or a label in bold before its value."""
    match = HEADLINE.match(line.text[:400])
    if match is None and (bold := BOLD_KEY.match(line.raw[:400])):
        return bold.group(1).strip(" :"), EMPHASIS.sub("", END.split(bold.group(2), maxsplit=1)[0])
    return (match.group(1), END.split(match.group(2), maxsplit=1)[0]) if match else None


def _several(line: Line, pair: tuple[str, str] | None) -> Iterator[Property]:
    """`layer: 9, width: 16384, k: 64`, where each has a name that is known."""
    if line.titles or (line.cells and pair and named(pair[0])):
        return
    pieces = [HEADLINE.match(piece.strip()) for piece in SEVERAL.split(line.text[:400].strip("(). "))]
    pairs = [(match.group(1), match.group(2)) for match in pieces if match]
    if len(pairs) < 2 or len(pairs) < len(pieces) or not all(named(label) for label, _ in pairs):
        return
    for label, value in pairs:
        if found := _claim(line, label, value):
            yield found


def _value(line: Line) -> str | None:
    """The value of a row: its second cell, where there is no third, where that repeats it, or where the titles say so."""
    first, *rest = line.cells
    filled = [cell for cell in rest if cell]
    if not first or not filled or not rest[0]:
        return None
    titled = len(line.titles) > 1 and VALUE_TITLE.match(line.titles[1])
    return rest[0] if titled or len(set(filled)) == 1 else None


def _claim(line: Line, label: str, value: str, *, listed: bool = False) -> Property | None:
    """What a name and its value state; `listed`: a list of layers, which `layers` reads."""
    meant = named(label)
    if meant is None:
        return None
    about, loosely = meant
    headed = ABOUT_BASE.search(line.heading) or any(map(OF_BASE.search, line.titles[:1]))
    base = bool(headed) and about.name not in {
        "model_name",
        "hook_name",
        "d_model",
        "model_dtype",
    }
    if base or (loosely and line.section not in LOOSE_SECTIONS):
        return None
    value = value.strip(" \"'`")
    found = understood(about, value)
    if found is None:
        return None
    about, stated = found
    if _unsure(about.name, stated, label, loosely=loosely) or (
        listed and about.name == "layer" and loosely and LAYER_ONLY.fullmatch(value)
    ):
        return None
    return Property(
        line=line.number, quote=line.quote, field=about.name, stated=stated, scope="any", loosely=loosely
    )


def _unsure(name: str, stated: values.Value, label: str, *, loosely: bool) -> bool:
    """What a loose name may mean otherwise, or another family of claims reads."""
    if name == "model_name":
        return loosely and not values.is_foundry(stated)  # the repository's own name
    if name == "dataset_path":
        return "/" not in stated and not label.lower().rstrip().endswith("dataset")
    return name == "architecture" and loosely and stated == ["standard"]  # the activation function of any SAE


def _pairs(line: Line, label: str, found: Property | None) -> Iterator[Property]:
    """`Dimensions: d_in=768, d_sae=3072`: the pairs of a line that begins with a property, or with a word for them all."""
    plain = re.sub(r"[\s_-]+", " ", label.lower()).strip()
    if plain not in GROUPS and (named(label) is None or line.cells):
        return
    pairs = list(PAIRED.finditer(line.text[:600]))
    if plain not in GROUPS and found is None and pairs and VERB.match(line.text, pairs[-1].end()):
        return  # "k = 64 gave worse results"
    for match in pairs:
        bounds = NUMBER.read(match.group(2))
        if bounds and not (found and found.field == match.group(1)):
            yield Property(
                line=line.number, quote=line.quote, field=match.group(1), stated=bounds, scope="any"
            )
