"""What a card says beside its prose: comments in the code that loads its SAEs, and what stands for an image that is not shown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import unquote

from hubkit.readme.code import PYTHON
from hubkit.readme.formulas import without_formulas
from hubkit.readme.page import Line
from hubkit.readme.prose import comment_lines

if TYPE_CHECKING:
    from hubkit.readme.page import Page

COMMENTED = {*PYTHON, "", "bash", "sh", "shell", "console", "yaml"}
"""Languages of code in which `#` begins a comment."""
OF_SAES = re.compile(
    r"SAE|sae_lens|safetensors|\bsae\.(?:encode|decode|cfg|W_enc|W_dec|b_enc|b_dec|threshold)\b", re.ASCII
)
COMMENT = re.compile(r"(?:^|(?<=\s))#+[ \t]*(\S.*)$")
LONGEST = 400
"""Characters of a line of code that are looked at."""
IMAGE = re.compile(
    r"!\[([^\[\]\n]{3,300})\]\([^()\n]{0,500}\)|<img\b[^<>]{0,500}?\balt ?= ?[\"']([^\"'<>\n]{3,300})[\"']",
    re.IGNORECASE,
)
BADGE = re.compile(r"img\.shields\.io/badge/([^\s)\"'?<>]{3,200})", re.IGNORECASE)
"""A picture whose words stand in its address."""
SHAPE = re.compile(r"^\W*(?:shape\b|[\[(])", re.IGNORECASE)
"""A comment that is nothing but the shape of what the line gives."""
TITLE = re.compile(r"\s{0,20}title\s{0,20}=\s{0,5}[{\"]{1,2}(.{5,300}?)[}\"]{1,2},?\s{0,5}$", re.IGNORECASE)
"""A line of BibTeX."""
SAES = re.compile(
    r"(?=.*\b(?:SAEs?|auto-?encoders?|transcoders?|dictionar(?:y|ies))\b)(?=.*(?:\blayers? ?\d|\bblocks? ?\d|\b\d[\dk,]{1,6} (?:latents|features)|\bk ?= ?\d))",
    re.IGNORECASE,
)
NAMES_ONE = re.compile(r"\b(?:SAEs?|auto-?encoders?|transcoders?|dictionary)\b", re.IGNORECASE)
"""Other images show results, layer by layer."""


def code_of_saes(page: Page) -> Iterator[Line]:
    """The lines of code that loads or runs SAEs."""
    numbers = {
        block.line + offset
        for block in page.readme.code_blocks
        if block.language in COMMENTED and OF_SAES.search(block.text)
        for offset in range(block.text.count("\n") + 1)
    }
    yield from (line for line in page.lines if line.code and line.number in numbers)


def asides(page: Page) -> Iterator[Line]:
    """Each comment and each image's words as a line of its own, in the order of the lines."""
    of_saes = {line.number for line in code_of_saes(page)}
    for line in page.lines:
        if line.code:
            text = _comment(line.text[:LONGEST]) if line.number in of_saes else None
            if text is not None and not SHAPE.match(text):
                yield replace(line, text=text, code=False, fenced=False)
        elif "alt" in line.raw or "![" in line.raw or "shields.io" in line.raw:
            for match in BADGE.finditer(line.raw):
                yield replace(line, text=_badge(match.group(1)), cells=(), titles=(), bullet=False, level=0)
            for match in IMAGE.finditer(line.raw):
                text = without_formulas(match.group(1) or match.group(2)).strip()
                if NAMES_ONE.search(text):
                    yield replace(line, text=text, cells=(), titles=(), bullet=False, level=0)


def diagrams(page: Page) -> Iterator[Line]:
    """The lines of diagrams, which the Hub draws."""
    numbers = {
        block.line + offset
        for block in page.readme.code_blocks
        if block.language == "mermaid"
        for offset in range(block.text.count("\n") + 1)
    }
    yield from (line for line in page.lines if line.number in numbers)


def cited_titles(page: Page) -> Iterator[Line]:
    """Titles of a citation that speak of SAEs with a number or a kind of their own: perhaps of these. Other papers' say neither."""
    for line in page.lines:
        match = TITLE.match(line.raw[:LONGEST])
        if match and SAES.search(match[1]):
            yield replace(line, text=match[1].replace("{", "").replace("}", ""), code=False, fenced=False)


def comments(page: Page) -> Iterator[Line]:
    """The lines of HTML comments, which the Hub does not show and other programs read."""
    for number, text in comment_lines(page.readme.text):
        if number >= page.readme.body_line and (words := text.strip()[:LONGEST]):
            yield Line(number, words, words, "other", "", code=False, fenced=False, bullet=False)


def _badge(address: str) -> str:
    """`d__sae-4096-blue` shows `d_sae 4096`: the last part is the colour, `--` a dash, `__` an underscore, `_` a blank."""
    words = unquote(address).replace("--", "\0").replace("__", "\1")
    label, _, value = words.rpartition("-")[0].replace("_", " ").partition("-")
    return f"{label} {value}".strip().replace("\0", "-").replace("\1", "_")


def _comment(code: str) -> str | None:
    """The words behind the `#` that is in no string."""
    for match in COMMENT.finditer(code):
        before = code[: match.start()]
        if before.count('"') % 2 == 0 and before.count("'") % 2 == 0:
            return match.group(1).strip()
    return None
