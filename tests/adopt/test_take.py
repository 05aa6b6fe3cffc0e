"""Any text into pieces, none lost; headings and numbers by the words that the field uses; linear."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubkit.adopt.cells import Known, number_in
from hubkit.adopt.draft import Draft, lines_of, texts, withdrawn
from hubkit.adopt.headings import PATTERNS, PLAIN, section_for
from hubkit.adopt.numbers import read_numbers
from hubkit.adopt.pieces import Pieces
from hubkit.adopt.source import without_secrets
from hubkit.adopt.split import take_apart
from hubkit.cards import sections
from hubkit.cards.settings import settings_text
from hubkit.readme.claims import Claims
from hubkit.readme.document import parse_readme
from hubkit.readme.page import Page

LINES = st.sampled_from([
    "# Title", "## Usage", "### Deeper", "Words here. More words.", "and on it goes", "- an item", "  1. another", "```python", "x = 1", "```", "~~~",
    "| a | EV |", "|---|---|", "| x | 0.5 |", "", "---", "===", "<!-- a", "b -->", "<!-- c -->", "@misc{k,", "}", "> quoted", "Known Limitations",
    "import torch", "\tindented", "**Bold**", "<details>", "{{ x }}",
])  # fmt: skip


def taken(text: str) -> Pieces:
    readme = parse_readme(text)
    return take_apart(readme, Page(readme))


@settings(max_examples=400, deadline=None)
@given(st.lists(LINES, max_size=25))
def test_every_word_is_in_a_piece(lines: list[str]) -> None:
    text = "\n".join(lines)
    body = "\n".join(text.split("\n")[parse_readme(text).body_line - 1 :])
    found = taken(text)
    markers = [group.marker for part in found.parts for block in part.blocks for group in block.groups]
    more = re.findall(r"\w+", " ".join([*markers, *(piece.text for piece in found.all)]))
    for word in re.findall(r"\w+", body):
        assert word in more, word
        more.remove(word)
    assert set(more) <= {"python", "bibtex"}  # code without fences gets some
    for piece in found.all:
        assert 1 <= piece.first <= piece.last <= len(lines)


PLAIN_CARD = """Deception SAEs

Known Limitations

Seed=211. Pool=30H / 19D.

Loading Example

import torch

x = torch.zeros(2)

2. Then look at it

More words here.

  • BitsAndBytesConfig(
        load_in_4bit=True,
    )

@misc{key,
  title={A title},
}
"""
"""A rendered card, copied as text."""


def test_code_and_prose_of_a_card_that_was_copied_as_text() -> None:
    kinds = [(piece.kind, piece.first, piece.last) for piece in taken(PLAIN_CARD).all]
    assert kinds == [
        ("heading", 1, 1), ("heading", 3, 3), ("text", 5, 5), ("text", 5, 5), ("heading", 7, 7), ("code", 9, 11), ("heading", 13, 13), ("text", 15, 15),
        ("code", 17, 19), ("code", 21, 23),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("heading", "section"),
    [
        ("Known Limitations", "limitations"),
        ("Caveats and known limitations", "limitations"),
        ("How to use", "loading"),
        ("Loading Example", "loading"),
        ("Training Details", "training"),
        ("What's in This Repo", "contents"),
        ("Out-of-Scope Use", "uses"),
        ("Final metrics @ 200M tokens", "quality"),
        ("Key Findings — TinyLlama-1.1B", "key_findings"),
        ("Research Context", "research"),
        ("Classification methodology (please read before using)", "caveat"),
        ("BibTeX", "citation"),
        ("License", "license"),
        ("Portability theory — will this SAE work at other precisions?", "precision"),
        ("Acknowledgements", None),
        ("Why layer 4?", None),
        ("Related Work", None),
        ("Key links", None),
        ("Contact", None),
    ],
)
def test_headings(heading: str, section: str | None) -> None:
    assert section_for(heading) == section


def test_every_section_that_a_heading_goes_to_is_there() -> None:
    assert {name for name, _ in PATTERNS} | PLAIN.keys() <= sections.ALL.keys()


@pytest.mark.parametrize(
    ("cell", "value", "unit"),
    [("86.9%", 86.9, "%"), ("65 174", 65174, ""), ("4,096", 4096, ""), ("~0.78", 0.78, ""), ("0.784 ± 0.02", 0.784, ""), ("-1.5e-3", -0.0015, ""), ("16k", 16000, ""), ("+5.4pp", 5.4, "pp"), ("0.7239183783531189", 0.7239183783531189, "")],
)  # fmt: skip
def test_cells_that_are_numbers(cell: str, value: float, unit: str) -> None:
    found = number_in(cell)
    assert found is not None
    assert (found.value, found.unit) == (pytest.approx(value), unit)


@pytest.mark.parametrize(
    "cell",
    [
        "",
        "–",
        "L12 (39% depth)",
        "2/57 (3%)",
        "400–600",
        "n/a",
        "1/32",
        "float32",
        "2026-04-11",
        "3.0.1",
        "v2",
    ],
)
def test_cells_that_are_none(cell: str) -> None:
    assert number_in(cell) is None


MEGABYTE = 1_000_000
REPEATED = {
    "words": "word ", "sentences": "A word here. ", "lines": "word word\n", "headings": "## h\n", "items": "- EV: 0.5\n", "fences": "```\nx\n",
    "comments": "<!--\n", "closed comments": "<!-- a -->\n", "tables": "| a | b |\n|---|---|\n| 1 | 2 |\n\n", "bibtex": "@misc{a\n\n", "folds": "<details>\n",
    "braces": "{", "bars": "|\n", "spaces": "a." + " " * 1000, "tokens": "hf_" + "a" * 34 + " ", "keys": "-----BEGIN PRIVATE KEY-----\n", "underlined": "a\n---\n\n",
}  # fmt: skip


@pytest.mark.parametrize("kind", REPEATED)
def test_a_card_of_a_megabyte_takes_a_moment(kind: str) -> None:
    text = (REPEATED[kind] * (MEGABYTE // len(REPEATED[kind]) + 1))[:MEGABYTE]
    readme = parse_readme(text)
    page = Page(readme)
    assert page.lines is not None  # a validation reads them as well
    assert _seconds(lambda: _all(text, page)) < 4 * _seconds(_one_second) + 2


def _all(text: str, page: Page) -> None:
    without_secrets(text)
    pieces = take_apart(page.readme, page)
    numbers = read_numbers(pieces, Claims(()), Known(frozenset(), {}))
    draft = Draft(pieces, {}, numbers.whole)
    settings_text({**texts(draft, lambda _: False), "withdrawn": withdrawn(draft)})
    lines_of(draft)


def _one_second() -> None:
    """What a machine that is busy takes for a known amount of work."""
    sum(i * i for i in range(1_000_000))


def _seconds(work: Callable[[], None]) -> float:
    begun = time.process_time()
    work()
    return time.process_time() - begun
