"""Front matter: what the Hub refuses, with key and line; what it takes, without a word."""

from __future__ import annotations

import pytest

from hubkit.readme.document import parse_readme
from hubkit.readme.frontmatter import Fault, faults

GOOD = """---
library_name: saelens
base_model:
- google/gemma-2-2b
base_model_relation: adapter
license: cc-by-nc-4.0
language: [en, de]
tags: [sparse-autoencoder]
datasets: [monology/pile-uncopyrighted]
model-index:
- name: lab
  results:
  - task: {type: feature-extraction}
    dataset: {type: text, name: lab}
    metrics: [{type: l0, value: 12.5}]
---

# SAEs
"""


def found(text: str) -> list[Fault]:
    return faults(parse_readme(text))


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        GOOD.replace("\n", "\r\n"),
        "# no front matter\n",
        "",
        "---\n---\ntext",
        "---\n# only a comment\n---\n",
    ],
)
def test_what_the_hub_takes(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize(
    ("head", "said"),
    [
        (
            GOOD.replace("task: {type: feature-extraction}", "task: {}").replace(
                "{type: text, name: lab}", "{}"
            ),
            "model-index[0].results[0].task.type, dataset.type and dataset.name are missing, expected strings",
        ),
        (
            GOOD.replace("{type: text, name: lab}", "{type: text}"),
            "model-index[0].results[0].dataset.name is missing, expected a string",
        ),
        (
            GOOD.replace("license: cc-by-nc-4.0", "license: other"),
            "license_name and license_link are missing, expected beside `license: other`",
        ),
        (
            GOOD.replace("license: cc-by-nc-4.0", "license: other\nlicense_name: ours"),
            "license_link is missing, expected beside `license: other`",
        ),
    ],
)
def test_keys_that_are_missing_together_are_told_together(head: str, said: str) -> None:
    assert [fault.message for fault in found(head)] == [said]


def test_two_results_are_told_apart() -> None:
    result = GOOD[GOOD.index("  - task") : GOOD.index("---\n\n# SAEs")]
    two = GOOD.replace(
        result,
        result.replace("{type: text, name: lab}", "{}") + result.replace("{type: text, name: lab}", "{}"),
    )
    assert [fault.message for fault in found(two)] == [
        f"model-index[0].results[{i}].dataset.type and dataset.name are missing, expected strings"
        for i in (0, 1)
    ]


@pytest.mark.parametrize(
    "license_id", ["mit", "apache-2.0", "other", "llama3.3", "gemma", "openrail++", "[mit, apache-2.0]"]
)
def test_known_licences(license_id: str) -> None:
    own = "license_name: ours\nlicense_link: LICENSE\n" if license_id == "other" else ""
    assert found(f"---\nlicense: {license_id}\n{own}---\n") == []


@pytest.mark.parametrize(
    ("head", "part", "line"),
    [
        ("a: [1", "not YAML", 2),
        ("a: b: c", "not YAML", 2),
        ("- a\n- b", "list", 1),
        ("plain text", "plain text", 1),
        ("a: 1\na: 2", "twice", 3),
        ("x:\n  a: 1\n  a: 2", "twice", 4),
        ("x: !!python/tuple [1, 2]", "Python object", 2),
        ("x: !!python/object/apply:os.system ['true']", "Python object", 2),
        ("x: !mine 3", "!mine", 2),
        ("a: &x {b: 1}\nc:\n  <<: *x", "merge key", 4),
        ("t: 1\nx: .nan", "finite", 3),
        ("x: {y: [-.inf]}", "finite", 2),
        ("license: MIT License", "expected an identifier", 2),
        ("license: MIT", "'mit' is one", 2),
        ("license: gpl-3.0-or-later", "expected an identifier", 2),
        ("license: 3", "expected an identifier", 2),
        ("base_model: https://huggingface.co/gpt2", "expected an id", 2),
        ("base_model: a/b/c", "expected an id", 2),
        ("base_model: [gpt2, 3]", "expected an id", 2),
        ("datasets: /home/x/data", "expected an id", 2),
        ("tags: sae", "expected a list", 2),
        ("tags: [sae, 3]", "strings only", 2),
        ("language: no", "unquoted no", 2),
        ("library_name: [saelens]", "expected a string", 2),
        ("model-index: {name: x}", "expected a list", 2),
        ("model-index: [{name: x}]", "needs a name and a list", 2),
        ("a: 1\nmodel-index: [{name: x, results: [{}]}]", "task.type", 3),
    ],
)
def test_what_it_refuses(head: str, part: str, line: int) -> None:
    first = found(f"---\n{head}\n---\ntext\n")[0]
    assert part in first.message
    assert first.line == line
    assert not first.doubt


def test_a_well_formed_licence_of_ones_own_is_only_doubted() -> None:
    (fault,) = found("---\nlicense: my-licence-1.0\n---\n")
    assert (fault.doubt, fault.key) == (True, "license")


def test_front_matter_that_is_never_closed() -> None:
    (fault,) = found("---\nlicense: mit\n")
    assert "never closed" in fault.message


def test_aliases_without_end_end() -> None:
    bomb = "\n".join(["a0: &a0 [x, x]", *(f"a{i}: &a{i} [*a{i - 1}, *a{i - 1}]" for i in range(1, 40))])
    assert any("aliases" in fault.message for fault in found(f"---\n{bomb}\n---\n"))
