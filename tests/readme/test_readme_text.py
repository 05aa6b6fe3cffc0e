"""Prose, tables, mojibake and quotations out of anybody's README."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubkit.readme.claims.kinds import Property
from hubkit.readme.document import parse_readme
from hubkit.readme.mojibake import find_mojibake, repair, repair_all
from hubkit.readme.page import Page
from hubkit.readme.prose import prose_lines, table_rows
from hubkit.readme.quantization import says_quantized

CARD = """---
license: mit
---
# Title
<!-- | a comment | with
L0 | bars | -->
| SAE | **L0** |
|:---|---:|
| `lab_topk_L2` | 12.5 |
| a \\| b | **3** |

```python
| not | a table |
|---|---|
| x | y |
```
after
"""


def test_prose_leaves_out_front_matter_code_and_comments() -> None:
    lines = dict(prose_lines(parse_readme(CARD)))
    assert lines[4] == "# Title"
    assert lines[17] == "after"
    assert not any("license" in line or "bars" in line or "not" in line for line in lines.values())


def test_tables_by_title_with_their_lines() -> None:
    rows = list(table_rows(parse_readme(CARD)))
    assert [row.cells for row in rows] == [{"SAE": "lab_topk_L2", "L0": "12.5"}, {"SAE": "a | b", "L0": "3"}]
    assert [row.line for row in rows] == [9, 10]


@pytest.mark.parametrize(
    "text",
    [
        "\u2019",
        "\u00e9",
        "\u2013",
        "\u201cquoted\u201d",
        "\U0001f600",
        "\u00d7",
        "\u2265",
        "na\u00efve",
        "\u00a0",
    ],
)
@pytest.mark.parametrize("page", ["cp1252", "latin-1"])
def test_what_was_broken_is_found_and_repaired(text: str, page: str) -> None:
    data = text.encode("utf-8")
    broken = "".join(bytes([b]).decode(page) if _has(page, b) else chr(b) for b in data)
    assert repair_all(f"x {broken} y") == f"x {text} y"


def _has(page: str, byte: int) -> bool:
    try:
        bytes([byte]).decode(page)
    except UnicodeDecodeError:
        return False
    return True


def test_what_was_broken_twice() -> None:
    once = "\u2019".encode().decode("cp1252")
    twice = once.encode().decode("cp1252")
    assert repair(twice) == "\u2019"


@pytest.mark.parametrize(
    "text",
    [
        "d\u00e9j\u00e0 vu", "na\u00efve caf\u00e9", "\u00ab\u00c9t\u00e9\u00bb", "ANDR\u00c9\u00bb", "\u4e2d\u6587", "\u0420\u0443\u0441\u0441\u043a\u0438\u0439",
        "\u2265 0.5 \u00b1 0.1", "\U0001f600\U0001f680", "\u201cquoted\u201d", "\u20ac\u2122", "ma\u00f1ana", "\u00c2ge", "\u00c0 propos", "\u2014\u2014",
    ],
)  # fmt: skip
def test_text_that_is_right_is_left_alone(text: str) -> None:
    assert list(find_mojibake(text)) == []


@given(
    st.text(
        alphabet=st.characters(min_codepoint=0x20, max_codepoint=0x2FFF, exclude_categories=["Cs", "Cc"]),
        max_size=30,
    )
)
def test_a_repair_is_the_text_that_would_break_into_it(text: str) -> None:
    for one in find_mojibake(text):
        assert one.repaired != one.broken
        assert text[one.start : one.start + len(one.broken)] == one.broken
        assert len(one.repaired) < len(one.broken)


def test_a_quantized_model_is_quoted_with_its_line() -> None:
    said = says_quantized(parse_readme("# A\n\nGood. Activations come from a model in 8-bit. More.\n"))
    assert said is not None
    assert (said.text, said.line) == ("Activations come from a model in 8-bit.", 3)
    assert says_quantized(parse_readme("```\nload_in_4bit activations\n```\n")) is None


@pytest.mark.parametrize(
    ("broken", "repaired"), [("β€”", "—"), ("β‰ˆ", "≈"), ("β†’", "→"), ("β‰₯", "≥"), ("β€™", "’")]
)
def test_punctuation_broken_by_the_greek_code_page(broken: str, repaired: str) -> None:
    assert [one.repaired for one in find_mojibake(f"L0 {broken} 50")] == [repaired]


def test_greek_is_no_mojibake() -> None:
    assert list(find_mojibake("Η β είναι €5, β-carotene, β≈0.9, βάση β–γ")) == []


@pytest.mark.parametrize(
    "text",
    [
        "The SAE has 40\u200b96 latents.", "The SAE has 40&#57;6 latents.", "The SAE has&nbsp;4096&nbsp;latents.", "The SAE has 4096[^1] latents.", "[^1]: The SAE has 4096 latents.", "The SAE has ~~64~~ 4096 latents.",
        "The SAE has <del>64</del> 4096 latents.", "The SAE has 4,&#8203;096 latents.",
    ],
)  # fmt: skip
def test_a_card_is_read_as_the_hub_shows_it(text: str) -> None:
    claims = Page(parse_readme(f"# SAEs\n\n## The SAE\n\n{text}\n")).claims.of(Property)
    assert [(one.field, one.stated) for one in claims] == [("d_sae", (4096, 4096))]
