"""npz headers and values against numpy, and archives that lie."""

from __future__ import annotations

import io
import struct
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from tensors.files import npz, view, zipped

from hubkit.tensors.container import read_header, read_values
from hubkit.tensors.header import HeaderError
from hubkit.tensors.npz import parse_npy

ARRAYS = hnp.arrays(
    st.sampled_from(["<f4", ">f4", "<f8", "<f2", "<i8", "i1", "u1", "<u2", ">i4", "?"]),
    hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
)


@settings(max_examples=150)
@given(array=ARRAYS, fortran=st.booleans(), compressed=st.booleans())
def test_headers_and_values_are_numpys(array: np.ndarray, fortran: bool, compressed: bool) -> None:
    array = np.asfortranarray(array) if fortran else array
    repository = view(npz(compressed=compressed, w_enc=array, b=np.zeros(3)), "params.npz")
    header = read_header(repository, "params.npz")
    assert header.container == "npz"
    assert list(header.tensors) == ["w_enc", "b"]
    info = header.tensors["w_enc"]
    assert info.shape == array.shape
    np.testing.assert_array_equal(read_values(repository, "params.npz", info), array.astype(np.float64))


@pytest.mark.parametrize("name", ["params/encoder/kernel", "kernel:0", "w[0]", "Größe", "two words"])
def test_an_array_may_have_any_name_that_a_zip_may_hold(name: str) -> None:
    header = read_header(view(npz(**{name: np.arange(3.0)}), "params.npz"), "params.npz")
    assert list(header.tensors) == [name]


def npy(version: tuple[int, int]) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array(file, np.arange(6, dtype=np.float32).reshape(2, 3), version=version)
    return file.getvalue()


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_all_versions_of_an_array_header(version: tuple[int, int]) -> None:
    repository = view(zipped({"a.npy": npy(version)}, comment=b"by hand"), "a.npz")
    info = read_header(repository, "a.npz").tensors["a"]
    assert read_values(repository, "a.npz", info).tolist() == [[0, 1, 2], [3, 4, 5]]


def test_the_header_of_a_large_file_is_cheap() -> None:
    params = {"w_enc": np.zeros((256, 2048), np.float32), "w_dec": np.zeros((2048, 256), np.float32)}
    for compressed in (False, True):
        repository = view(
            npz(compressed=compressed, threshold=np.ones(2048, np.float32), **params), "params.npz"
        )
        header = read_header(repository, "params.npz")
        assert header.tensors["w_dec"].shape == (2048, 256)
        assert repository.bytes_read < 10_000
        assert (read_values(repository, "params.npz", header.tensors["threshold"]) == 1).all()


def test_what_is_no_number_is_refused_and_the_rest_read() -> None:
    odd = np.array([{"a": 1}], dtype=object)
    structured = np.zeros(2, dtype=[("a", "f4"), ("b", "i4")])
    data = npz(
        w=np.zeros(2), o=odd, s=structured, t=np.array(["x"]), v=np.zeros(2, "V2"), c=np.zeros(1, "c16")
    )
    header = read_header(view(data, "a.npz"), "a.npz")
    assert list(header.tensors) == ["w"]
    assert [line.split(":")[0] for line in header.refused] == ["o", "s", "t", "v", "c"]
    assert "never read" in header.refused[0]


def test_a_zip64_directory_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 100)
    data = npz(a=np.arange(100.0), b=np.arange(3.0))
    assert b"PK\x06\x06" in data
    repository = view(data, "a.npz")
    header = read_header(repository, "a.npz")
    assert read_values(repository, "a.npz", header.tensors["a"])[99] == 99
    assert header.tensors["b"].shape == (3,)


@pytest.mark.parametrize(("part", "parts"), [(0, 0), (0, 2), (1, 1), (1, 2), (0, 1 << 31)])
def test_a_zip64_locator_of_any_other_count_of_parts_is_refused(
    part: int, parts: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 100)
    data = bytearray(npz(a=np.arange(100.0)))
    at = data.rfind(b"PK\x06\x07")
    assert struct.unpack_from("<4sIQI", data, at)[1::2] == (0, 1)  # what everybody writes
    struct.pack_into("<I", data, at + 4, part)
    struct.pack_into("<I", data, at + 16, parts)
    with pytest.raises(HeaderError, match="one part of several"):
        read_header(view(bytes(data), "a.npz"), "a.npz")


