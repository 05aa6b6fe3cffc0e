"""Datasets of one family are other datasets, and what a sentence says of inner dictionaries, of other widths or of penalties is no fact of the SAE."""

from __future__ import annotations

import pytest
from builders import cfg, check
from validate.card_twins import card

from hubkit.readme.claims.values.names import Dataset

TRAINED = {
    "fineweb": "HuggingFaceFW/fineweb",
    "edu": "HuggingFaceFW/fineweb-edu",
    "owt": "Skylion007/openwebtext",
}


def told(text: str, dataset: str = "owt", **changes: object) -> list[str]:
    configuration = cfg(metadata={"dataset_path": TRAINED[dataset]}, **changes)
    report = check(card(text, configuration), "CARD005")
    return [one.message for one in report.findings if one.code == "CARD005"]


@pytest.mark.parametrize(
    ("text", "dataset", "wrong"),
    [
        ("The SAEs were trained on fineweb-edu.", "fineweb", True),
        ("The SAEs were trained on fineweb.", "fineweb", False),
        ("The SAEs were trained on FineWeb.", "edu", True),
        ("- Dataset: FineWeb-Edu", "edu", False),
        ("- Dataset: FineWeb-Edu", "fineweb", True),
        ("Dataset: HuggingFaceFW/fineweb-edu", "fineweb", True),
        ("The SAE was trained on OpenWebText2.", "owt", True),
        ("The SAE was trained on OpenWebText.", "owt", False),
        ("- Dataset: apollo-research/Skylion007-openwebtext-tokenizer-gpt2", "owt", False),
    ],
)
def test_a_corpus_of_the_same_family_is_another_one(text: str, dataset: str, wrong: bool) -> None:
    assert bool(told(text, dataset)) is wrong


@pytest.mark.parametrize("text", ["not Skylion007/openwebtext", "no openwebtext", "none of the Pile"])
def test_what_is_denied_is_no_value(text: str) -> None:
    assert Dataset().read(text) is None
    assert told(f"- Dataset: {text}") == []


@pytest.mark.parametrize(
    "text",
    [
        "The smallest nested dictionary has 256 latents.",
        "The inner dictionary has 256 latents, the outer one 2,048.",
        "The dictionary is twice as wide as the residual stream of GPT-2 small, whose width is 768.",
        "The MLP itself has 3,072 hidden neurons, the transcoder 1,536 latents.",
        "| Layer | L1 |\n|---|---|\n| 2 | 1.5 |",
    ],
)
def test_what_speaks_of_something_else_is_left_alone(text: str) -> None:
    assert told(text) == []
