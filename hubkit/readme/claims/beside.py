"""What stands beside the prose, and is read as a sentence is: comments in code, the words of images, and items that begin with the id of an SAE. Of code itself what it
says of a configuration, and the shape that a comment gives for what an SAE returns.

# layer 9, k = 64
assert sae.cfg.d_sae == 24576
sae.encode(x)  # [batch, 24576]
![The SAE of layer 9](plot.png)
- `lab_L9_mixed`: layer 9, 16,384 latents
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from hubkit.readme.asides import asides, code_of_saes
from hubkit.readme.claims import named
from hubkit.readme.claims.fields import FIELDS, PROPERTIES
from hubkit.readme.claims.kinds import Claim, Property, Superlative
from hubkit.readme.claims.names import sae_of
from hubkit.readme.claims.sentences import LONGEST_READ, place_of, stated_of, told
from hubkit.readme.claims.subjects import ASIDE, KIND, Subject, is_sure
from hubkit.readme.page import Line, Page

ANY = Subject("any", "", 0, loose=True)
ITEM = re.compile(
    r"^[\"'(]?([A-Za-z0-9][\w.-]{0,80}(?:/[\w.-]{1,80}){0,4})/?[\"')]?(?: ?:| [–—-]| ?→|(?= \())\s*(\S.*)$"
)
NAME = re.compile(r"[_/\d]")
IN_CFG = re.compile(
    r"\.cfg\.(?:metadata\.)?(?P<field>\w{1,40})(?: ?== ?(?P<equal>[^\s,()]{1,100})|\)? {0,8}# ?(?:->|=>|→|=|prints?|outputs?)? ?(?P<shown>\S{1,100})$)"
)
"""`sae.cfg.k == 32`, `print(sae.cfg.k)  # 32`."""
RETURNED = re.compile(
    r"\bsae\.(?P<method>encode|decode)\([^#]{0,200}\) {0,20}#[^\[(]{0,60}[\[(][^\[\]()]{0,60}?[ ,](?P<size>\d[\d,_]{0,11})[\])]",
    re.IGNORECASE,
)
"""The last number of a shape."""
GLANCE = re.compile(r" [·•] ")
LONGEST_PIECE = 40
ONLY_LAYER = re.compile(r"(?:at |on |reads )?(?:layer|block) \d{1,3}", re.IGNORECASE)
OF_KIND = re.compile(
    rf"(?:the |an? |our )?({KIND}(?:[ -]{KIND})?)(?: one)?(?: (?:of|at|on|for|from) (?:the )?(?:layer|block) \d{{1,3}})?\W*",
    re.IGNORECASE,
)
"""A comment that names an architecture, and no more: `the gated one`."""
LARGEST = {"widest", "largest", "biggest", "deepest", "last"}
DEPTHS = {"deepest", "last", "shallowest", "first"}
MOST = re.compile(
    r"(?:this is |load )?the (?P<word>widest|largest|biggest|narrowest|smallest|deepest|shallowest)(?: (?:one|SAE|dictionary|of (?:the|all|them|these)\b.{0,30}))?\W*",
    re.IGNORECASE,
)
SECTIONS = {"contents", "training", "other"}
SHOWN = {"json", "yaml", "yml", "toml"}
"""Languages of configurations; a block of any other is code, which may be an example of anything."""
KEYS = "|".join(
    one.name for one in PROPERTIES if one.name not in {"place", "l0", "d_model", "dtype", "model_dtype"}
)
ENTRY = re.compile(
    rf"(?:^|[{{,]) {{0,12}}[\"']?(?P<field>{KEYS})[\"']? ?[:=] ?(?P<value>\"[^\"]{{1,100}}\"|'[^']{{1,100}}'|[^\s\"',{{}}\[\]]{{1,100}})(?= *(?:[,}}]|#|$))"
)
OTHERS_CODE = re.compile(
    r"\b(?:optional|your?|change|replace|set|choose|pick|any|loop|model's|of the model|each|every|default|shape|batch|seq|pos|tokens?,)\b",
    re.IGNORECASE,
)
"""In a comment: what the reader may do, or what the line gives."""


def read(page: Page) -> Iterator[Claim]:
    """Every property that they state."""
    for line in asides(page):
        if not (line.of_others or ASIDE.search(line.heading) or OTHERS_CODE.search(line.text)):
            yield from _read(line, line.text[:LONGEST_READ], None)
        if not line.of_others and (match := MOST.fullmatch(line.text[:LONGEST_READ])):
            word = match["word"].lower()
            yield Superlative(
                line=line.number, quote=line.text, field="layer" if word in DEPTHS else "d_sae", most=word in LARGEST
            )  # fmt: skip
    for line in code_of_saes(page):
        yield from _code(line)
    yield from _configurations(page)
    yield from _printed(page)
    for line in page.prose:
        if (
            line.bullet
            and not line.of_others
            and (match := ITEM.match(line.text[:LONGEST_READ]))
            and NAME.search(match.group(1))
        ):
            yield from _read(line, match.group(2), sae_of(match.group(1)))
        elif not (line.of_others or line.cells or ASIDE.search(line.heading)) and line.section in SECTIONS:
            for piece in _pieces(line):
                yield from _read(line, piece, None)


def entries(page: Page) -> Iterator[Line]:
    """The lines of code but Python that give a key of a configuration a value."""
    ours = {line.number for line in code_of_saes(page)}
    for line in page.lines:
        if line.code and line.number not in ours and ENTRY.search(line.text[:LONGEST_READ]):
            yield line


def _pieces(line: Line) -> list[str]:
    """`Gated · 16k latents · layer 12`, and an item that is nothing but a layer."""
    pieces = [piece.strip() for piece in GLANCE.split(line.text[:LONGEST_READ])]
    if len(pieces) > 2 and all(0 < len(piece) <= LONGEST_PIECE for piece in pieces):
        return [f"{piece} SAE" if FIELDS["architecture"].kind.read(piece) else piece for piece in pieces]
    return [line.text] if line.bullet and ONLY_LAYER.fullmatch(line.text) else []


def _configurations(page: Page) -> Iterator[Claim]:
    """A configuration that is shown as it is: a block of JSON, YAML or TOML with several keys of one."""
    inside = {
        block.line + offset: at
        for at, block in enumerate(page.readme.code_blocks)
        if block.language in SHOWN
        for offset in range(block.text.count("\n") + 1)
    }
    found: dict[int, list[Property]] = {}
    for line in page.lines:
        at = inside.get(line.number)
        if at is None or line.of_others or ASIDE.search(line.heading):
            continue
        for match in ENTRY.finditer(line.text[:LONGEST_READ]):
            name, value = match["field"], FIELDS[match["field"]].kind.read(match["value"].strip("\"' "))
            if value is not None:
                found.setdefault(at, []).extend(stated_of(line, match.group().strip(), ANY, {name: value}))
    for claims in found.values():
        if len({claim.field for claim in claims}) > 1:
            yield from claims


PRINTED = re.compile(
    r"\b(?:\w{0,30}(?:SAE|AutoEncoder|Transcoder)\w{0,20})\((?P<pairs>\w{1,30}=[^()\n]{1,300})\)"
)
"""`TopKSAE(d_in=768, d_sae=3072, k=32)`, as Python shows it."""
OUTPUT = {"", "text", "txt", "plain", "console", "output"}
SIZES = {"d_in", "d_sae", "k", "architecture"}


def _printed(page: Page) -> Iterator[Claim]:
    """What a block shows as printed; in Python it may make another SAE."""
    shown = {
        block.line + offset
        for block in page.readme.code_blocks
        if block.language in OUTPUT
        for offset in range(block.text.count("\n") + 1)
    }
    for line in page.lines:
        match = (
            PRINTED.search(line.text[:LONGEST_READ]) if line.number in shown and not line.of_others else None
        )
        for pair in match["pairs"].split(",") if match else ():
            name, _, text = (part.strip() for part in pair.partition("="))
            value = FIELDS[name].kind.read(text.strip("\"'")) if name in SIZES else None
            if value is not None:
                yield from stated_of(line, pair.strip(), ANY, {name: value})


def _code(line: Line) -> Iterator[Claim]:
    """What a line of code says of the SAE that it has."""
    found: dict[str, str] = {}
    if match := IN_CFG.search(line.text[:LONGEST_READ]):
        found[match["field"]] = (match["equal"] or match["shown"]).strip("\"'`.:")
    if match := RETURNED.search(line.text[:LONGEST_READ]):
        found["d_sae" if match["method"].lower() == "encode" else "d_in"] = (
            match["size"].replace("_", "").replace(",", "")
        )
    for name, text in found.items():
        value = FIELDS[name].kind.read(text) if name in FIELDS else None
        if value is not None:
            yield from stated_of(line, line.text.strip(), ANY, {name: value})


def _read(line: Line, text: str, sae_id: str | None) -> Iterator[Claim]:
    flag = named.deniable(text)
    if flag is None and not is_sure(text, ANY):
        return
    found = {flag[0]: flag[1]} if flag else told(text, ANY) | place_of(text, 0)
    if not flag and "architecture" not in found and (match := OF_KIND.fullmatch(text)):
        found["architecture"] = FIELDS["architecture"].kind.read(match.group(1))
    yield from stated_of(line, text, ANY, found, sae_id)
