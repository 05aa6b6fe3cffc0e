"""CARD005 of papers: one title has one number of arXiv, and one number one title."""

from __future__ import annotations

import pytest
from builders import README, view

from hubkit.readme.claims.papers import entries
from hubkit.validate.run import Selection, validate

FIND = "Sparse Autoencoders Find Highly Interpretable Features in Language Models"
BIBTEX = "```bibtex\n@article{{a,\n  title={{{}}},\n  author={{A and B}},\n  {}\n}}\n```"
OURS = "On What Nobody Has Measured: A Study"


def told(text: str, settings: str | None = None) -> list[tuple[str | None, str]]:
    repository = view(
        readme=f"{README}## Context\n\n{text}\n", files={"card.yaml": settings.encode()} if settings else None
    )
    report = validate(repository, Selection(select=("CARD005",)))
    assert not report.crashes, report.crashes[0].traceback
    return [(one.path, one.message) for one in report.findings]


@pytest.mark.parametrize(
    "text",
    [
        f"“{FIND}” (arXiv:2406.04093)", f"*{FIND}*, arXiv:2406.04093", f"[{FIND}](https://arxiv.org/abs/2406.04093)", f"See {FIND}, arXiv:2406.04093.",
        BIBTEX.format(FIND, "journal={arXiv preprint arXiv:2406.04093}"), BIBTEX.format(FIND, "eprint={2406.04093},"), BIBTEX.format(FIND, "url={https://arxiv.org/abs/2406.04093}"),
        f'"{OURS}" (arXiv:2601.00001). Later: "{OURS}" (arXiv:2601.00002).', f'"{OURS}" (arXiv:2601.00001).\n\n' + BIBTEX.format("Another Subject Altogether", "eprint={2601.00001}"),
    ],
)  # fmt: skip
def test_a_number_of_another_paper_is_told(text: str) -> None:
    ((path, message),) = told(text)
    assert path == "README.md"
    assert "is given for" in message


@pytest.mark.parametrize(
    "text",
    [
        f"“{FIND}” (arXiv:2309.08600)", f"[{FIND.lower().capitalize()}](https://arxiv.org/abs/2309.08600v3)", BIBTEX.format(FIND, "eprint={2309.08600}"), BIBTEX.format(f"{{{FIND}}}", "eprint={2309.08600}"),
        '"Gemma Scope" and "Scaling and evaluating sparse autoencoders" (arXiv:2406.04093)', '"Jumping Ahead: JumpReLU SAEs" (arXiv:2407.14435)', f'"{OURS}" (arXiv:2601.00001). "On What Nobody Has Measured" (arXiv:2601.00001).',
        "[The paper that we follow here](https://arxiv.org/abs/2601.00001)", "Cunningham et al. (arXiv:2309.08600)", "```python\n@property\ndef f(): ...\n```", BIBTEX.format(FIND, "year={2023}"),
    ],
)  # fmt: skip
def test_what_is_right_or_shortened_is_not(text: str) -> None:
    assert told(text) == []


def test_card_yaml_cites_too() -> None:
    wrong = 'papers:\n- title: "Scaling and evaluating sparse autoencoders"\n  arxiv: "2309.08600"\n'
    assert [path for path, _ in told("Text.", wrong)] == ["card.yaml"]
    assert told("Text.", wrong.replace("2309.08600", "2406.04093")) == []
    cited = "citation: |\n  @misc{x, title={" + OURS + "}, eprint={2601.00001}}\n"
    assert len(told(f'"{OURS}" (arXiv:2601.00002)', cited)) == 1
    assert told(f'"{OURS}" (arXiv:2601.00001)', cited) == []


def test_bibtex_of_any_length_is_read_in_time() -> None:
    assert list(entries("@misc{" * 20_000)) == []
    assert list(entries("@misc{a, title={" * 5_000)) == []


def test_the_licence_of_card_yaml_is_that_of_the_front_matter() -> None:
    assert [path for path, _ in told("Text.", "license: apache-2.0\n")] == ["card.yaml"]
    assert told("Text.", "license: mit\n") == []
