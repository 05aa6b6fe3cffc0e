"""The words of the front matter (`title`, `description`, tags with a number) are held against the files as the card's own are."""

from __future__ import annotations

import pytest
from claim_matrix import repository

from hubkit.validate.finding import Finding
from hubkit.validate.run import Selection, validate

FACTS = Selection(select=("CARD004", "CARD005", "CARD016"))
END = b"---\n\n# Sparse"
PAIRS = [
    ("description: This SAE reads layer 9.", "description: This SAE reads layer 6."),
    ("summary: A TopK SAE with 16,384 latents", "summary: A TopK SAE with 24,576 latents"),
    ("description: >-\n  A gated SAE\n  of layer 6", "description: >-\n  A TopK SAE\n  of layer 6"),
    ("title: Layer 9 SAE of GPT-2 small", "title: Layer 6 SAE of GPT-2 small"),
    ("pretty_name: GPT-2 Medium SAE", "pretty_name: GPT-2 Small SAE"),
    ("tags: [sae, layer-9]", "tags: [sae, layer-6]"),
    ("tags: [sae, 'd_sae:16384']", "tags: [sae, 'd_sae:24576']"),
    ("tags: [sae, k-64]", "tags: [sae, k-32]"),
]
LEFT_ALONE = [
    "description: Training Sparse Autoencoders on Language Models",
    "description: [a, list]",
    "title: 9",
    "tags: [layer-6, layer-9]",
    "tags: [gpt2, size-9, 10K<n<100K, arxiv:2309.08600]",
    "description: Unlike other SAEs of layer 9, this one is small.",
]


def found(line: str) -> list[Finding]:
    view = repository("Text.")
    view.files["README.md"] = view.files["README.md"].replace(END, line.encode() + b"\n" + END)
    assert line.encode() in view.files["README.md"]
    report = validate(view, FACTS)
    assert not report.crashes
    return report.findings


@pytest.mark.parametrize(("wrong", "right"), PAIRS)
def test_what_the_front_matter_says_in_words_is_held(wrong: str, right: str) -> None:
    findings = found(wrong)
    assert findings
    assert all((one.line or 0) < 20 for one in findings)
    assert [one.message for one in found(right)] == []


@pytest.mark.parametrize("line", LEFT_ALONE)
def test_what_states_nothing_of_the_saes_is_left_alone(line: str) -> None:
    assert [one.message for one in found(line)] == []
