"""Random pickles in random wrappings under random names: whatever any loader would run is never reported clean.

The files call the tests' own canary, and every loader that is at hand is really given them.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import pickle
import zipfile
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from builders import view
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tensors import canary
from tensors.canary import Bell
from tensors.hostile import (
    NAMES,
    legacy,
    lzip,
    lzma_alone,
    npy,
    npz,
    objects,
    old_joblib,
    tarred,
    torch_zip,
    zipped,
)
from tensors.loaders import load_in_every_way

from hubkit.validate.pickle_search import search
from hubkit.validate.run import Selection, validate

PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=20)
    | st.binary(max_size=40),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=5), inner, max_size=3)
        | st.tuples(inner, inner)
    ),
    max_leaves=8,
)
PADDING = st.sampled_from(
    [
        b"",
        b"N0",
        b"(1",
        b"}0",
        b"K\x010" * 50,
        b"B\x00\x10\x00\x00" + b"\0" * 4096 + b"0",
        b"I7\n0",
        b"Vtext\n0",
        b"]q\x000",
        b"(dp0\n0",
        b"\x8a\x05" + bytes(5) + b"0",
    ]
)


@st.composite
def pickles(draw: st.DrawFn) -> bytes:
    """A pickle that rings, as pickle.dumps writes it, or with something before and behind the call."""
    protocol = draw(st.integers(0, 5))
    value: Any = (
        [draw(PLAIN), Bell(), draw(PLAIN)] if draw(st.booleans()) else {"a": draw(PLAIN), "b": [Bell()]}
    )
    written = pickle.dumps(value, protocol)
    if draw(st.booleans()):
        written = pickle.dumps(Bell(), protocol)
    if protocol < 4:  # a frame counts its bytes
        begin = 2 if protocol >= 2 else 0
        written = written[:begin] + draw(PADDING) + written[begin:]
    return written[: -1 if draw(st.integers(0, 5)) == 0 else None] + draw(
        st.sampled_from([b"", b"", b"\xff\0rubbish", b"N."])
    )


def _in_zip(data: bytes, name: str) -> bytes:
    return zipped(("a.txt", b"text"), (name, data), ("z/", b""))


def _deflated(data: bytes, name: str) -> bytes:
    return zipped((name, data), (name, b"\x80\x02}."), method=zipfile.ZIP_DEFLATED)


def _behind_zip(data: bytes, name: str) -> bytes:
    return zipped(("q", b"text")) + zipped((name, data))


WRAPS: list[Callable[[bytes, str], bytes]] = [
    _in_zip, _deflated, _behind_zip, lambda d, n: torch_zip(d), lambda d, n: gzip.compress(d, mtime=0), lambda d, n: bz2.compress(d), lambda d, n: lzma.compress(d),
    lambda d, n: lzma.compress(d, lzma.FORMAT_ALONE), lambda d, n: zlib.compress(d), lambda d, n: tarred(("t.txt", b"text"), (n, d)),
    lambda d, n: lzma_alone(d, 4, 0, 0), lambda d, n: lzma_alone(d, 0, 3, 4, 1 << 12), lambda d, n: lzip(d), lambda d, n: tarred(("pickle", d)), lambda d, n: gzip.compress(b"", mtime=0) + gzip.compress(d, mtime=0),
]  # fmt: skip
ARRAYS: list[Callable[[], bytes]] = [
    lambda: npy(objects(Bell(), 1)), lambda: npz(a=np.ones(2), b=objects(Bell())), lambda: npz(compressed=True, b=objects("x" * 300, Bell())),
    lambda: npy(np.array([(1, Bell())], dtype=[("a", "i4"), ("b", "O")])), lambda: legacy(pickle.dumps(Bell(), 2)), lambda: old_joblib(pickle.dumps(Bell())),
]  # fmt: skip


@st.composite
def files(draw: st.DrawFn) -> bytes:
    """A pickle or an array, wrapped up to three times."""
    data = draw(pickles()) if draw(st.booleans()) else draw(st.sampled_from(ARRAYS))()
    for wrap in draw(st.lists(st.sampled_from(WRAPS), max_size=3)):
        data = wrap(data, draw(st.sampled_from(["data.pkl", "a/data.pkl", "x", "w.npy", "é/ü.txt"])))
    if data.startswith(b"PK") and draw(st.booleans()):
        data = draw(st.sampled_from([b"junk", b"# a text\n", bytes(70_000), b"\x93NUMPY"])) + data
    return data


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """The same with some bytes changed, put in or taken out."""
    data = draw(files())
    for _ in range(draw(st.integers(1, 3))):
        at, width = draw(st.integers(0, 5000)) % (len(data) + 1), draw(st.integers(0, 3))
        data = data[:at] + draw(st.binary(max_size=4)) + data[at + width :]
    return data


def told(data: bytes, name: str) -> bool:
    """Whether the search has anything to say about a file."""
    found = search(view(files={f"data/{name}": data}))
    pickle_ = found.pickles.get(f"data/{name}")
    return bool(found.failed) or (
        pickle_ is not None and bool(pickle_.executors or pickle_.others or pickle_.unread or pickle_.code)
    )


def check(data: bytes, name: str, *, heavy: bool = False) -> None:
    canary.RUNG.clear()
    load_in_every_way(data, heavy=heavy)
    if canary.RUNG:
        assert told(data, name)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(files(), st.sampled_from(NAMES))
def test_what_rings_is_told(data: bytes, name: str) -> None:
    assert told(data, name)
    check(data, name)


@settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
@given(damaged(), st.sampled_from(NAMES))
def test_what_still_rings_after_damage_is_told(data: bytes, name: str) -> None:
    check(data, name)


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(files(), st.sampled_from(NAMES))
def test_the_report_is_not_clean(data: bytes, name: str) -> None:
    report = validate(view(files={f"data/{name}": data}), Selection(select=("SEC001",)))
    assert report.findings or not report.complete


@pytest.mark.full
@pytest.mark.train
@settings(max_examples=1500, deadline=None, suppress_health_check=list(HealthCheck))
@given(files() | damaged(), st.sampled_from(NAMES))
def test_what_rings_in_any_loader_is_told_at_length(data: bytes, name: str) -> None:
    check(data, name, heavy=True)
