"""A seed card taken apart: every section, table row, list item, sentence and block of code, and the numbers in them. The cards lie beside the checkout, uncommitted."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from hubkit.readme.mojibake import repair_all

Kind = Literal["section", "row", "point", "sentence", "code", "comment", "number"]

CARDS = {
    "smollm2": "smollm2-135m.txt",
    "tinyllama": "tinyllama-1.1b.txt",
    "nanochat": "nanochat-d32.txt",
    "gemma4": "gemma4-e2b-bnb4bit.txt",
}
FURNITURE = re.compile(
    r"\s*(?:-|Downloads .*|Inference Providers.*|This model isn't deployed.*|Finetuned|Base model|\(\d+\)|this model"
    r"|karpathy/nanochat-d32|\|-[-|]+)\s*"
)
"""Lines of the Hub's page around a card, and rulers."""
HEAD = re.compile(
    r"(?:\| )?(?:Metric|Parameter) (?:\| )?Value(?: \|)?|alpha honest_rate|representation balanced accuracy AUROC"
)
POINT = re.compile(r"^\s*(?:[•-]|\d+\.) (?!Load an SAE|Hook into|Read feature)")
CODE = re.compile(
    r"\s*#|from \S+ import|import \w|\s*def |\s*return |with .*:$|print\(|(?:handle|sae)\.\w+\(|\s*model\(|@article|\s*[)}]+$"
    r"|\s*[\w.\[\]\"]+(?:, \w+)?\s+=\s+[\w({\[\"]|\s*\w+=(?:\{|[^,\s]+,?$)|    \w+\(|    [\w.]+[=(\"]|    \""
)
CLAIM = re.compile(r"#.*\d.*")
"""A comment in code that states a number."""
SENTENCE = re.compile(r"(?<=[.?!])\s+(?=[A-Z])")
NUMBER = re.compile(
    r"""(?<![\w./@:\#{-])(?:
        L[1-9]\d?(?:,[ ]?L\d+)*                              # a layer, or a list of them
      | \d{4}-\d\d-\d\d(?:T[\d:.+]+)?                        # a date
      | [~<>≥+-]?\d(?:[\d,]*\d)?(?:\.\d+)*(?:(?:/|[ ]±[ ]|[–β])~?\d+(?:\.\d+)?)?(?:%|pp|x|s|B|M|H|D|GB)?
    )(?!\w|\.\d|-\d)""",
    re.VERBOSE,
)
NAME = re.compile(
    r"GTX \d+|Windows \d+|(?:Gemini|Claude|Gemma) \d(?:\.\d)?|arXiv:[\d.]+|\d-bit\w*|\d\.x|d>1|et al\. \d{4}"
    r"|[A-Za-z][\w{}]*[_-][\w.-]*\d[\w.-]*"
)
"""Digits that are part of a name."""


@dataclass(frozen=True)
class Item:
    """One thing that a seed card says."""

    card: str
    line: int
    kind: Kind
    section: str
    text: str
    """The whole of what stands there; a number is marked in it: `in «54» of them`."""


def items(folder: Path) -> list[Item]:
    """Everything that the four cards say, in their order."""
    texts = {card: (folder / name).read_text(encoding="utf-8") for card, name in CARDS.items()}
    return [one for card, text in texts.items() for unit in units(card, text) for one in with_numbers(unit)]


def units(card: str, text: str) -> Iterator[Item]:
    """Sections, rows, points, sentences and blocks of code with the claims in their comments; each line that says anything is in one of them."""
    section = ""
    for line, kind, words in _joined(repair_all(text).split("\n")):
        section = words if kind == "section" else section
        for part in SENTENCE.split(words) if kind == "sentence" else [words]:
            yield Item(card, line, kind, section, part)


def with_numbers(unit: Item) -> Iterator[Item]:
    """The unit itself, and each number in it where there are several; of one alone the unit's line speaks."""
    yield unit
    found = list(numbers(unit.text)) if unit.kind not in ("code", "comment") else []
    for start, end in found if len(found) > 1 else []:
        marked = f"{unit.text[:start]}«{unit.text[start:end]}»{unit.text[end:]}"
        yield replace(unit, kind="number", text=marked)


def numbers(text: str) -> Iterator[tuple[int, int]]:
    """Where the numbers are that are no part of a name."""
    names = [match.span() for match in NAME.finditer(text)]
    for match in NUMBER.finditer(text):
        if not any(start <= match.start() and match.end() <= end for start, end in names):
            yield match.span()


def _joined(lines: list[str]) -> Iterator[tuple[int, Kind, str]]:
    """(line, kind, words): code that only blank lines part is one, and a line that goes on is joined to the one it goes on from."""
    held: list[tuple[int, Kind, str]] = []
    in_table, after_blank = False, False
    for number, raw in enumerate(lines, 1):
        words = POINT.sub("", raw, count=1).strip()
        if not raw.strip():
            in_table, after_blank = False, True
            continue
        in_table = in_table or (HEAD.fullmatch(words) is not None and words[0] != "|")
        if HEAD.fullmatch(words) or FURNITURE.fullmatch(raw):
            continue
        kind: Kind = "row" if in_table else _kind(raw)
        if held and _goes_on(held[-1], kind, raw, after_blank):
            held[-1] = (*held[-1][:2], f"{held[-1][2]} {words}")
        else:
            held.append((number, kind, words))
        if kind == "code" and (claim := CLAIM.search(words)):
            held.insert(-1, (number, "comment", claim.group()))
        after_blank = False
    yield from held


def _kind(raw: str) -> Kind:
    words = raw.strip()
    if words.startswith("|"):
        return "row"
    if POINT.match(raw):
        return "point"
    if CODE.match(raw):
        return "code"
    is_short = (
        len(words) < 72
        and not words.endswith((".", ":", ","))
        and ": " not in words.removeprefix("Important: ")
    )
    return "section" if is_short and words[0].isalnum() else "sentence"


def _goes_on(held: tuple[int, Kind, str], kind: Kind, raw: str, after_blank: bool) -> bool:
    _, before, words = held
    if "code" in (before, kind):
        return before == kind
    if after_blank:
        return False
    if before == "point" and raw[0] == " ":
        return kind in ("sentence", "section")
    wrapped = len(words) > 60 and re.search(r"\b[a-zA-Z]+[,;]?$", words) is not None
    return (
        before == "sentence"
        and kind in ("sentence", "section")
        and wrapped
        and not raw.startswith("hook_name")
    )
