"""What a card says of the base model: its layers, its parameters, its family, and how deep a layer is in it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hubkit.models.mentions import MENTION
from hubkit.readme.claims.kinds import (
    Bits,
    Claim,
    Depth,
    ModelFamily,
    ModelLayers,
    ModelNumber,
    ModelSize,
    Part,
)
from hubkit.readme.page import Line, Page

I = re.IGNORECASE  # noqa: E741 - as short as it is common here
MODEL = r"[A-Za-z][\w.]{1,40}(?:[-/ ][\w.]{1,40}){0,8}?"
SIZE = r"(\d{1,4}(?:\.\d{1,3})?) ?([MBmb])"
SCALE = {"m": 1e6, "b": 1e9}
SIZE_OF = re.compile(
    rf"(?<![\w./-])((?:[A-Za-z0-9][\w.-]{{1,60}}/)?[A-Za-z][\w.-]{{2,80}}) \({SIZE}[ -](?:parameters?|params?)\b"
)
WORDED = re.compile(
    r"(?<![\w./-])([A-Za-z][\w./-]{2,80}) (?:has|is a model of) (\d{1,4}(?:\.\d{1,3})?) ?(M|B|million|billion) parameters\b",
    I,
)
SIZE_COLUMN = re.compile(r"^(?:params|parameters|model size)$", I)
MODEL_COLUMN = re.compile(r"^(?:base )?model$", I)
LAYERS = (
    re.compile(r"\b(\d{1,3}) transformer layers\b"),
    re.compile(r"\ba (\d{1,3})-layer\b"),
    re.compile(
        r"^(?:the|its) (?:base|language|underlying|target) (?:language )?model (?:has|is made of|consists of) (\d{1,3}) (?:layers|blocks)\b",
        I,
    ),
    re.compile(r"^total layers \| (\d{1,3})$", I),
    re.compile(rf"\({SIZE} params, (?:d_model=\d+, )?(?P<layers>\d{{1,3}}) layers\b"),
    re.compile(rf"\b{SIZE} params, (?P<layers>\d{{1,3}}) layers, d_model"),
)
DEPTH = re.compile(r"\bL(?:ayer )?(\d{1,3})\b[^()%\n]{0,40}\(~?(\d{1,3}(?:\.\d{1,2})?)% depth")
DEPTH_CELL = re.compile(r"^L(?:ayer )?(\d{1,3}) \(~?(\d{1,3}(?:\.\d{1,2})?)%\)")
DEPTH_COLUMN = re.compile(r"\bdepth\b", I)
FAMILIES = {
    "gpt_neox": r"GPT-?NeoX", "gpt2": r"GPT-?2", "llama": r"L[Ll]a[Mm][Aa](?:[- ]?[23](?:\.\d)?)?", "qwen": r"Qwen(?:[23](?:\.5)?)?",
    "gemma": r"Gemma(?:[- ]?[234])?", "phi": r"Phi(?:-[234])?", "mistral": r"Mistral", "opt": r"OPT",
}  # fmt: skip
FAMILY = "|".join(f"(?P<{name}>{words})" for name, words in FAMILIES.items())
FAMILY_OF = (
    re.compile(rf"\buses? (?:the )?(?:{FAMILY})(?:-style)? architecture\b"),
    re.compile(
        rf"\({SIZE}[ -]parameter (?:{FAMILY})(?:[- ]architecture)? (?:base |tiny |reasoning-fine-tuned )*model\b"
    ),
    re.compile(rf"\({SIZE}[ -]parameter (?:{FAMILY})[- ]architecture\b"),
    re.compile(rf"(?:^|\. )(?:{FAMILY})(?:-style)? architecture\."),
)
WHOLE = r"(\d{1,3}(?:,\d{3})+|\d{1,6})"
PARTS: tuple[tuple[Part, str], ...] = (
    ("n_kv_heads", rf"{WHOLE} (?:key-value|key/value|KV) heads\b"),
    ("n_heads", rf"{WHOLE} (?:attention |query )?heads\b"),
    (
        "n_layers",
        rf"{WHOLE} (?:transformer |decoder |hidden )?(?:layers|blocks)\b(?! (?:have|are|were|of SAEs|covered))",
    ),
    ("vocab", rf"(?:a )?vocab(?:ulary)?(?: size)? of {WHOLE}(?: tokens| entries)?\b"),
    ("vocab", rf"{WHOLE} (?:tokens|entries) in (?:its|the) vocabulary\b"),
)
"""Numbers of a model, in a sentence whose subject it is, or in brackets behind its name."""
SUBJECT = rf"(?:(?:the|its|this) (?:base|language|underlying|target|subject|host) (?:language )?model|(?P<name>{MENTION.pattern}(?: (?:small|medium|large|xl))?))"
HAS = re.compile(
    rf"(?:^|[,;] ){SUBJECT},? (?:which |itself )?(?:has|uses|is made of|consists of|contains|with) (?P<rest>.{{3,200}})",
    I,
)
IN_BRACKETS = re.compile(rf"{SUBJECT}(?: ?:)?,? \((?P<rest>[^()]{{3,120}})\)", I)
BRACKET = re.compile(
    r"^(?:\d[\w.,]* (?:[a-z-]+ ){0,2}[a-z]+|d_model ?=? ?\d+|(?:hidden size|width) \d+)(?:[,;] (?:and )?(?:\d[\w.,]* (?:[a-z-]+ ){0,2}[a-z]+|d_model ?=? ?\d+|(?:hidden size|width) \d+))+$",
    I,
)
"""`(12 layers, 12 heads)`: nothing but numbers of things."""
NOT_ITS = re.compile(
    r"\b(?:SAEs?|auto-?encoders?|of (?:its|the|their)|not|n't|only|first|last|per token|each|covered?|trained|we)\b|\bout of\b",
    I,
)
LABELS: tuple[tuple[Part, re.Pattern[str]], ...] = (
    ("vocab", re.compile(r"(?:model |base model )?vocab(?:ulary)?(?:[ _]size)?", I)),
    ("n_heads", re.compile(r"(?:(?:number|no\.?|num\.?) (?:of )?)?attention heads", I)),
    ("n_kv_heads", re.compile(r"(?:(?:number|no\.?|num\.?) (?:of )?)?(?:key-value|KV) heads", I)),
    (
        "n_layers",
        re.compile(
            r"(?:model|base model|transformer) layers|(?:(?:number|no\.?|num\.?) (?:of )?)(?:transformer |decoder |hidden )layers",
            I,
        ),
    ),
)
"""Titles of rows."""
BITS = re.compile(r"~?(\d{1,2}(?:\.\d{1,3})?)[ -]?bits? ?(?:/|per) ?(?:param|weight)", I)
DOUBLE = re.compile(r"double[- _]?quant", I)


def read(page: Page) -> Iterator[Claim]:
    """Every statement about the base model."""
    for line in page.prose:
        yield from _size(line)
        yield from _layers(line)
        yield from _depths(line)
        yield from _family(line)
        if not line.of_others:
            yield from _numbers(line)
        if (match := BITS.search(line.text)) and re.search(r"\b(?:nf4|fp4)\b", line.text, I):
            scheme = "nf4 with double quantization" if DOUBLE.search(line.text) else "nf4"
            yield Bits(line=line.number, quote=line.quote, bits=float(match.group(1)), scheme=scheme)  # type: ignore[arg-type]


def _size(line: Line) -> Iterator[Claim]:
    found = [(match.group(1), match.group(2), match.group(3)) for match in SIZE_OF.finditer(line.text)]
    found += [
        (match[1], match[2], match[3][0])
        for match in WORDED.finditer(line.text)
        if re.search(r"\d", match[1])
    ]
    model, size = line.column(MODEL_COLUMN), line.column(SIZE_COLUMN)
    if model and size and (match := re.fullmatch(SIZE, size)):
        found.append((model, match.group(1), match.group(2)))
    for name, number, unit in found:
        parameters = float(number) * SCALE[unit.lower()]
        yield ModelSize(line=line.number, quote=line.quote, model=name, parameters=parameters)


def _layers(line: Line) -> Iterator[Claim]:
    for pattern in LAYERS:
        if match := pattern.search(line.text):
            number = match.group("layers") if "layers" in pattern.groupindex else match.group(1)
            yield ModelLayers(line=line.number, quote=line.quote, number=int(number))
            return


def _numbers(line: Line) -> Iterator[Claim]:
    """Heads, layers and vocabulary: of a sentence about the model, of brackets behind its name, of a row."""

    def claim(part: Part, written: str, model: str | None) -> ModelNumber:
        return ModelNumber(
            line=line.number, quote=line.quote, part=part, number=int(written.replace(",", "")), model=model
        )

    label, _, value = line.text.partition(" | ") if line.cells else line.text.partition(":")
    whole = re.fullmatch(WHOLE, value.strip(" .`*"))
    for part, words in LABELS:
        if whole and len(line.cells) in (0, 2) and words.fullmatch(label.strip(" `*")):
            yield claim(part, whole[1], None)
            return
    if line.cells:
        return
    for sentence in line.sentences():
        found = [match for match in (HAS.search(sentence), IN_BRACKETS.search(sentence)) if match]
        for match in found:
            rest = match["rest"]
            if match.re is IN_BRACKETS and not BRACKET.match(rest):
                continue
            read = [(part, one[1]) for part, words in PARTS for one in re.finditer(words, rest, I)]
            if read and not NOT_ITS.search(sentence[match.start() :]):
                yield from (claim(part, number, match["name"]) for part, number in read)
                break


def _depths(line: Line) -> Iterator[Claim]:
    cell = line.column(DEPTH_COLUMN)
    if cell and (match := DEPTH_CELL.match(cell)):
        yield Depth(
            line=line.number,
            quote=line.quote,
            layer=int(match.group(1)),
            percent=float(match.group(2)),
            model=line.column(MODEL_COLUMN),
        )
        return
    for match in DEPTH.finditer(line.text):
        yield Depth(
            line=line.number,
            quote=line.quote,
            layer=int(match.group(1)),
            percent=float(match.group(2)),
            model=None,
        )


def _family(line: Line) -> Iterator[Claim]:
    for pattern in FAMILY_OF:
        if match := pattern.search(line.text):
            family = next(name for name in FAMILIES if match.group(name))
            yield ModelFamily(line=line.number, quote=line.quote, family=family)
            return
