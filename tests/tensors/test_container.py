"""The one entrance: what a file is, its content decides."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save
from tensors.files import checkpoint, npz, table, tensor, view

from hubkit.tensors.container import ENDINGS, read_header
from hubkit.tensors.header import HeaderError

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