def bomb() -> bytes:
    """Says 1,000 bytes and inflates to ten million."""
    data = bytearray(zipped({"a.npy": npy((1, 0))[:80] + b"\0" * 10_000_000}, zipfile.ZIP_DEFLATED))
    at = data.rfind(b"PK\x01\x02")
    data[at + 24 : at + 28] = struct.pack("<I", 1000)
    return bytes(data)


def twice() -> bytes:
    data = zipped({"a.npy": npy((1, 0)), "b.npy": npy((1, 0))})
    return data.replace(b"b.npy", b"a.npy")


GOOD = npz(w=np.arange(50.0))
BAD = {
    "empty": b"",
    "no zip": b"\0" * 100,
    "truncated": GOOD[:-30],
    "cut at the front": GOOD[10:],
    "something before": b"PK\x03\x04 hello" + GOOD,
    "twice": twice(),
    "bomb": bomb(),
    "array header": zipped({"a.npy": b"\x93NUMPY\x01\x00\x10\x00" + b"{'descr':         " * 2}),
    "array header that is code": zipped({"a.npy": b"\x93NUMPY\x01\x00\x1c\x00__import__('os').system('')\n"}),
    "huge array header": zipped({"a.npy": b"\x93NUMPY\x02\x00\xff\xff\xff\xff" + b"{" * 100}),
    "not an array": zipped({"a.npy": b"hello, this is no array"}),
    "path in a name": zipped({"../a.npy": npy((1, 0))}),
    "backslash in a name": zipped({"..\\a.npy": npy((1, 0))}),
    "size": zipped({"a.npy": npy((1, 0)) + b"0"}),
    "lzma": zipped({"a.npy": npy((1, 0))}, zipfile.ZIP_LZMA),
}


@pytest.mark.parametrize("name", BAD)
def test_archives_that_lie_are_refused(name: str) -> None:
    repository = view(BAD[name], "a.npz")
    with pytest.raises(HeaderError):
        read_header(repository, "a.npz")
    assert repository.bytes_read < 300_000


def test_an_archive_of_nothing_has_no_tensors() -> None:
    assert read_header(view(zipped({}), "a.npz"), "a.npz").tensors == {}
    header = read_header(view(zipped({"a.txt": b"hello"}), "a.npz"), "a.npz")
    assert (header.tensors, header.refused) == ({}, ("a.txt: not an array",))


@pytest.mark.parametrize("compressed", [False, True])
def test_a_flipped_bit_in_the_values_is_found(compressed: bool) -> None:
    data = bytearray(npz(compressed=compressed, w=np.random.default_rng(0).standard_normal(500)))
    data[2000] ^= 1
    repository = view(bytes(data), "a.npz")
    info = read_header(repository, "a.npz").tensors["w"]
    with pytest.raises(HeaderError):
        read_values(repository, "a.npz", info)


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (), }", ()),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (3L,), }", (3,)),
        ('{"shape":(1,2),"fortran_order":True,"descr":"<f4"}', (1, 2)),
    ],
)
def test_forms_of_an_array_header(text: str, shape: tuple[int, ...]) -> None:
    assert parse_npy(b"\x93NUMPY\x01\x00\x00\x00" + text.encode(), "a").shape == shape


@settings(max_examples=300)
@given(at=st.integers(0, 700), value=st.binary(max_size=4), cut=st.integers(0, 60))
def test_damage_gives_a_fault_or_a_header(at: int, value: bytes, cut: int) -> None:
    data = GOOD[:at] + value + GOOD[at + len(value) : len(GOOD) - cut]
    repository = view(data, "a.npz")
    try:
        header = read_header(repository, "a.npz")
        for info in header.tensors.values():
            read_values(repository, "a.npz", info)
    except HeaderError:
        pass
    assert repository.bytes_read <= 5 * len(data) + 5000


@settings(max_examples=200)
@given(st.binary(max_size=200))
def test_any_text_in_an_array_header(text: bytes) -> None:
    head = b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text
    repository = view(zipped({"a.npy": head}), "a.npz")
    with pytest.raises(HeaderError):
        read_header(repository, "a.npz")
