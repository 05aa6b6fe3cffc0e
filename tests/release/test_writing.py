"""Writing: whole or not at all, strict, the same bytes for the same content."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubkit.errors import HubkitError
from hubkit.release.writing import keep_or_write, replacing, to_json, to_json_rows, write_json, write_text

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(st.text(max_size=5), JSON, max_size=4))
def test_both_forms_read_back_as_what_was_written(value: dict[str, object]) -> None:
    assert json.loads(to_json(value)) == json.loads(to_json_rows(value)) == value
    assert to_json(dict(reversed(value.items()))) == to_json(value)
    assert to_json_rows(dict(reversed(value.items()))) == to_json_rows(value)


def test_rows_have_a_line_for_each_item() -> None:
    assert (
        to_json_rows({"b": [{"y": 1, "x": [1, 2]}, {}], "a": 1, "c": []})
        == '{\n"a":1,\n"b":[\n{"x":[1,2],"y":1},\n{}\n],\n"c":[]\n}\n'
    )


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_nan_and_infinity_never_reach_a_file(tmp_path: Path, bad: float) -> None:
    for write in (
        lambda: write_json(tmp_path / "x", {"a": bad}),
        lambda: write_text(tmp_path / "x", to_json_rows({"a": [bad]})),
    ):
        with pytest.raises(HubkitError, match="NaN or infinity"):
            write()
    assert list(tmp_path.iterdir()) == []


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text("old", encoding="utf-8")

    def fail() -> None:
        with replacing(path) as temporary:
            temporary.write_text("half", encoding="utf-8")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert path.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_line_ends_and_utf8_on_every_platform(tmp_path: Path) -> None:
    write_text(tmp_path / "x", "a\r\nß\n")
    assert (tmp_path / "x").read_bytes() == "a\nß\n".encode()
    assert keep_or_write(tmp_path / "x", "a\nß\n") is False
    assert keep_or_write(tmp_path / "x", "b") is True
