"""One fact wrong, in every carrier: nearly all are named, on their own lines, and no right twin is."""

from __future__ import annotations

from collections import Counter

import pytest
from claim_matrix import HEAD, PROPERTIES, Case, cases, repository

from hubkit.validate.finding import Finding, Severity
from hubkit.validate.run import Selection, validate

CASES = list(cases())
NAMED = 0.98
"""Of the wrong ones."""
FACTS = Selection(select=("CARD004", "CARD005", "CARD006", "CARD007", "CARD008", "CARD016"))


def found(text: str) -> list[Finding]:
    return [one for one in validate(repository(text), FACTS).findings if one.severity >= Severity.WARNING]


@pytest.fixture(scope="module")
def silent() -> list[Case]:
    return [case for case in CASES if not found(case.wrong)]


def test_nearly_every_wrong_fact_is_named(silent: list[Case]) -> None:
    assert len(CASES) > 300
    assert len(silent) <= (1 - NAMED) * len(CASES), [(case.field, case.carrier) for case in silent]


def test_no_property_is_left_out(silent: list[Case]) -> None:
    """Not one that only chance would show."""
    missed, every = Counter(case.field for case in silent), Counter(case.field for case in CASES)
    assert {field for field in PROPERTIES if missed[field] > every[field] // 4} == set()


@pytest.mark.parametrize("field", sorted({case.field for case in CASES}))
def test_right_twins_are_silent(field: str) -> None:
    for case in CASES:
        if case.field == field:
            assert [one.message for one in found(case.right)] == [], case.right


def test_a_finding_stands_on_its_line() -> None:
    for case in CASES:
        first = HEAD.count("\n") + 1
        assert all(first <= (one.line or 0) <= first + case.wrong.count("\n") for one in found(case.wrong)), (
            case.wrong
        )


FURTHER = [
    ("We hook `transformer.h.9`.", "We hook `transformer.h.6`."), ("The SAE's L0 averages 61.", "The SAE's L0 averages 31.4."), ("The activations are 1024-dimensional.", "The activations are 768-dimensional."),
    ("Licensed Apache-2.0.", "Licensed MIT."), ("No BOS token was used.", "A BOS token was prepended."), ("Trained for 300M tokens of FineWeb.", "Trained for 300M tokens of OpenWebText."),
    ("| Layer | Width | L0 | EV |\n|---|---|---|---|\n| 6 | 24576 | 61 | 0.874 |", "| Layer | Width | L0 | EV |\n|---|---|---|---|\n| 6 | 24576 | 31.4 | 0.874 |"),
    ("<details>\n<summary><b>Training</b></summary>\n\nThe SAE reads layer 9.\n\n</details>", "<details>\n<summary><b>Training</b></summary>\n\nThe SAE reads layer 6.\n\n</details>"),
]  # fmt: skip
NO_CLAIMS = [
    "The raw baseline explains 95% of the variance.", "PCA reaches an explained variance of 0.95.", "L0 drops to 61 with a smaller k.", "Balanced accuracy 0.5 is chance.", "| Base model property | Value |\n|---|---|\n| Precision | bfloat16 |\n| Layers | 12 |",
    "The code is under the Apache 2.0 license.", "GPT-2 is MIT licensed; the dataset is Apache 2.0.", "The MLP maps 768 → 3072.", "The loss falls 64 → 32.", "It costs $5 and $6.", "![Loss by layer 9](x.png)",
    "```python\nfrom sae_lens import SAE\nsae = SAE.load_from_disk('.')  # change layer 9 to yours\nx.shape  # [batch, 16384]\n```", "- `other/repo_L9`: layer 9, 16384 latents", "Target L0: 64 would be too dense.",
    "| Base model | GPT-2 small |\n|---|---|\n| Layers | 12 |\n| Heads | 12 |\n| Context length | 1024 |",
]  # fmt: skip


@pytest.mark.parametrize(("wrong", "right"), FURTHER)
def test_further_words(wrong: str, right: str) -> None:
    assert found(wrong)
    assert [one.message for one in found(right)] == []


@pytest.mark.parametrize("text", NO_CLAIMS)
def test_what_is_said_of_something_else_is_left_alone(text: str) -> None:
    assert [one.message for one in found(text)] == []


@pytest.mark.parametrize(("value", "wrong"), [(0.95, True), (0.874, False)])
def test_model_index_is_held_too(value: float, wrong: bool) -> None:
    index = f"model-index:\n- name: x\n  results:\n  - metrics:\n    - type: explained_variance\n      value: {value}\n---\n\n# Sparse"
    view = repository("Text.")
    view.files["README.md"] = view.files["README.md"].replace(b"---\n\n# Sparse", index.encode())
    assert bool([one for one in validate(view, FACTS).findings if one.pointer == "/model-index"]) is wrong
