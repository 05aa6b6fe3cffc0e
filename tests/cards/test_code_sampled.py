"""The code that samples rows as the training did, for every way in which a study samples: it is Python, and says what is recorded."""

from __future__ import annotations

import ast
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cards.reading import section
from cards.shapes import write
from cards.variants import MEMBERS, SAMPLING, _record, computed_release

from hubkit.cards.build import build_card
from hubkit.cards.snippets import python_blocks

WAYS: list[tuple[dict[str, Any], list[str], list[str]]] = [
    ({}, ["do_sample=True", "temperature=1.0", ".mean(0))", "decides.search"], ["apply_chat_template"]),
    ({"pooling": "last"}, ["[pooled][-1])"], [".mean(0))"]),
    ({"chat": True}, ["apply_chat_template", "add_special_tokens=False"], ["system"]),
    (
        {"chat": True, "systems": ["Be brief."]},
        ['zip(record["prompts"], record["systems"])', '"role": "system"'],
        [],
    ),
    ({"temperature": 0.0}, ["do_sample=False"], ["temperature=", "num_return_sequences"]),
    ({"commit": None}, ["pooled = list(range(len(response)))"], ["import re", "decides"]),
    ({"without_commit": False}, ["decides.search", "pooled = list(range(len(response)))"], ["word.start()"]),
]


@pytest.mark.parametrize(("changes", "there", "not_there"), WAYS, ids=[str(way[0]) for way in WAYS])
def test_the_code_samples_as_is_recorded(
    tmp_path: Path, changes: dict[str, Any], there: list[str], not_there: list[str]
) -> None:
    sampling = SAMPLING.model_copy(update=changes)
    members = tuple(replace(one, training={"pooling": sampling.pooling}) for one in MEMBERS)
    release = computed_release(members=members, provenance=_record(15, sampling=sampling))
    card = build_card(write(release, tmp_path / "release", small=True)).text
    title = "Code: the activations as in training, with L0 and explained variance"
    blocks = [block.text for block in python_blocks("---\n---\n" + section(card, title))]
    assert len(blocks) == 3
    ast.parse("\n".join(blocks))
    assert [words for words in there if words not in blocks[1]] == []
    assert [words for words in not_there if words in blocks[1]] == []
    assert "assert abs(l0 - " in blocks[2]
