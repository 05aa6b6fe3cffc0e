"""A card that was copied from the page that shows it: its headings, lists and tables come back, and the page around it is no part of it."""

from __future__ import annotations

import json

import numpy as np
import pytest
import yaml
from adopt.sentences import lost
from builders import cfg, tensors
from safetensors.numpy import save

from hubkit.adopt.adoption import adopt
from hubkit.adopt.copied import OF_THE_PAGE, cells_of, is_around, restored, stands_as_heading, still_lost
from hubkit.adopt.outcome import Adoption
from hubkit.adopt.split import take_apart
from hubkit.readme.document import parse_readme
from hubkit.readme.page import Page
from hubkit.repo.memory import MemoryView

CARD = """Two SAEs of a small model

We made them on a weekend and looked at most of it.

What's in This Repo

  • One folder per layer
  • Named by hand
    • as we liked

How the labels were made (please read before using)

By a strict match of words, on the first thirty characters of each completion
Nobody looked at more of it. A second judge agreed on most of what it saw.

T9 — Sensitivity to the sample (3 seeds)

Metric Value
Peak layer L4 (very early)
Judge some model
Score 0.725

Alpha sweep through the direction:
alpha honest_rate
-2.0 0.647
+0.0 0.549
+2.0 0.682

Usage

1. Load the weights

They are in safetensors.

2. Look at them

Any tool does.

Downloads last month

-

Downloads are not tracked for this model. How to track
Inference Providers NEW
This model isn't deployed by any Inference Provider. Ask for provider support

Model tree for owner/gpt2-saes

Finetuned
(863)
this model
"""


@pytest.fixture(scope="module")
def found() -> Adoption:
    weights: dict[str, np.ndarray] = tensors("topk")
    metadata = {"model_name": "gpt2", "hook_name": "blocks.4.hook_resid_pre"}
    files = {
        "README.md": CARD.encode(),
        "layer_4/cfg.json": json.dumps(cfg("topk", metadata=metadata)).encode(),
        "layer_4/sae_weights.safetensors": save(weights),
    }
    view = MemoryView(name="owner/gpt2-saes", files=files, repository="owner/gpt2-saes")
    made = adopt(view, {"license": "mit", "base_model": "openai-community/gpt2"})
    assert made is not None
    assert made.built.card, made.built.why
    return made


def test_lists_begin_at_the_margin_and_keep_their_levels(found: Adoption) -> None:
    assert "- One folder per layer\n- Named by hand\n  - as we liked" in (found.built.card or "")


def test_lines_between_blank_ones_are_headings_again(found: Adoption) -> None:
    card = found.built.card or ""
    for heading in ("How the labels were made (please read before using)", "T9 — Sensitivity to the sample (3 seeds)"):  # fmt: skip
        assert any((line.lstrip("# ") == heading and line.startswith("#")) or f"<b>{heading}</b>" in line for line in card.split("\n")), heading  # fmt: skip
    assert "### 1. Load the weights" in card
    assert "### 2. Look at them" in card


def test_tables_that_lost_their_bars_are_lists(found: Adoption) -> None:
    card = found.built.card or ""
    assert "Metric Value\n\n- Peak layer L4 (very early)\n- Judge some model\n- Score 0.725" in card


def test_tables_of_numbers_have_their_bars_again_and_stay_where_they_are(found: Adoption) -> None:
    table = "| alpha | honest_rate |\n|---|---|\n| -2.0 | 0.647 |\n| +0.0 | 0.549 |\n| +2.0 | 0.682 |"
    assert table in (found.built.card or "")
    values = {one["name"]: one for one in yaml.safe_load(found.evidence_text or "")["values"]}
    assert values["alpha -2.0, honest_rate"]["value"] == 0.647
    assert values["alpha -2.0, honest_rate"]["in_text"] is True


@pytest.mark.parametrize(
    ("head", "row", "cells"),
    [
        ("representation balanced accuracy AUROC", "gf1 (this SAE) 0.525 ± 0.094 0.525", ["gf1 (this SAE)", "0.525 ± 0.094", "0.525"]),
        ("layer L0", "12 64.0", ["12", "64.0"]),
        ("layer L0", "12 of 30 64.0", None),  # which of the numbers is the layer?
        ("layer L0 EV", "12 64.0", None),
        ("layer", "12", None),
        ("name of it L0", "x 64.0", None),
    ],
)  # fmt: skip
def test_cells_are_told_only_where_one_reading_is_possible(
    head: str, row: str, cells: list[str] | None
) -> None:
    found = cells_of(head, [row, row])
    assert (found[1:] if found else None) == ([cells, cells] if cells else None)


def test_a_wrapped_line_goes_on_where_its_sentence_does(found: Adoption) -> None:
    assert "of each completion\nNobody looked at more of it. A second judge" in (found.built.card or "")


def test_the_page_around_a_card_is_no_part_of_it_and_is_kept_in_card_yaml(found: Adoption) -> None:
    assert "Inference" not in (found.built.card or "")
    assert "Finetuned" not in (found.built.card or "")
    (out,) = [one for one in found.settings["withdrawn"] if one["reason"] == OF_THE_PAGE]
    assert out["text"].startswith("Downloads last month")
    assert out["text"].endswith("this model")
    assert lost(CARD, found) == []


