"""Whole weights: one pass for what every tensor holds, and a second look at those latents whose weights may be copies."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from hubkit.tensors.dtypes import BITS
from hubkit.tensors.scan import FileScan, scan
from hubkit.tensors.slices import read_values
from hubkit.tensors.stream import blocks, first_byte, row_length
from hubkit.tensors.tensor_scan import sample_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy.typing as npt

    from hubkit.formats.sae import Tensor
    from hubkit.repo.view import RepoView
    from hubkit.tensors.header import Header, TensorInfo
    from hubkit.tensors.tensor_scan import Axis, TensorScan

    Floats = npt.NDArray[np.float64]
    Rows = npt.NDArray[np.intp]


LATENTS: Mapping[str, Axis] = {"W_dec": "rows", "W_enc": "columns"}
"""Where a latent lies in each matrix, in SAELens's orientation."""
VECTORS = ("b_enc", "b_gate", "b_mag", "r_mag", "b_dec")
"""What is added to, or multiplies, what the matrices give: (d_sae,), and (d_out,) of b_dec."""


@dataclass(frozen=True)
class WholeWeights:
    """What was found in all bytes of one file."""

    scan: FileScan
    names: Mapping[str, str]
    """SAELens's name of a matrix to its own name in the file."""
    copies: int | None
    """Rows of W_dec, zero rows aside, that are bit for bit another row. None where there is no such matrix."""
    encoder_copies: int | None
    """The same of the columns of W_enc."""
    tied: float | None
    """Share of latents whose W_enc column is their W_dec row, bit for bit: of a sample. None where the matrices do not fit each other."""
    vectors: Mapping[str, Floats] = field(default_factory=dict)
    """Values of those of VECTORS that the same file has."""
    alignment: float | None = None
    """Median cosine of a latent's W_enc column and W_dec row, of the same sample: 1 where the two are tied up to a scale, as after norms were folded."""

    def norms(self, tensor: str) -> Floats | None:
        """(d_sae,) norms of the rows of W_dec or of the columns of W_enc, whichever way round they are stored."""
        found = self.scan.tensors.get(self.names.get(tensor, tensor))
        return found.norms if found else None


def read_whole_weights(
    view: RepoView, path: str, header: Header, tensors: Mapping[str, Tensor], *, digest: bool = True
) -> WholeWeights:
    """Read every tensor of `path` once, and again only what agrees in its marks. Raises IncompleteError.

    `tensors` says which of them are the matrices, and which way round they lie.
    """
    here = {name: tensors[name] for name in LATENTS if name in tensors and tensors[name].path == path}
    names = {name: tensor.info.name for name, tensor in here.items()}
    norms = {
        tensor.info.name: _turned(LATENTS[name], turned=tensor.transposed) for name, tensor in here.items()
    }
    found = scan(view, path, header, norms=norms, digest=digest)
    copies = {
        name: _copies(view, path, here[name].info, norms[names[name]], found.tensors[names[name]])
        for name in names
        if names[name] in found.tensors
    }
    vectors = {name: tensors[name].info for name in VECTORS if name in tensors and tensors[name].path == path}
    pair = [found.tensors[names[name]] for name in ("W_enc", "W_dec") if name in copies]
    return WholeWeights(
        found,
        names,
        copies.get("W_dec"),
        copies.get("W_enc"),
        tied=_tied(*pair) if len(pair) > 1 else None,
        vectors={
            name: read_values(view, path, info)
            for name, info in vectors.items()
            if info.name in found.tensors
        },
        alignment=_alignment(*pair) if len(pair) > 1 else None,
    )


def _turned(axis: Axis, *, turned: bool) -> Axis:
    return axis if not turned else "columns" if axis == "rows" else "rows"


def _tied(encoder: TensorScan, decoder: TensorScan) -> float | None:
    """The share of the sampled latents that are tied."""
    rows, columns = decoder.sample, encoder.sample
    if rows is None or columns is None or rows.shape != columns.shape or decoder.norms is None:
        return None
    alive = decoder.norms[sample_of(len(decoder.norms))] > 0
    return float(((rows == columns).all(axis=1) & alive).mean())


def _alignment(encoder: TensorScan, decoder: TensorScan) -> float | None:
    """The median cosine of the sampled latents' two directions."""
    rows, columns = decoder.sample, encoder.sample
    if rows is None or columns is None or rows.shape != columns.shape:
        return None
    one, other = (np.asarray(part, np.float64) for part in (rows, columns))
    with np.errstate(over="ignore"):  # a length beyond float64 is infinite, and left out
        lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1)
    alive = np.isfinite(lengths) & (lengths > 0)
    cosines = np.einsum("ij,ij->i", one[alive], other[alive]) / lengths[alive]
    return float(np.sort(cosines)[cosines.size // 2]) if cosines.size else None


def _copies(view: RepoView, path: str, info: TensorInfo, axis: Axis, matrix: TensorScan) -> int | None:
    """Rows or columns, zero ones aside, that are bit for bit an earlier one. None for a matrix whose values cannot be read again.

    Those that agree in their marks are compared: rows that lie together in the file are read one by one, others while the matrix goes by a second time.
    """
    if info.order is None or matrix.marks is None or matrix.norms is None:
        return None
    alive = np.flatnonzero(matrix.norms != 0)
    if not len(alive):
        return 0
    marks = np.ascontiguousarray(matrix.marks[alive])
    as_bytes = marks.view(np.dtype((np.void, marks[:1].nbytes))).ravel()
    _, kind, members = np.unique(as_bytes, return_inverse=True, return_counts=True)
    alike, kind = alive[members[kind] > 1], kind[members[kind] > 1]
    if not len(alike):
        return 0
    start = first_byte(view, path, info)
    together = "C" if axis == "rows" else "F"
    if info.order != together:
        return _alike_across(view, path, info, alike, kind)
    if start is None:
        return None
    length = info.count // len(matrix.norms) * BITS[info.dtype] // 8
    seen: set[bytes] = set()
    copies = 0
    for row in _whole_rows(view, path, start, length, alike):
        digest = hashlib.sha256(row).digest()
        copies += digest in seen
        seen.add(digest)
    return copies


def _alike_across(view: RepoView, path: str, info: TensorInfo, alike: Rows, kind: Rows) -> int:
    """How many of the lines `alike`, which lie across the file's rows, are the first of their kind in every value."""
    _, first, member = np.unique(kind, return_index=True, return_inverse=True)
    others = np.flatnonzero(first[member] != np.arange(len(alike)))
    one, other = alike[first[member[others]]], alike[others]
    row = row_length(info)
    for block in blocks(view, path, info, max(view.block, row * BITS[info.dtype] // 8)):
        matrix = block.values.reshape(-1, row)
        same = (matrix[:, one] == matrix[:, other]).all(axis=0)
        one, other = one[same], other[same]
        if not len(one):
            break
    return len(one)


def _whole_rows(view: RepoView, path: str, start: int, length: int, rows: Rows) -> Iterator[bytes]:
    """The bytes of chosen rows in their order, neighbours read together, up to a block."""
    most = max(1, view.block // length)
    at = 0
    while at < len(rows):
        first = int(rows[at])
        stop = at + int(np.searchsorted(rows[at:], first + most))
        data = view.read_range(path, start + first * length, start + (int(rows[stop - 1]) + 1) * length)
        for row in rows[at:stop]:
            yield data[(int(row) - first) * length : (int(row) - first + 1) * length]
        at = stop
