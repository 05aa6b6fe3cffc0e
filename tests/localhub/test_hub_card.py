"""A card's head, judged as the Hub judges it."""

from __future__ import annotations

import pytest

from hubkit.localhub.frontmatter import card_data, check

INDEX = """model-index:
- name: m
  results:
  - task: {type: x}
    dataset: {type: d, name: D%s}
    metrics: [{type: l0%s}]
"""


@pytest.mark.parametrize(
    "head",
    [
        "license: apache-2.0",
        "license: [mit, apache-2.0]",
        "license: other\nlicense_name: ours\nlicense_link: LICENSE",
        "base_model: gpt2",
        "base_model:\n- HuggingFaceTB/SmolLM2-135M\n- google/gemma-2-2b",
        "tags: [sae, saelens]\nlanguage: en",
        INDEX % ("", ", value: 3.5"),
        "date: 2026-03-01",
    ],
)
def test_good_heads(head: str) -> None:
    verdict = check(f"---\n{head}\n---\n# Card\n")
    assert (verdict.errors, verdict.warnings) == ([], [])


@pytest.mark.parametrize(
    ("head", "message"),
    [
        ("license: gpl-3.0-or-later", '"license" must be one of'),
        ("license: Apache 2.0", '"license" must be one of'),
        ("license: no", '"license" must be one of'),
        ("license: [mit, 3]", '"license" must be one of'),
        ("base_model: ./local/path", '"base_model" with value'),
        ("base_model: some free text", '"base_model" with value'),
        ("base_model: a/b/c", '"base_model" with value'),
        ("datasets: [3]", '"datasets" with value'),
        ("tags: sae", '"tags" must be an array'),
        ("tags: [1]", "strings only"),
        ("library_name: [a]", '"library_name" must be a string'),
        ("value: .nan", '"value" must be a finite number'),
        ("a: [{b: .inf}]", '"a[0].b" must be a finite number'),
        ("- a\n- b", "must be a mapping"),
        ("a: [1", "Invalid YAML"),
        ("a: 1\na: 2", "duplicated mapping key"),
        ("x: !!python/object/apply:os.system [id]", "Invalid YAML"),
        (INDEX % (", config: 3", ", value: 3.5"), "dataset.config"),
        (INDEX % ("", ""), 'must have a "type" and a "value"'),
        ("base: &b {a: 1}\nc:\n  <<: *b", "merge keys"),
    ],
)
def test_bad_heads(head: str, message: str) -> None:
    errors = check(f"---\n{head}\n---\n# Card\n").errors
    assert len(errors) == 1
    assert message in errors[0]


def test_aliases_that_stand_for_billions_are_refused_quickly() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    text = "---\n" + "\n".join(lines) + "\n---\n"
    assert "more than" in check(text).errors[0]
    assert card_data(text) == {}


def test_a_license_that_is_not_on_the_list_is_refused_with_the_list() -> None:
    errors = check("---\nlicense: new-license-9.0\n---\n").errors
    assert "must be one of [" in errors[0]
    assert "apache-2.0, apple-amlr" in errors[0]
    assert 'use "other" with license_name' in errors[0]


def test_a_card_without_a_head_is_only_a_warning() -> None:
    assert check("# Title\n").warnings == ["empty or missing yaml metadata in repo card"]
    assert check("# Title\n").errors == []


def test_card_data_is_plain_json() -> None:
    data = card_data("---\r\ndate: 2026-03-01\r\nvalue: .nan\r\n1: x\r\n---\r\ntext")
    assert data == {"date": "2026-03-01", "value": None, "1": "x"}
