"""The Hub's rules for a card's metadata: the validator and the Hub of this machine give one verdict, each in its words."""

from __future__ import annotations

import pytest

from hubkit.localhub.frontmatter import check
from hubkit.readme.document import parse_readme
from hubkit.readme.frontmatter import faults

INDEX = "model-index: [{name: m, results: [{task: {type: x}, dataset: {type: d, name: d%s}, metrics: [{type: l0, value: 3%s}]%s}]}]"


@pytest.mark.parametrize(
    "head",
    [
        "language: en", "language: [en, de, deu, code, multilingual]", "license: openrail++", "base_model_relation: adapter", "new_version: me/newer",
        "thumbnail: https://example.com/a.png", INDEX % (", config: '2022'", ", name: L0, config: mean", ", source: {name: s, url: https://example.com}"),
        "license: other\nlicense_name: ours\nlicense_link: LICENSE", "license: [mit, other]\nlicense_name: ours\nlicense_link: LICENSE",
        "datasets: [imdb, HuggingFaceH4/no_robots]", "metrics: [accuracy]", "gated: false",
    ],
)  # fmt: skip
def test_what_both_take(head: str) -> None:
    text = f"---\n{head}\n---\n# Card\n"
    assert faults(parse_readme(text)) == []
    assert (check(text).errors, check(text).warnings) == ([], [])


@pytest.mark.parametrize(
    ("head", "part"),
    [
        ("language: english", "language"), ("language: en-US", "language"), ("language: [en, zh-CN]", "language"), ("language: EN", "language"),
        (INDEX % (", config: 20220301", "", ""), "dataset.config"), (INDEX % (", split: 1", "", ""), "dataset.split"), (INDEX % (", revision: 1.5", "", ""), "dataset.revision"),
        (INDEX % ("", ", config: {scale: 5}", ""), "metrics[0].config"), (INDEX % ("", ", name: 7", ""), "metrics[0].name"), (INDEX % ("", "", ", source: {url: 3}"), "source.url"),
        ("new_version: ./newer", "new_version"), ("license: MIT", "license"), ("thumbnail: 3", "thumbnail"), ("widget: {text: x}", "widget"),
        ("base_model: /workspace/model", "base_model"), ("pipeline_tag: [a]", "pipeline_tag"),
    ],
)  # fmt: skip
def test_what_both_refuse(head: str, part: str) -> None:
    text = f"---\n{head}\n---\n# Card\n"
    (fault,) = faults(parse_readme(text))
    (error,) = check(text).errors
    assert not fault.doubt
    assert part in fault.message
    assert part in error


@pytest.mark.parametrize(
    "head",
    [
        "language: pt-br",
        "language: xx",
        "base_model_relation: trained-on",
        "license: mit\nlicense_name: ours",
        "license_link: LICENSE",
        "license: other\nlicense_name: ours",
    ],
)
def test_what_both_doubt(head: str) -> None:
    text = f"---\n{head}\n---\n# Card\n"
    (fault,) = faults(parse_readme(text))
    assert fault.doubt
    assert check(text).errors == []
    assert len(check(text).warnings) == 1


@pytest.mark.parametrize("head", ["license: c++", "license: mine-1.0"])
def test_a_license_that_is_not_on_the_list_is_refused_by_the_hub_and_doubted_by_the_validator(
    head: str,
) -> None:
    text = f"---\n{head}\n---\n# Card\n"
    (fault,) = faults(parse_readme(text))
    assert fault.doubt, "the list here may be older than the Hub's"
    (error,) = check(text).errors
    assert "must be one of" in error


@pytest.mark.parametrize(
    ("head", "theirs", "line"),
    [
        ("license: mit\ntags: [a]\nlicense: mit", "duplicated mapping key 'license'", 3),
        ("x: &a {b: 1}\ny: {<<: *a}", "merge keys are not for cards", 2),
        ("license: mit\nx: !!python/tuple [1]", "unknown tag", 2),
        ("x: !mine 1", "unknown tag '!mine'", 1),
    ],
)
def test_a_form_that_both_refuse_with_its_line(head: str, theirs: str, line: int) -> None:
    text = f"---\n{head}\n---\n# Card\n"
    (fault,) = faults(parse_readme(text))
    (error,) = check(text).errors
    assert fault.line == line + 1
    assert theirs in error
    assert error.endswith(f"(line {line})")
    assert not fault.doubt
