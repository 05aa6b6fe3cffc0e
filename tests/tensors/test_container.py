"""The one entrance: what a file is, its content decides."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save
from tensors.files import checkpoint, npz, table, tensor, view, zipped

from hubkit.tensors.container import ENDINGS, read_header
from hubkit.tensors.header import HeaderError
from hubkit.tensors.scan import scan

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"
CONTENT = {
    "safetensors": save({"a": np.ones(2, np.float32)}),
    "npz": npz(a=np.ones(2)),
    "torch": checkpoint(table(a=tensor("0", (2,), (1,), 2)), {"0": b"\0" * 8}),
}


@pytest.mark.parametrize("container", CONTENT)
@pytest.mark.parametrize("ending", [".npz", ".pt", ".bin", ""])
def test_content_decides(container: str, ending: str) -> None:
    header = read_header(view(CONTENT[container], f"a{ending}"), f"a{ending}")
    assert header.container == container
    assert header.tensors["a"].shape == (2,)


def test_a_safetensors_file_is_held_to_its_name() -> None:
    with pytest.raises(HeaderError):
        read_header(view(CONTENT["torch"], "a.safetensors"), "a.safetensors")


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_pointer_is_named(ending: str) -> None:
    with pytest.raises(HeaderError) as caught:
        read_header(view(POINTER, f"a{ending}"), f"a{ending}")
    assert caught.value.lfs_pointer


@settings(max_examples=300)
@given(st.binary(max_size=200), st.sampled_from(ENDINGS))
def test_any_bytes_give_a_header_or_a_fault(data: bytes, ending: str) -> None:
    repository = view(data, f"a{ending}")
    with contextlib.suppress(HeaderError):
        assert read_header(repository, f"a{ending}").tensors == {}
    assert repository.bytes_read <= 4 * len(data)


def _zip_damages() -> dict[str, tuple[str, bytes, int]]:
    """What a loader of the kind refuses: where in the directory's entry, or the local header (negative), and what stands there."""
    return {
        "another name in the local header": ("local", b"X", 30),
        "encrypted, it says": ("local", b"\x41\x00", 6),
        "a newer zip": ("entry", b"\x86\x00", 6),
        "the directory is masked": ("entry", b"\x00\x20", 8),
        "on another disk": ("entry", b"\x01\x00", 34),
        "a folder, it says": ("entry", b"\x10\x00\x00\x00", 38),
    }


@pytest.mark.parametrize("damage", _zip_damages())
def test_a_zip_that_its_loaders_refuse_is_refused(damage: str) -> None:
    """Found by damage at random (tests/tensors/fuzz.py): numpy or torch raise for each of them."""
    where, value, offset = _zip_damages()[damage]
    for name, good in (
        ("w.npz", npz(a=np.ones(3, np.float32))),
        ("w.pt", checkpoint(table(W=tensor("0", (2,), (1,), 2)), {"0": b"\0" * 8})),
    ):
        read_header(view(good, name), name)
        at = good.index(b"PK\x01\x02" if where == "entry" else b"PK\x03\x04") + offset
        with pytest.raises(HeaderError):
            read_header(view(good[:at] + value + good[at + len(value) :], name), name)


def test_a_checkpoint_of_two_folders_or_odd_order_is_refused() -> None:
    body, storages = table(W=tensor("0", (2,), (1,), 2)), {"0": b"\0" * 8}
    read_header(view(checkpoint(body, storages, byteorder=b"big"), "w.pt"), "w.pt")
    with pytest.raises(HeaderError, match="byteorder"):
        read_header(view(checkpoint(body, storages, byteorder=b"middle"), "w.pt"), "w.pt")
    with pytest.raises(HeaderError, match="lies outside"):
        read_header(view(zipped({"archive/data.pkl": b"\x80\x02}.", "else/data/0": b""}), "w.pt"), "w.pt")


def test_whole_weights_are_held_to_the_zip_s_checksums() -> None:
    """A stored array whose bytes changed: numpy says Bad CRC-32."""
    good = npz(a=np.arange(4096, dtype=np.float32))
    bad = good.replace(np.float32(33).tobytes(), np.float32(34).tobytes())
    for data, right in ((good, True), (bad, False)):
        there = view(data, "w.npz")
        header = read_header(there, "w.npz")
        if right:
            scan(there, "w.npz", header, norms={})
        else:
            with pytest.raises(HeaderError, match="CRC-32"):
                scan(there, "w.npz", header, norms={})
