"""The code that samples rows as the training did, for every way in which a study samples: it is Python, and says what is recorded."""

from __future__ import annotations

import ast
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cards.reading import section
from cards.shapes import value, write
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


@pytest.mark.parametrize(("split", "held"), [("crossfit", True), ("held_out", True), ("train", False)])
def test_only_a_value_of_unseen_rows_is_held_against_fresh_ones(
    tmp_path: Path, split: str, held: bool
) -> None:
    """Without folds (`--folds 0`) L0 is that of the rows that the SAE was trained on: fresh ones may be far from it, and nothing is wrong."""
    members = tuple(replace(one, training={"pooling": SAMPLING.pooling}) for one in MEMBERS)
    saes = {
        one.sae_id: [value("l0", 4.0, 100, split, interval=(3.9, 4.1)), value("explained_variance", 0.7, 100, split, interval=(0.6, 0.8))]
        for one in MEMBERS
    }  # fmt: skip
    release = computed_release(members=members, saes=saes, provenance=_record(15, sampling=SAMPLING))
    card = build_card(write(release, tmp_path / "release", small=True)).text
    assert ("assert abs(l0 - " in card, "assert abs(variance - " in card) == (held, held)
    assert ("The card's values are of other rows than the sampled ones" in card) != held
    assert "the card says 4.0" in card


@pytest.mark.parametrize(
    ("loaded", "turned_off"), [({"load_in_4bit": True}, True), ({"load_in_8bit": True}, False)]
)
def test_four_bits_compute_in_the_type_of_the_training_on_any_processor(
    tmp_path: Path, loaded: dict[str, Any], turned_off: bool
) -> None:
    """As `inference.quantize` has it; only modules of 4 bits know the other way."""
    members = tuple(replace(one, training={"pooling": SAMPLING.pooling}) for one in MEMBERS)
    record = _record(15, sampling=SAMPLING, quantization={"quant_method": "bitsandbytes"} | loaded)
    card = build_card(
        write(computed_release(members=members, provenance=record), tmp_path / "release", small=True)
    ).text
    assert f"{next(iter(loaded))}=True" in card
    assert ("module.support_avx512bf16_for_cpu = False" in card) == turned_off
