"""Titles and the arXiv numbers they are given; text that was meant to be replaced."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hubkit.readme.claims.kinds import BibEntry, Cited, Claim, Paper, Placeholder
from hubkit.readme.page import SENTENCE, Line, Page, shortened

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
METHODS: dict[str, tuple[re.Pattern[str], dict[str, set[int]]]] = {
    "JumpReLU": (
        re.compile(r"\bJump-?ReLU\b", re.IGNORECASE),
        {"rajamanoharan": {2024, 2025}, "erichson": {2019}},
    ),
    "Gated SAEs": (
        re.compile(r"\bgated (?:SAEs?|sparse auto-?encoders?)\b", re.IGNORECASE),
        {"rajamanoharan": {2024, 2025}},
    ),
    "BatchTopK": (re.compile(r"\bBatch-?Top-?K\b", re.IGNORECASE), {"bussmann": {2024, 2025}}),
    "Matryoshka SAEs": (
        re.compile(r"\bMatryoshka\b", re.IGNORECASE),
        {"bussmann": {2024, 2025}, "nabeshima": {2024, 2025}, "kusupati": {2022}},
    ),
    "TopK SAEs": (
        re.compile(
            r"(?<!Batch)(?<!Batch-)\bTop-?K (?:SAEs?|sparse auto-?encoders?|activation)", re.IGNORECASE
        ),
        {"gao": {2024, 2025}, "makhzani": {2013, 2014}},
    ),
    "Gemma Scope": (re.compile(r"\bGemma ?Scope\b(?! 2)", re.IGNORECASE), {"lieberum": {2024, 2025}}),
    "Llama Scope": (re.compile(r"\bLlama ?Scope\b", re.IGNORECASE), {"he": {2024, 2025}}),
    "SAEBench": (re.compile(r"\bSAE ?Bench\b", re.IGNORECASE), {"karvonen": {2024, 2025}}),
    "Pythia": (re.compile(r"\bPythia\b", re.IGNORECASE), {"biderman": {2023}}),
}
"""What cards cite papers for, and by whom and when these were written: the preprint, and the proceedings."""
CITED = re.compile(
    r"\b(?P<surname>[A-Z][a-z]{1,30}(?:[-'’][A-Z]?[a-z]{1,20})?)(?:,? et al\.?,?| (?:and|&) [A-Z][a-z]{1,30}(?:[-'’][A-Z]?[a-z]{1,20})?,?) ?[(\[]?(?P<year>(?:19|20)\d\d)(?![\d-])"
)
"""Two names, or one "et al.", and a year."""
ABBREVIATED = re.compile(r"\bet al\.")
"""Its point ends no sentence."""
ORIGIN = re.compile(
    r"\b(?:due to|introduced (?:by|in)|proposed (?:by|in)|invented by|first described (?:by|in)|developed by|presented (?:by|in)|architecture of|method of)\b[^.]{0,40}$",
    re.IGNORECASE,
)
"""Before the names."""
ASKED = re.compile(r"\b(?:please |to |also |and |must |should )?cit(?:e|ing)\b[^.]{0,60}$", re.IGNORECASE)
BIB_AUTHOR = re.compile(
    r"\bauthor\s{0,8}=\s{0,8}[\"{]{1,2}([^\"\n]{3,2000}?)(?:\sand\s|[\"}])", re.IGNORECASE
)
BIB_YEAR = re.compile(r"\byear\s{0,8}=\s{0,8}[\"{]{0,2}((?:19|20)\d\d)", re.IGNORECASE)
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
            yield from _cited(line)
        yield from _placeholders(line)
    for block in page.readme.code_blocks:
        if "@" in block.text:
            for offset, title, number in entries(block.text):
                yield Paper(line=block.line + offset, quote=shortened(title), title=title, arxiv=number)
            yield from _authors(block.line, block.text)


def _cited(line: Line) -> Iterator[Claim]:
    for sentence in SENTENCE.split(ABBREVIATED.sub("et al", line.text)):
        found = list(CITED.finditer(sentence))
        about = [name for name, (words, _) in METHODS.items() if words.search(sentence)]
        for match in found:
            before = sentence[: match.start()]
            yield Cited(
                line=line.number, quote=line.quote, surname=match["surname"].lower(), year=int(match["year"]), about=about[0] if len(about) == len(found) == 1 else None,
                origin=ORIGIN.search(before) is not None, asked=ASKED.search(before) is not None,
            )  # fmt: skip


def _authors(first: int, text: str) -> Iterator[Claim]:
    """Of each entry its first author's last name, `Doe, Jane` or `Jane Doe`, and its year."""
    begins = [match.start() for match in ENTRY.finditer(text)][:MOST_ENTRIES]
    for begin, end in zip(begins, [*begins[1:], len(text)], strict=False):
        entry = text[begin : min(end, begin + LONGEST_ENTRY)]
        author, year = BIB_AUTHOR.search(entry), BIB_YEAR.search(entry)
        name = re.sub(r"[{}]", "", author[1]).strip() if author else ""
        surname = (name.partition(",")[0] if "," in name else name.rpartition(" ")[2]).strip().lower()
        if surname and year:
            line = first + text.count("\n", 0, begin)
            yield BibEntry(
                line=line, quote=shortened(entry.partition("\n")[0]), surname=surname, year=int(year[1])
            )


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
