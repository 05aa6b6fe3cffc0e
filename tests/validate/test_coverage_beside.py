"""What is stated beside a card's sentences and held against nothing is listed; and a report without --deep says that it looked at no values."""

from __future__ import annotations

import json

import pytest
from builders import FOLDER, README, view
from validate.twins import evaluated, value

from hubkit.repo.memory import MemoryView
from hubkit.validate.coverage import Coverage
from hubkit.validate.run import Selection, validate

INDEX = "model-index:\n- name: x\n  results:\n  - task: {{type: x}}\n    dataset: {{type: d, name: d}}\n    metrics:\n    - {{type: {}, value: {}}}\n"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><text>L0 = 64</text></svg>'


def coverage(repository: MemoryView) -> dict[str, Coverage]:
    report = validate(repository, coverage=True)
    assert not report.crashes, report.crashes[0].traceback
    return {one.path: one for one in report.coverage}


def indexed(measure: str, number: float, repository: MemoryView) -> Coverage:
    card = README.replace("license: mit\n", f"license: mit\n{INDEX.format(measure, number)}")
    return coverage(MemoryView(name="memory", files=repository.files | {"README.md": card.encode()}))[
        "README.md"
    ]


def test_a_value_of_model_index_without_a_file_is_listed() -> None:
    found = indexed("explained_variance", 0.99, view())
    (one,) = [one for one in found.unheld if "model-index" in one.quote]
    assert (one.line, one.quote) == (5, "model-index: explained_variance 0.99")
    assert [one for one in indexed("FLOPs", 7, view()).unheld if "FLOPs" in one.quote]


def test_a_value_of_model_index_with_a_file_is_held() -> None:
    plain, there = indexed("x", 0, view()), evaluated(value("l0", 5.0))
    right, wrong = indexed("l0", 5.0, there), indexed("l0", 9.0, there)
    assert not [one for one in (*right.unheld, *wrong.unheld) if "model-index" in one.quote]
    assert (right.agree, right.contradicted, wrong.agree, wrong.contradicted) == (
        plain.agree + 1,
        0,
        plain.agree,
        1,
    )


@pytest.mark.parametrize("path", ["evaluation.json", f"{FOLDER}/metrics.json"])
def test_numbers_in_a_form_of_somebody_else_are_listed(path: str) -> None:
    raw = {"l0": 64, "nested": {"explained_variance": [0.9, 0.8]}, "name": "x", "ok": True}
    found = coverage(view(files={path: json.dumps(raw).encode()}))[path]
    assert (found.agree, found.contradicted) == (0, 0)
    assert [one.quote for one in found.unheld] == [
        "3 numbers in a form that is not hubkit's: l0 64, explained_variance 0.9, explained_variance 0.8"
    ]


@pytest.mark.parametrize("raw", [b"{}", b'{"name": "x"}', b"not json"])
def test_files_that_state_no_number_are_not(raw: bytes) -> None:
    assert set(coverage(view(files={"evaluation.json": raw}))) == {"README.md"}


def test_what_hubkit_wrote_is_not_of_somebody_else() -> None:
    assert set(coverage(evaluated(value()))) == {"README.md"}


@pytest.mark.parametrize(
    "shown",
    ["![](figures/a.svg)", "![L0](./figures/a.svg)", '<img src="figures/a.svg" width="9">', "[![x](figures/a.svg)](https://example.org)", "![x](https://huggingface.co/lab/saes/resolve/main/figures/a.svg?download=true)"],
)  # fmt: skip
def test_a_picture_of_the_repository_is_listed(shown: str) -> None:
    found = coverage(view(readme=f"{README}{shown}\n", files={"figures/a.svg": SVG}))["README.md"]
    assert [one.quote for one in found.unheld if "picture" in one.quote] == ["the picture figures/a.svg"]


@pytest.mark.parametrize(
    "shown",
    [
        "![](figures/b.svg)",
        "![x](https://img.shields.io/badge/a-b-blue)",
        "[a](figures/a.svg)",
        "```\n![](figures/a.svg)\n```",
        "![](cfg.json)",
    ],
)
def test_what_is_no_picture_of_the_repository_is_not(shown: str) -> None:
    found = coverage(view(readme=f"{README}{shown}\n", files={"figures/a.svg": SVG, "cfg.json": b"{}"}))[
        "README.md"
    ]
    assert [one for one in found.unheld if "picture" in one.quote] == []


def test_a_report_says_where_no_value_was_looked_at() -> None:
    assert any("--deep" in one for one in validate(view()).remarks)
    assert not any("--deep" in one for one in validate(view(), deep=True).remarks)
    assert not any("--deep" in one for one in validate(view(), Selection(select=("CARD",))).remarks)
    assert not any("--deep" in one for one in validate(MemoryView(name="x", files={"a.txt": b""})).remarks)
