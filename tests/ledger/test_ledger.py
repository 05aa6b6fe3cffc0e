"""docs/seeds.md: no blank, no place that is not there, and where the seed cards lie beside the checkout, nothing of them missing."""

from __future__ import annotations

import re

import pytest
from ledger.items import CARDS, FURNITURE, HEAD, POINT, Item, items, numbers, units
from ledger.places import fault, status
from ledger.table import DOCUMENT, SEEDS, judged, render, rules

ROW = re.compile(r"\| \d+ \| (\w+) \| `(.+)` \| `?(.*?)`? \|")
here = pytest.mark.skipif(
    not all((SEEDS / name).is_file() for name in CARDS.values()), reason="the seed cards are not here"
)
CARD = """Tiny SAEs

4 SAEs on 2 layers of a model. They find nothing.

Metric Value
Peak layer L4 (13% depth)

  • EV: 0.9, over
    two lines
  1. k=16

from sae_lens import SAE

sae = SAE.from_dict(cfg)  # [4, 16]

Downloads last month
"""


def rows() -> list[tuple[str, str, str]]:
    return ROW.findall(DOCUMENT.read_text(encoding="utf-8"))


def test_every_line_of_the_ledger_names_a_place_that_is_there() -> None:
    wheres = {where for _, _, where in rows()}
    assert {status(where) for where in wheres} == {"computed", "author"}
    assert {where: why for where in wheres if (why := fault(where))} == {}


def test_the_sums_at_the_top_are_those_of_the_lines() -> None:
    total = re.search(r"\| \*\*all\*\* \| (\d+) \| (\d+) \|.* (\d+) \|", DOCUMENT.read_text(encoding="utf-8"))
    found = [status(where) for _, _, where in rows()]
    assert total is not None
    assert [int(one) for one in total.groups()] == [
        found.count("computed"),
        found.count("author"),
        len(found),
    ]


@pytest.mark.parametrize(
    "where",
    [
        "", " ", "soon", "later #12 something", "later #18", "README.md section nowhere", "hubkit validate THR999", "provenance.json /grid/colours",
        "evaluation.json /saes/*/value", "evaluation.json /saes/*/values[measure=beauty]/value", "evaluation.json /saes/*/values[measure=d,split=crossfit]/value",
        "evaluation.json /saes/*/values[measure=l0,split=control]/value", "<sae_id>/cfg.json /epochs", "<sae_id>/cfg.json /metadata/hubkit/colour", "author card.yaml /prose/nowhere", "author evidence.yaml /dreams",
    ],
)  # fmt: skip
def test_a_place_that_is_not_there_is_told(where: str) -> None:
    assert fault(where) is not None


def test_a_card_is_taken_apart_and_nothing_of_it_is_left_out() -> None:
    assert [(one.line, one.kind, one.text) for one in units("tiny", CARD)] == [
        (1, "section", "Tiny SAEs"),
        (3, "sentence", "4 SAEs on 2 layers of a model."),
        (3, "sentence", "They find nothing."),
        (6, "row", "Peak layer L4 (13% depth)"),
        (8, "point", "EV: 0.9, over two lines"),
        (10, "point", "k=16"),
        (14, "comment", "# [4, 16]"),
        (12, "code", "from sae_lens import SAE sae = SAE.from_dict(cfg)  # [4, 16]"),
    ]
    assert [
        text[a:b]
        for text in ["Peak L4 (13% depth), 24/54 at L3, L6 on GTX 1650, 0.66 ± 0.08"]
        for a, b in numbers(text)
    ] == ["L4", "13%", "24/54", "L3, L6", "0.66 ± 0.08"]


@here
def test_the_ledger_is_current_and_has_no_blank() -> None:
    """When this fails: the command is in tests/ledger/table.py; a blank wants a line in judged.tsv."""
    lines = judged(items(SEEDS))
    assert [item for item, rule in lines if rule is None] == []
    assert DOCUMENT.read_text(encoding="utf-8") == render()
    assert [rule for rule in rules() if not any(rule == used for _, used in lines)] == []


@here
@pytest.mark.parametrize("card", CARDS)
def test_every_word_of_a_seed_card_is_in_an_item(card: str) -> None:
    text = (SEEDS / CARDS[card]).read_text(encoding="utf-8")
    found = list(units(card, text))
    said = re.findall(r"[A-Za-z0-9.]+", " ".join(item.text for item in found))
    lines = [
        line
        for line in text.split("\n")
        if not FURNITURE.fullmatch(line) and not HEAD.fullmatch(line.strip())
    ]
    there = re.findall(r"[A-Za-z0-9.]+", " ".join(POINT.sub("", line, count=1) for line in lines))
    assert _without_comments(found, said) >= len(there) > 500
    assert set(there) <= set(said)


def _without_comments(found: list[Item], said: list[str]) -> int:
    twice = re.findall(r"[A-Za-z0-9.]+", " ".join(item.text for item in found if item.kind == "comment"))
    return len(said) - len(twice)
