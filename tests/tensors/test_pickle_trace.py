"""The course of a pickle, held against the one that Python's own unpicklers take; and texts, which are none."""

from __future__ import annotations

import contextlib
import io
import os
import pickle
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tensors.hostile import CALL, TEXTS, padded

from hubkit.tensors import pickle_course
from hubkit.tensors.pickle_course import MAX_IMPORTS, ODD
from hubkit.tensors.pickle_stream import PickleStream
from hubkit.tensors.pickle_trace import Trace, trace_pickles
from hubkit.validate.imports import is_known

ROOT = Path(__file__).parents[2]


def trace(data: bytes, *, known: Callable[[str], bool] = is_known) -> Trace | None:
    return trace_pickles(PickleStream(io.BytesIO(data)), known)


class Stub:
    """Stands for whatever a pickle imports; is a class and can do everything that unpickling asks of an object."""

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        CALLED.append(type(self).__name__)

    def __call__(self, *arguments: Any, **keywords: Any) -> Stub:
        CALLED.append("call")
        return self

    def __setitem__(self, key: object, value: object) -> None:
        """Takes it."""

    def append(self, value: object) -> None:
        """Takes it."""

    add = extend = __setstate__ = append


CALLED: list[str] = []


def taken(unpickler: type[Any], data: bytes) -> tuple[list[str], int]:
    """The imports and calls of a real unpickler, to where it breaks off. Only `builtins.str` is what it says."""
    found: list[str] = []
    CALLED.clear()

    class Recorder(unpickler):  # type: ignore[misc]
        def find_class(self, module: str, name: str) -> Any:
            found.append(f"{module}.{name}")
            return str if (module, name) == ("builtins", "str") else type("Stub", (Stub,), {})

    with contextlib.suppress(Exception):
        Recorder(io.BytesIO(data)).load()
    return found, len(CALLED)


def text(value: str) -> bytes:
    raw = value.encode()
    return b"\x8c" + bytes([len(raw)]) + raw


PIECES = st.sampled_from(
    [
        *[bytes([code]) for code in b"()]}lt.0123NRabdeosuQ\x81\x85\x86\x87\x88\x89\x8f\x90\x91\x92\x93\x94\x97\x98"],
        b"K\x01", b"M\x01\x02", b"J\x01\x02\x03\x04", b"I7\n", b"I010\n", b"I0x1f\n", b"I1\x00z\n", b"I01\n", b"Ix\n", b"L7L\n", b"L\n", b"F1.5\n", b"Fnan\n",
        b"G" + struct.pack(">d", 1.0), b"\x8a\x01\x07", b"\x8b\x01\x00\x00\x00\x07", b"S'os'\n", b"S'g\\x65t'\n", b'S"a\\\nb"\n', b"S'a\n", b"S'\\q'\n",
        b"Vos\n", b"V\\u006f\n", b"V\\u00\n", b"T\x02\x00\x00\x00os", b"U\x02os", b"X\x02\x00\x00\x00os", b"X\x01\x00\x00\x00\xff", text("getpid"), text("os"),
        b"\x8d\x02\x00\x00\x00\x00\x00\x00\x00os", b"B\x01\x00\x00\x00a", b"C\x01a", b"\x8e\x01\x00\x00\x00\x00\x00\x00\x00a", b"\x96\x01" + bytes(7) + b"a",
        b"cos\ngetpid\n", b"ios\ngetpid\n", b"(ios\ngetpid\n", b"cbuiltins\nstr\n", b"c\n\n", b"ca", b"(os", b"p0\n", b"p-1\n", b"p7\n", b"q\x00", b"q\x05",
        b"r\x02\x00\x00\x00", b"g0\n", b"g7\n", b"h\x00", b"h\x01", b"h\x05", b"j\x02\x00\x00\x00", b"\x80\x04", b"\x80\x02", b"\x80\x07", b"\x82\x01",
        b"\x82\x00", b"\x95" + bytes(8), b"\x95\xff" + bytes(7), text("os") + text("getpid") + b"\x93)R", b"cos\ngetpid\n)R", b"cos\ngetpid\n(tR", b"N}b", b"P1\n",
    ]
)  # fmt: skip
SHORT = st.binary(max_size=2).filter(lambda data: b"\x96" not in data and b"r" not in data)
"""Without BYTEARRAY8 and LONG_BINPUT, for which pickle takes all the memory that is asked for."""
PICKLES = st.lists(PIECES | SHORT, max_size=14).map(b"".join)


def check_course(data: bytes) -> None:
    """What either unpickler imports was seen; and what they call is a pickle here, where it is written as names are."""
    found = trace_pickles(PickleStream(io.BytesIO(data)), lambda _: True, named=True)
    seen = set(found.imports) if found else set()
    for unpickler in (pickle.Unpickler, pickle._Unpickler):  # type: ignore[attr-defined]
        imports, calls = taken(unpickler, data)
        plain = {ascii(name)[1:-1] for name in imports}
        if not plain <= seen:  # a name that is computed has another word for it
            assert any(ODD in name for name in seen), (unpickler, data, plain, seen)
        proper = all(part.isidentifier() for name in imports for part in name.split("."))
        if calls and proper and imports:
            assert trace(data, known=lambda _: True) is not None, (unpickler, data)


@settings(max_examples=1500, deadline=None)
@given(PICKLES)
def test_no_unpickler_imports_what_was_not_seen(data: bytes) -> None:
    check_course(data)


