"""The strict reader of JSON: the standard library's parser answers for texts that are right, the scanner for the others; both must agree."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hubkit.formats import strict_json
from hubkit.formats.strict_json import MAX_DEPTH, JsonFault, parse

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
    max_leaves=20,
)
PIECES = st.sampled_from(
    ["{", "}", "[", "]", ",", ":", '"', "\\", "NaN", "-", "1", "1.", "01", "1e999", "tru", '"a":', "\x00", "\n", "é", "\ud800"]
)  # fmt: skip


def scanned(text: str) -> Any:
    """The scanner's own answer: the value, or where and what is wrong."""
    try:
        return strict_json._Scanner(text).document()
    except JsonFault as fault:
        return fault.line, fault.message, fault.pointer


def read(text: str) -> Any:
    """The answer of `parse`."""
    try:
        return parse(text.encode("utf-8", "surrogatepass")).value
    except JsonFault as fault:
        return fault.line, fault.message, fault.pointer


@given(VALUES, st.integers(0, 3))
def test_what_is_right_is_read_as_it_is(value: Any, indent: int) -> None:
    text = json.dumps(value, indent=indent or None, ensure_ascii=True)
    document = parse(text.encode())
    assert repr(document.value) == repr(value)
    assert document.lines[""] == 1
    assert repr(scanned(text)) == repr(value)


@settings(max_examples=400)
@given(VALUES, st.lists(st.tuples(st.integers(0, 400), PIECES), min_size=1, max_size=3))
@example({"a": 1}, [(1, '"a":2,')])
@example([1.5], [(1, "1e999,")])
def test_the_two_readers_agree_on_damaged_texts(value: Any, damage: list[tuple[int, str]]) -> None:
    text = json.dumps(value, ensure_ascii=True)
    for at, piece in damage:
        text = text[: at % (len(text) + 1)] + piece + text[at % (len(text) + 1) :]
    if "\ud800" not in text:
        assert repr(read(text)) == repr(scanned(text))
    else:
        assert "not UTF-8" in read(text)[1]


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1, "a": 1}', "[NaN]", "[Infinity]", "[1e400]", "[" + "1" * 401 + "]", "[" + "1" * 5000 + "]",
        "[" * (MAX_DEPTH + 2) + "]" * (MAX_DEPTH + 2), "[" * 100_000, '["\t"]', "[1,]", "", "[1] x", "[0.1" + "0" * 400 + "]",
    ],
)  # fmt: skip
def test_what_is_wrong_is_refused_with_its_line(text: str) -> None:
    with pytest.raises(JsonFault) as fault:
        parse(b"\n\n" + text.encode())
    assert fault.value.line == 3


def test_the_deepest_that_is_allowed() -> None:
    text = "[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1)
    assert repr(parse(text.encode()).value) == text
    full = "[" * MAX_DEPTH + "1" + "]" * MAX_DEPTH
    assert repr(parse(full.encode()).value) == full


def test_lines_are_those_of_the_text() -> None:
    lines = parse(b'{\n "a": [\n  1,\n  {"b/c": 2}]}').lines
    assert {pointer: lines.get(pointer) for pointer in ("", "/a", "/a/0", "/a/1", "/a/1/b~1c")} == {
        "": 1, "/a": 2, "/a/0": 3, "/a/1": 4, "/a/1/b~1c": 4,
    }  # fmt: skip
    for nowhere in ("/b", "/a/2", "/a/01", "/a/-1", "/a/1/b", "/a/0/x", "/a/1/b~1c/d", "/a/" + "1" * 5000):
        assert lines.get(nowhere) is None


@given(VALUES, st.integers(0, 3))
def test_every_value_is_found_where_it_stands(value: Any, indent: int) -> None:
    """Against a naive walk: written with one value a line, the n-th value stands on a line that can be counted."""
    text = json.dumps(value, indent=indent or None, ensure_ascii=False)
    lines = parse(text.encode()).lines

    def walk(inner: Any, pointer: str) -> None:
        line = lines.get(pointer)
        assert line is not None
        assert json.dumps(inner, ensure_ascii=False)[:1] in "".join(text.split("\n")[line - 1 :])
        if isinstance(inner, dict):
            for key, deeper in inner.items():
                walk(deeper, f"{pointer}/{strict_json.escape(key)}")
        elif isinstance(inner, list):
            for index, deeper in enumerate(inner):
                walk(deeper, f"{pointer}/{index}")

    walk(value, "")
