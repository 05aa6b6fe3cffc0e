"""The header reader against safetensors' own reader: what that refuses, we refuse; what we refuse beyond it is ours by name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save
from tensors.files import safetensors, view

from hubkit.repo.memory import MemoryView
from hubkit.tensors.dtypes import BITS
from hubkit.tensors.header import HeaderError
from hubkit.tensors.safetensors import MAX_HEADER, read_header

OURS = ("twice", "expected at most")
"""Our own rules, as their messages say them: duplicate keys, a header above 1 MiB."""


def theirs(data: bytes, folder: Path) -> str | None:
    """None where safetensors opens the file, else its message."""
    path = folder / "x.safetensors"
    path.write_bytes(data)
    try:
        with safe_open(path, "np") as file:
            file.keys()
    except SafetensorError as error:
        return str(error)
    return None


def ours(data: bytes) -> str | None:
    """None where we read the header, else our message."""
    repository = view(data)
    try:
        read_header(repository, "w.bin")
    except HeaderError as error:
        return error.message
    finally:
        assert repository.bytes_read <= MAX_HEADER + 1024
    return None


def agree(data: bytes, folder: Path) -> None:
    their, our = theirs(data, folder), ours(data)
    if their is not None:
        assert our is not None, their
    elif our is not None:
        assert any(words in our for words in OURS), our


def entry(**changes: Any) -> dict[str, Any]:
    return {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]} | changes


def raw(extra: str) -> bytes:
    return (
        b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]'
        + extra.encode("utf-8", "surrogatepass")
        + b"}}"
    )


FOUR = b"0000"
CRAFTED: dict[str, bytes] = {
    "good": safetensors({"a": entry()}, FOUR),
    "empty object": safetensors({}),
    "empty file": b"",
    "seven bytes": b"\0" * 7,
    "no header": b"\0" * 8,
    "header beyond the file": b"\xff\0\0\0\0\0\0\0{}",
    "header of an exabyte": b"\xff" * 8 + b"{}",
    "truncated": safetensors({"a": entry()}, b"000"),
    "trailing": safetensors({"a": entry()}, b"00000"),
    "trailing after nothing": safetensors({}, b"0"),
    "not utf-8": safetensors(b'{"__metadata__":{"a":"\xff"}}'),
    "not json": safetensors(b"{"),
    "list": safetensors(b"[]"),
    "number": safetensors(b"1"),
    "byte order mark": safetensors(b"\xef\xbb\xbf{}"),
    "spaces": safetensors(b" \n\t\r{} \n"),
    "form feed": safetensors(b"\x0c{}"),
    "null byte after": safetensors(b"{}\0"),
    "two values": safetensors(b"{}{}"),
    "comma at the end": safetensors(b'{"__metadata__":{},}'),
    "control character": safetensors(b'{"__metadata__":{"a":"\x01"}}'),
    "escaped null": safetensors(b'{"__metadata__":{"a":"\\u0000"}}'),
    "half a surrogate pair": safetensors(b'{"__metadata__":{"a":"\\ud800"}}'),
    "a surrogate pair": safetensors(b'{"__metadata__":{"a":"\\ud83d\\ude00"}}'),
    "surrogate in an extra field": safetensors(raw(',"x":"\\udc00"'), FOUR),
    "metadata null": safetensors({"__metadata__": None}),
    "metadata list": safetensors({"__metadata__": []}),
    "metadata number": safetensors({"__metadata__": {"a": 1}}),
    "metadata nested": safetensors({"__metadata__": {"a": {}}}),
    "unknown dtype": safetensors({"a": entry(dtype="F31")}, FOUR),
    "lower-case dtype": safetensors({"a": entry(dtype="f32")}, FOUR),
    "dtype null": safetensors({"a": entry(dtype=None)}, FOUR),
    "no dtype": safetensors({"a": {"shape": [1], "data_offsets": [0, 4]}}, FOUR),
    "no shape": safetensors({"a": {"dtype": "F32", "data_offsets": [0, 4]}}, FOUR),
    "no offsets": safetensors({"a": {"dtype": "F32", "shape": [1]}}, FOUR),
    "extra field": safetensors({"a": entry(x=[1, {"y": None}])}, FOUR),
    "shape null": safetensors({"a": entry(shape=None)}, FOUR),
    "shape number": safetensors({"a": entry(shape=1)}, FOUR),
    "shape float": safetensors({"a": entry(shape=[1.0])}, FOUR),
    "shape negative": safetensors({"a": entry(shape=[-1])}, FOUR),
    "shape bool": safetensors({"a": entry(shape=[True])}, FOUR),
    "shape text": safetensors({"a": entry(shape=["1"])}, FOUR),
    "shape too small": safetensors({"a": entry(shape=[2])}, FOUR),
    "scalar": safetensors({"a": entry(shape=[])}, FOUR),
    "offsets of three": safetensors({"a": entry(data_offsets=[0, 4, 5])}, FOUR),
    "offsets of one": safetensors({"a": entry(data_offsets=[4])}, FOUR),
    "offsets reversed": safetensors({"a": entry(data_offsets=[4, 0])}, FOUR),
    "offsets negative": safetensors({"a": entry(data_offsets=[-4, 0])}, FOUR),
    "offset minus zero": safetensors(b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[-0,4]}}', FOUR),
    "offset with exponent": safetensors(b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4e0]}}', FOUR),
    "offset beyond 64 bits": safetensors({"a": entry(data_offsets=[0, 1 << 64])}, FOUR),
    "not from zero": safetensors({"a": entry(data_offsets=[1, 5])}, b"00000"),
    "hole": safetensors({"a": entry(), "b": entry(data_offsets=[5, 9])}, b"0" * 9),
    "overlap": safetensors({"a": entry(), "b": entry(data_offsets=[3, 7])}, b"0" * 7),
    "shared": safetensors({"a": entry(), "b": entry()}, FOUR),
    "out of order in the header": safetensors({"b": entry(data_offsets=[4, 8]), "a": entry()}, b"0" * 8),
    "zero size": safetensors({"a": entry(shape=[0], data_offsets=[0, 0]), "b": entry()}, FOUR),
    "zero size in the middle": safetensors({"a": entry(shape=[2], data_offsets=[0, 8]), "b": entry(shape=[0], data_offsets=[4, 4])}, b"0" * 8),
    "overflow": safetensors({"a": entry(shape=[2**61, 2**61, 0], data_offsets=[0, 0])}),
    "zero before overflow": safetensors({"a": entry(shape=[0, 2**61, 2**64 - 1], data_offsets=[0, 0])}),
    "overflow of the bits": safetensors({"a": entry(shape=[2**62], data_offsets=[0, 0])}),
    "half a byte": safetensors({"a": entry(dtype="F4", shape=[3], data_offsets=[0, 2])}, b"00"),
    "sub-byte": safetensors({"a": entry(dtype="F4", shape=[4], data_offsets=[0, 2])}, b"00"),
    "duplicate tensor": safetensors(b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', FOUR),
    "duplicate dtype": safetensors(raw(',"dtype":"F32"'), FOUR),
    "duplicate metadata": safetensors(b'{"__metadata__":{},"__metadata__":{}}'),
    "path in a name": safetensors({"../../a": entry()}, FOUR),
    "tensor as a list": safetensors({"a": ["F32", [1], [0, 4]]}, FOUR),
    "tensor as a list of four": safetensors({"a": ["F32", [1], [0, 4], 5]}, FOUR),
    "tensor null": safetensors({"a": None}, FOUR),
    "NaN": safetensors(raw(',"x":NaN'), FOUR),
    "1e999": safetensors(raw(',"x":1e999'), FOUR),
    "400 digits": safetensors(raw(',"x":' + "9" * 400), FOUR),
    "300 digits": safetensors(raw(',"x":' + "9" * 300), FOUR),
    "5000 digits": safetensors(raw(',"x":' + "9" * 5000), FOUR),
    "leading zero": safetensors(raw(',"x":01'), FOUR),
    "125 levels more": safetensors(raw(',"x":' + "[" * 125 + "]" * 125), FOUR),
    "126 levels more": safetensors(raw(',"x":' + "[" * 126 + "]" * 126), FOUR),
    "100,000 levels": safetensors(raw(',"x":' + "[" * 100_000), FOUR),
    "brackets in a text": safetensors(raw(',"x":"' + "[" * 500 + '\\""'), FOUR),
    "large header": safetensors({"__metadata__": {"a": "x" * (MAX_HEADER + 1)}}),
}  # fmt: skip
CRAFTED |= {
    f"dtype {name}": safetensors({"a": entry(dtype=name, shape=[8], data_offsets=[0, bits])}, b"0" * bits)
    for name, bits in BITS.items()
}


@pytest.mark.parametrize("name", CRAFTED)
def test_crafted_files_are_judged_as_safetensors_judges_them(name: str, tmp_path: Path) -> None:
    agree(CRAFTED[name], tmp_path)


def test_the_crafted_files_are_of_both_kinds(tmp_path: Path) -> None:
    refused = [name for name, data in CRAFTED.items() if theirs(data, tmp_path)]
    assert 40 <= len(refused) <= len(CRAFTED) - 30


ODD = st.sampled_from(
    [None, True, -1, 0, 1, 4, 1.0, 2**63, 2**64, "", "F32", [], [0], [1, 1], [0, 4], [4, 8], {}, {"a": "b"}]
)
TENSOR = st.fixed_dictionaries(
    {
        "dtype": st.sampled_from([*BITS, "F31"]),
        "shape": st.lists(st.integers(0, 3), max_size=3),
        "data_offsets": st.tuples(st.integers(0, 24), st.integers(0, 24)).map(sorted),
    },
    optional={"extra": ODD},
)
KEYS = st.sampled_from(["a", "W_dec", "b.c", "__metadata__", "../x", ""]) | st.text(max_size=6)
DAMAGED = TENSOR.flatmap(
    lambda good: st.fixed_dictionaries({key: st.just(value) | ODD for key, value in good.items()})
)


@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(header=st.dictionaries(KEYS, TENSOR | DAMAGED | ODD, max_size=3), size=st.integers(0, 30))
def test_generated_headers_are_judged_as_safetensors_judges_them(
    header: dict[str, Any], size: int, tmp_path: Path
) -> None:
    agree(safetensors(header, b"\0" * size), tmp_path)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    at=st.integers(0, 400),
    value=st.binary(max_size=3),
    cut=st.integers(0, 40),
    names=st.lists(st.sampled_from(["W_dec", "b", "c"]), unique=True),
)
def test_damaged_files_are_judged_as_safetensors_judges_them(
    at: int, value: bytes, cut: int, names: list[str], tmp_path: Path
) -> None:
    good = save({name: np.arange(6, dtype=np.float32) for name in names})
    agree(good[:at] + value + good[at + len(value) : len(good) - cut], tmp_path)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names=st.lists(st.text(max_size=12), unique=True, max_size=5))
@example(names=["a/b", "kernel:0", "w[0]", "Größe", "", "..", "../../x", "a\\b", "C:x", "a\nb", "\0", " "])
@example(names=["x" * 5000])
def test_any_name_that_safetensors_writes_is_read(names: list[str], tmp_path: Path) -> None:
    kept = [name for name in names if name != "__metadata__"]
    data = save({name: np.full(2, at, np.float32) for at, name in enumerate(kept)})
    assert theirs(data, tmp_path) is None
    assert set(read_header(view(data), "w.bin").tensors) == set(kept)


@pytest.mark.parametrize("name", ["a/b", "x" * 5000, "a\nb", "\x1b[31m"])
def test_a_message_about_an_odd_name_stays_one_short_line(name: str) -> None:
    message = ours(safetensors({name: entry(dtype="F31")}, FOUR)) or ""
    assert "unknown dtype" in message
    assert message.isprintable()
    assert len(message) < 200


@settings(max_examples=200)
@given(st.binary(max_size=300))
def test_any_bytes_give_a_header_or_a_fault(data: bytes) -> None:
    ours(data)


def test_a_good_file_costs_one_request() -> None:
    data = save({"W_dec": np.ones((4, 8), np.float32), "threshold": np.ones(8, np.float32)})
    repository: MemoryView = view(data, "sae_weights.safetensors")
    header = read_header(repository, "sae_weights.safetensors")
    assert repository.requests == 1
    assert header.tensors["W_dec"].shape == (4, 8)
    assert json.loads(data[8 : header.header_bytes])["threshold"]["shape"] == [8]