@pytest.mark.full
@settings(max_examples=30_000, deadline=None)
@given(PICKLES)
def test_no_unpickler_imports_what_was_not_seen_at_length(data: bytes) -> None:
    check_course(data)


@pytest.mark.parametrize("protocol", range(6))
def test_what_pickle_writes_is_followed_to_its_end(protocol: int) -> None:
    value = {
        "a": [1, -1, 2**70, 1.5, None, True, b"x" * 300, "y" * 300, ("z",), {1, 2}, frozenset([3])],
        "b": {},
        "c": [[]] * 3,
        "d": range(3),
    }
    found = trace(pickle.dumps([value, value, Path("a"), os.getcwd], protocol))
    assert found is not None
    assert (found.fault, found.beyond, found.whole) == (None, None, 1)
    assert found.at == len(pickle.dumps([value, value, Path("a"), os.getcwd], protocol))


@pytest.mark.parametrize("data", TEXTS, ids=repr)
def test_a_text_is_no_pickle(data: bytes) -> None:
    assert trace(data) is None


@settings(max_examples=2000, deadline=None)
@given(st.text(max_size=300))
def test_no_text_is_a_pickle(value: str) -> None:
    assert trace(value.encode("utf-8", "surrogatepass")) is None


WORDS = st.lists(
    st.sampled_from(
        [
            "code",
            "cosine",
            "of",
            "(in",
            "import",
            "os",
            "is",
            "The",
            "(R",
            ".",
            "Verse",
            "1",
            "2.5",
            "print",
            "R",
            "None",
            "t",
            "tR.",
        ]
    ),
    max_size=12,
)


@settings(max_examples=2000, deadline=None)
@given(WORDS, st.sampled_from([" ", "\n", ", ", "\n\n", "\t"]), st.sampled_from(["\n", " \n", "; "]))
def test_no_words_are_a_pickle(words: list[str], between: str, end: str) -> None:
    text = (between.join(words) + end).encode()
    assert trace(text) is None or would_import(text)


def would_import(text: bytes) -> bool:
    """Whether Python's own reader takes it for a pickle that imports something: "(in\ncode\n." is one. Nothing is imported."""

    class Asked(Exception):  # noqa: N818
        pass

    class Reader(pickle.Unpickler):
        def find_class(self, module: str, name: str) -> Any:
            raise Asked

    try:
        Reader(io.BytesIO(text)).load()
    except Asked:
        return True
    except Exception:  # noqa: BLE001 - whatever it says of what is no pickle
        return False
    return False


def test_every_file_of_this_project_and_of_python_is_no_pickle() -> None:
    folders = [ROOT / name for name in ("hubkit", "docs", "schemas", "benchmarks")] + [
        Path(os.__file__).parent / name for name in ("email", "json", "encodings")
    ]
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()] + [
        path for path in ROOT.glob("*.*") if path.is_file()
    ]
    assert len(files) > 400
    for path in files:
        assert trace(path.read_bytes()) is None, path
        if path.suffix == ".pyc":  # a piece of compiled code may begin as a pickle does, and break off
            continue
        for line in path.read_bytes().split(b"\n")[:400]:
            assert trace(line + b"\n") is None, (path, line)


@settings(max_examples=1000, deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_are_followed_in_little_time(data: bytes) -> None:
    found = trace(data)
    assert found is None or found.at <= len(data)


def test_limits_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    many = b"\x80\x02" + b"".join(b"ca\nb%d\n0" % n for n in range(MAX_IMPORTS + 1)) + CALL
    assert "imports" in str(getattr(trace(many), "beyond", ""))
    monkeypatch.setattr(pickle_course, "MAX_VALUES", 1 << 17)
    for padding in (b"N" * (1 << 19), b"N" + b"\x94" * (1 << 19)):
        found = trace(padded(padding))
        assert found is not None
        assert "from its byte" in str(found.beyond)
    found = trace(padded(b"(" * (1 << 18)))
    assert "inside each other" in str(getattr(found, "beyond", ""))
    found = trace_pickles(PickleStream(io.BytesIO(padded(b"N0" * 5000))), is_known, cost=9000)
    assert "opcodes" in str(getattr(found, "beyond", ""))
    monkeypatch.setattr(pickle_course, "MAX_FAR", 10)
    scattered = b"N" + b"".join(b"r" + struct.pack("<I", 1000 + n) for n in range(20))
    assert "out of order" in str(getattr(trace(padded(scattered)), "beyond", ""))


def test_a_name_that_is_long_or_computed_is_told() -> None:
    long = b"\x80\x04" + b"X\xb8\x0b\x00\x00" + b"os.path." * 375 + b"\x8c\x06getpid\x93)R."
    computed = b"\x80\x04cbuiltins\nstr\n\x8c\x02os\x85R\x8c\x06getpid\x93)R."
    for data in (long, computed):
        found = trace(data)
        assert found is not None
        assert any(ODD in name for name in found.imports)


def test_pickles_that_follow_each_other_and_what_follows_them() -> None:
    first = pickle.dumps({"a": 1})
    found = trace(first * 5 + CALL)
    assert found is not None
    assert (found.imports, found.whole) == (("os.getpid",), 6)
    found = trace(first + b"\xff rubbish")
    assert found is not None
    assert (found.imports, found.whole, found.fault) == ((), 1, None)
    assert trace(b"rubbish" + CALL) is None
    cut = trace(b"\x80\x02cos\ngetpid\n)RX\xff")
    assert cut is not None
    assert "damaged" in str(cut.fault)