@pytest.mark.parametrize(
    "line",
    [
        "Models and downloads",
        "Inference Providers of ours",
        "Papers for beginners",
        "Model tree",
        "This model is deployed",
    ],
)
def test_words_of_an_author_s_are_not_the_page_s(line: str) -> None:
    assert not is_around(line)


@pytest.mark.parametrize(
    "line",
    [
        "Code: somewhere",
        "The rest of it",
        "It is said, and so it is",
        "d = 4",
        "a few words",
        "It ends here.",
        "Seed=211",
        "Trained: 2026-04-22",
    ],
)
def test_lines_that_are_no_headings(line: str) -> None:
    assert not stands_as_heading(line)


BADLY = """What's in This Repo
- 3 conditions:
mixed,deceptive_only - Format: SAELens
Loading β read this
needs SAELens β₯3.0, 400β600 seconds (2048 β 8192), about a third of them β all the same, L0 β half of d_sae
hook_name format: blocks.N"""


def test_dashes_and_arrows_that_a_copy_lost_come_back_where_their_place_tells_which() -> None:
    text = restored(BADLY)
    assert "Loading — read this" in text
    assert "SAELens ≥ 3.0, 400–600 seconds (2048 → 8192), about a third of them — all the same" in text
    assert "L0 β half" in text  # about, or a dash
    greek = "The β of Adam β as it is, 2 β 3"
    assert restored(greek) == greek
    assert (still_lost(BADLY, text), still_lost(greek, greek)) == ((5,), ())


def test_items_and_names_that_a_copy_put_behind_each_other_are_apart_again() -> None:
    readme = parse_readme(f"A title\n\nAnd a sentence.\n\n{BADLY}\n")
    pieces = [piece.text for piece in take_apart(readme, Page(readme)).all]
    assert "3 conditions:\nmixed,deceptive_only" in pieces
    assert "Format: SAELens" in pieces
    assert "hook_name format: blocks.N" in pieces


GLUED = (
    "It needs SAELens β₯3.0. Weights (W_enc,thresholdfor JumpReLU)cfg.json — a config withhook_name,d_in, read "
    "withstate_dict. topkarchitecture: 3.0gatedarchitecture: 3.5"
)


def test_spaces_beside_names_that_were_code_come_back() -> None:
    text = restored(GLUED)
    assert (
        "(W_enc,threshold for JumpReLU) cfg.json — a config with hook_name,d_in, read with state_dict."
        in text
    )
    assert "topk architecture: 3.0 gated architecture: 3.5" in text
    assert text.replace(" ", "") == GLUED.replace(" ", "").replace("β₯", "≥"), "nothing but spaces"
    assert restored(GLUED.replace("β₯", "≥")) == GLUED.replace("β₯", "≥"), "no proof of a bad copy"


@pytest.mark.parametrize(
    "text",
    [
        "standardised thresholding of gatedness",
        "a threshold_for each of W_decoders",
        "see my_cfg.json and d_input",
        "1. topk, 2) gated, isolated",
    ],
)
def test_words_that_hold_a_name_stay_whole(text: str) -> None:
    assert restored(f"≥ β₯ {text}") == f"≥ ≥ {text}"


STEPS = """A title of ours

A first sentence here.
1. Load the weights
They are in safetensors.
2. Look at them
import torch
from json import load
x = load(open("f"))
"""


def headings(text: str) -> list[str]:
    readme = parse_readme(text)
    return [piece.text for piece in take_apart(readme, Page(readme)).all if piece.kind == "heading"][1:]


def test_a_step_above_its_text_or_its_code_is_a_heading_and_an_item_of_a_list_is_none() -> None:
    assert [one.lstrip("# ") for one in headings(STEPS)] == ["1. Load the weights", "2. Look at them"]
    assert (
        headings("A title of ours\n\nA sentence.\n1. Load the weights\n2. Look at them\nThen it is done.\n")
        == []
    )
    assert headings("A title of ours\n\nA sentence.\n1. Load the weights from\nthe folder.\n") == []


def test_code_inside_an_item_begins_at_the_margin() -> None:
    readme = parse_readme(
        "A title of ours\n\nA sentence.\n\n  • Set like this:\n\n    Config(\n        a=1,\n        b=torch.float16,\n    )\n\n  • And so on\n"
    )
    code = [piece.text for piece in take_apart(readme, Page(readme)).all if piece.kind == "code"]
    assert code == ["```python\nConfig(\n    a=1,\n    b=torch.float16,\n)\n```"]


def test_a_heading_may_say_that_it_is_important() -> None:
    assert stands_as_heading("Important: 4-bit quantization caveat")
    assert not stands_as_heading("Note: this")


def test_names_of_files_are_not_read_as_emphasis() -> None:
    readme = parse_readme(
        "A title\n\nIt is in (*_completions.jsonl), and in (*_judges.jsonl), tagged _ste_ as snake_case_names are.\n"
    )
    (piece,) = [one for one in take_apart(readme, Page(readme)).all if one.kind == "text"]
    assert (
        "(`*_completions.jsonl`), and in (`*_judges.jsonl`), tagged `_ste_` as snake_case_names are."
        in piece.text
    )
