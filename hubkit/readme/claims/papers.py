"""Titles and the arXiv numbers they are given; text that was meant to be replaced."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hubkit.readme.claims.kinds import Claim, Paper, Placeholder
from hubkit.readme.page import Line, Page, shortened

ARXIV = re.compile(r"(?:arxiv(?:\.org/(?:abs|pdf)/|[:\s]{1,3}))(\d{4}\.\d{4,5})\b", re.IGNORECASE)
TITLE = re.compile(r"[\"“]([A-Z][^\"“”\n]{15,200})[\"”]")
"""In quotation marks: the words of a link, or italics, may be anything."""
KNOWN = {
    "2101.00027": "The Pile: An 800GB Dataset of Diverse Text for Language Modeling",
    "2304.01373": "Pythia: A Suite for Analyzing Large Language Models Across Training and Scaling",
    "2309.08600": "Sparse Autoencoders Find Highly Interpretable Features in Language Models",
    "2404.16014": "Improving Dictionary Learning with Gated Sparse Autoencoders",
    "2406.04093": "Scaling and evaluating sparse autoencoders",
    "2406.11944": "Transcoders Find Interpretable LLM Feature Circuits",
    "2407.14435": "Jumping Ahead: Improving Reconstruction Fidelity with JumpReLU Sparse Autoencoders",
    "2408.05147": "Gemma Scope: Open Sparse Autoencoders Everywhere All At Once on Gemma 2",
    "2410.20526": "Llama Scope: Extracting Millions of Features from Llama-3.1-8B with Sparse Autoencoders",
    "2412.06410": "BatchTopK Sparse Autoencoders",
    "2503.09532": "SAEBench: A Comprehensive Benchmark for Sparse Autoencoders in Language Model Interpretability",
    "2503.17547": "Learning Multi-Level Features with Matryoshka Sparse Autoencoders",
}
"""Papers of the field that cards cite most, by their numbers."""
NAMED = re.compile(
    "|".join(
        re.escape(title.partition(":")[0] if len(title.partition(":")[0]) > 25 else title)
        for title in KNOWN.values()
    ),
    re.IGNORECASE,
)
"""One of them in plain text."""
ENTRY = re.compile(r"@\w{3,20}\s{0,3}\{")
BIB_TITLE = re.compile(
    r"\btitle\s{0,8}=\s{0,8}[\"{]{1,2}([^\"\n]{10,300}?)[\"}]{1,2}\s{0,3}(?:,|$)",
    re.IGNORECASE | re.MULTILINE,
)
BIB_NUMBER = re.compile(
    r"(?:eprint\s{0,8}=\s{0,8}[\"{]{0,2}|arxiv(?:\.org/(?:abs|pdf)/|[:.\s]{1,3}(?:preprint arxiv:)?))(\d{4}\.\d{4,5})\b",
    re.IGNORECASE,
)
LONGEST_ENTRY = 3_000
MOST_ENTRIES = 100
FAR = 250
"""Characters between a title and its number."""
PLACEHOLDERS = re.compile(
    r"\b(?:TODO|FIXME|TBD)\b(?!\()|\[?More information needed\]?|\b(?:RELEASE_ID|SAE_ID|REPO_ID|MODEL_ID)\b(?! *=)|\byour-(?:user)?name\b|\bLorem ipsum\b",
    re.IGNORECASE,
)
UPPER = {"todo", "fixme", "tbd", "release_id", "sae_id", "repo_id", "model_id"}
"""Placeholders only in capitals: `sae_id` is a word here."""
BRACED = re.compile(
    r"(?<![\w`$/.{\\\"'])(?:\{\{ ?[a-z_][a-z_.]{0,40} ?\}\}|\{(?:model|model_name|repo|repo_id|author|dataset|license|year|title|name)\})(?!\.?\w|[`/}])"
)
IN_CODE = re.compile(
    r"[\"'](?:<(?:sae|repo|model|release|your)[\w -]{0,30}>|(?:RELEASE|SAE|REPO|MODEL)_ID)[\"']",
    re.IGNORECASE,
)


def read(page: Page) -> Iterator[Claim]:
    """Every paper, and every placeholder."""
    for line in page.lines:
        if not line.code:
            yield from _papers(line)
        yield from _placeholders(line)
    for block in page.readme.code_blocks:
        if "@" in block.text:
            for offset, title, number in entries(block.text):
                yield Paper(line=block.line + offset, quote=shortened(title), title=title, arxiv=number)


def _papers(line: Line) -> Iterator[Claim]:
    for title in (*TITLE.finditer(line.raw), *NAMED.finditer(line.raw)):
        number = ARXIV.search(line.raw, title.end(), title.end() + FAR)
        another = number and (
            TITLE.search(line.raw, title.end(), number.start())
            or NAMED.search(line.raw, title.end(), number.start())
        )
        if number and not another:
            name = (title[1] if title.re is TITLE else title.group()).strip(" .,")
            yield Paper(line=line.number, quote=line.quote, title=name, arxiv=number.group(1))


def entries(text: str) -> Iterator[tuple[int, str, str]]:
    """Of each entry of BibTeX with a title and a number of arXiv: its line from 0, and the two."""
    begins = [match.start() for match in ENTRY.finditer(text)][:MOST_ENTRIES]
    for begin, end in zip(begins, [*begins[1:], len(text)], strict=False):
        entry = text[begin : min(end, begin + LONGEST_ENTRY)]
        title, number = BIB_TITLE.search(entry), BIB_NUMBER.search(entry)
        if title and number:
            yield (
                text.count("\n", 0, begin + title.start()),
                re.sub(r"[{}]", "", title[1]).strip(" .,"),
                number[1],
            )


def _placeholders(line: Line) -> Iterator[Claim]:
    if line.code:
        found = [match.group() for match in IN_CODE.finditer(line.raw)]
    else:
        found = [match.group() for match in PLACEHOLDERS.finditer(line.raw)]
        found = [text for text in found if text.lower() not in UPPER or text.isupper()]
        found += [match.group() for match in BRACED.finditer(line.raw)]
    for text in dict.fromkeys(found):
        yield Placeholder(line=line.number, quote=line.quote, text=text.strip("\"'"))
