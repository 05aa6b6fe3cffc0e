"""Streaming a tensor, and the one pass over a file: against numpy over the whole, from disk and from memory, in blocks of any size."""

from __future__ import annotations

import hashlib
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save
from tensors.files import checkpoint, npz, table, tensor, view

from hubkit.errors import IncompleteError
from hubkit.repo.local import open_folder
from hubkit.repo.view import RepoView
from hubkit.tensors.container import read_header
from hubkit.tensors.scan import FileScan, scan
from hubkit.tensors.stream import blocks
from hubkit.tensors.tensor_scan import sample_of
from hubkit.validate.deep import LATENTS


def random(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


@settings(max_examples=60)
@given(
    shape=st.lists(st.integers(0, 7), max_size=3),
    block=st.integers(1, 200),
    dtype=st.sampled_from(["<f4", "<f2", "<f8", ">f4", "i1"]),
    compressed=st.booleans(),
    fortran=st.booleans(),
)
def test_blocks_join_to_the_tensor(
    shape: list[int], block: int, dtype: str, compressed: bool, fortran: bool
) -> None:
    array = (random(*shape) * 9).astype(dtype)
    array = np.asfortranarray(array) if fortran else array
    repository = view(npz(compressed=compressed, a=array), "a.npz")
    info = read_header(repository, "a.npz").tensors["a"]
    found, at = [], 0
    for part in blocks(repository, "a.npz", info, block):
        assert part.first == at
        assert 0 < part.values.size <= max(1, block // array.itemsize)
        found.append(part.values.copy())
        at += part.values.size
    joined = np.concatenate(found) if found else np.zeros(0)
    np.testing.assert_array_equal(
        joined.reshape(shape, order=info.order), array.astype(array.dtype.newbyteorder("="))
    )


def files() -> dict[str, bytes]:
    weights = {"W_enc": random(9, 33), "W_dec": random(33, 9), "b_enc": random(33)}
    transposed = table(
        W_enc=tensor("0", (9, 33), (1, 9), 297), W_dec=tensor("1", (33, 9), (9, 1), 297), b_enc=tensor("2", (33,), (1,), 33)
    )  # fmt: skip
    storages = {
        "0": weights["W_enc"].T.tobytes(),
        "1": weights["W_dec"].tobytes(),
        "2": weights["b_enc"].tobytes(),
    }
    return {
        "a.safetensors": save(weights),
        "a.npz": npz(**weights),
        "z.npz": npz(compressed=True, **weights),
        "a.pt": checkpoint(transposed, storages),
    }


def scanned(repository: RepoView, name: str, block: int) -> FileScan:
    return scan(repository, name, read_header(repository, name), norms=LATENTS, block_bytes=block)


@pytest.mark.parametrize("name", list(files()))
@pytest.mark.parametrize("block", [1, 100, 1 << 20])
def test_a_scan_is_numpys_norms_and_hashlibs_sha256(name: str, block: int, tmp_path: Path) -> None:
    data = files()[name]
    (tmp_path / name).write_bytes(data)
    for repository in (open_folder(tmp_path), view(data, name)):
        found = scanned(repository, name, block)
        assert found.sha256 == hashlib.sha256(data).hexdigest()
        assert found.unread == {}
        np.testing.assert_allclose(
            found.tensors["W_enc"].norms, np.linalg.norm(random(9, 33), axis=0), rtol=1e-5
        )
        np.testing.assert_allclose(
            found.tensors["W_dec"].norms, np.linalg.norm(random(33, 9), axis=1), rtol=1e-5
        )
        assert found.tensors["b_enc"].norms is None
        assert [(t.nan, t.inf, t.first_bad) for t in found.tensors.values()] == [(0, 0, None)] * 3


@pytest.mark.parametrize("block", [4, 100, 1 << 20])
@pytest.mark.parametrize("kind", ["C", "F", "zip"])
def test_nan_and_infinity_are_counted_and_the_first_is_named(block: int, kind: str) -> None:
    W_dec = random(33, 9)
    W_dec[20, 3] = np.nan
    W_dec[4, 8] = -np.inf
    W_dec[32, 0] = np.inf
    W_dec[7, 7] = 3e38  # its square overflows; it is finite
    threshold = np.array([1, np.nan], np.float16)
    W_dec = np.asfortranarray(W_dec) if kind == "F" else W_dec
    data = npz(compressed=kind == "zip", W_dec=W_dec, threshold=threshold, k=np.arange(3))
    found = scanned(view(data, "a.npz"), "a.npz", block).tensors
    assert (found["W_dec"].nan, found["W_dec"].inf, found["W_dec"].first_bad) == (1, 2, 4 * 9 + 8)
    assert (found["threshold"].nan, found["threshold"].first_bad) == (1, 1)
    assert (found["k"].nan, found["k"].inf, found["k"].values) == (0, 0, 3)
    norms = found["W_dec"].norms
    assert norms is not None
    assert np.flatnonzero(~np.isfinite(norms)).tolist() == [4, 20, 32]


@pytest.mark.parametrize("block", [4, 100, 1 << 20])
@pytest.mark.parametrize("name", list(files()))
def test_marks_and_samples_are_the_values_themselves(name: str, block: int) -> None:
    found = scanned(view(files()[name], name), name, block).tensors
    for key, matrix in (("W_dec", random(33, 9)), ("W_enc", random(9, 33).T)):
        np.testing.assert_array_equal(found[key].sample, matrix[sample_of(33)])
        places = np.linspace(0, 8, 8).astype(int)
        np.testing.assert_array_equal(found[key].marks, matrix[:, places])
    assert found["b_enc"].marks is None


def test_the_sample_is_spread_over_all() -> None:
    assert sample_of(3).tolist() == [0, 1, 2]
    chosen = sample_of(8192)
    assert (len(chosen), chosen[0], chosen[-1]) == (64, 0, 8191)
    assert len(set(chosen.tolist())) == 64


def test_tensors_that_share_bytes_are_each_looked_at() -> None:
    shared = np.arange(6, dtype="<f4")
    data = checkpoint(
        table(
            W_enc=tensor("0", (2, 3), (3, 1), 6),
            W_dec=tensor("0", (3, 2), (1, 3), 6),
            x=tensor("0", (4,), (0,), 6),
        ),
        {"0": shared.tobytes()},
    )
    found = scanned(view(data, "a.pt"), "a.pt", 8)
    assert found.sha256 == hashlib.sha256(data).hexdigest()
    expected = np.linalg.norm(shared.reshape(2, 3), axis=0)
    np.testing.assert_allclose(found.tensors["W_enc"].norms, expected, rtol=1e-5)
    np.testing.assert_allclose(found.tensors["W_dec"].norms, expected, rtol=1e-5)
    assert found.unread == {}
    assert found.tensors["x"].values == 4


@settings(max_examples=60)
@given(
    axes=st.lists(st.tuples(st.integers(1, 6), st.integers(1, 3), st.booleans()), min_size=1, max_size=3),
    turned=st.booleans(),
    block=st.integers(1, 300),
)
def test_values_with_gaps_or_repeated_are_those_that_the_tensor_has(
    axes: list[tuple[int, int, bool]], turned: bool, block: int
) -> None:
    """Slices by steps, columns, what is expanded, turned around: as torch has them, in blocks of any size."""
    whole = torch.from_numpy(random(*(n * step for n, step, _ in axes)))
    part = whole[tuple(slice(None, None, step) if not one else slice(0, 1) for _, step, one in axes)]
    part = part.expand(*(n for n, _, _ in axes))
    part = part.permute(*range(part.ndim)[::-1]) if turned else part
    file = BytesIO()
    torch.save({"a": part}, file)
    repository = view(file.getvalue(), "a.pt")
    info = read_header(repository, "a.pt").tensors["a"]
    found = np.concatenate([part.values.copy() for part in blocks(repository, "a.pt", info, block)])
    expected = part.numpy()
    np.testing.assert_array_equal(found, expected.ravel(order="F" if info.order == "F" else "C"))


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_what_is_not_finite_is_found_in_a_slice(bad: float) -> None:
    whole = torch.zeros(8, 12)
    whole[5, 6] = bad
    whole[0, 1] = float("nan")  # not in the slice
    file = BytesIO()
    torch.save({"W_enc": whole[:, ::3], "b_enc": whole[0, :1].expand(4)}, file)
    found = scanned(view(file.getvalue(), "a.pt"), "a.pt", 64)
    matrix = found.tensors["W_enc"]
    assert (matrix.nan + matrix.inf, matrix.first_bad) == (1, 5 * 4 + 2)
    assert found.tensors["b_enc"].nan == found.tensors["b_enc"].inf == 0
    np.testing.assert_allclose(matrix.norms[:2], 0)


def test_without_a_digest_only_the_tensors_are_read() -> None:
    data = save({"W_dec": random(33, 9)}, metadata={"note": "x" * 5000})
    repository = view(data, "a.safetensors")
    header = read_header(repository, "a.safetensors")
    before = repository.bytes_read
    assert scan(repository, "a.safetensors", header, norms=LATENTS, digest=False).sha256 is None
    assert repository.bytes_read - before == 33 * 9 * 4


def test_memory_stays_at_two_blocks(tmp_path: Path) -> None:
    import tracemalloc

    (tmp_path / "a.safetensors").write_bytes(save({"W_dec": np.ones((4096, 1024), np.float32)}))
    repository = open_folder(tmp_path)
    header = read_header(repository, "a.safetensors")
    tracemalloc.start()
    scan(repository, "a.safetensors", header, norms=LATENTS, block_bytes=1 << 18)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2 << 20


def test_a_file_that_shrank_is_incomplete(tmp_path: Path) -> None:
    data = save({"W_dec": random(33, 9)})
    (tmp_path / "a.safetensors").write_bytes(data)
    repository = open_folder(tmp_path)
    header = read_header(repository, "a.safetensors")
    (tmp_path / "a.safetensors").write_bytes(data[:-100])
    with pytest.raises(IncompleteError, match="asked for"):
        scan(repository, "a.safetensors", header, norms=LATENTS)
