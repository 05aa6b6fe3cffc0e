"""Whole weights: one pass for what every tensor holds, and, where its norms leave the question open, a second look at the matrices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hubkit.tensors.scan import FileScan, scan
from hubkit.tensors.stream import blocks

if TYPE_CHECKING:
    import numpy.typing as npt

    from hubkit.repo.view import RepoView
    from hubkit.tensors.header import Header, TensorInfo

    Floats = npt.NDArray[np.float64]

ALIKE = 1e-4
"""Relative difference of norms below which two vectors may be equal."""
SAMPLE = 64
"""Latents whose encoder column is compared with their decoder row."""


@dataclass(frozen=True)
class WholeWeights:
    """What was found in all bytes of one file."""

    scan: FileScan
    copies: int | None
    """Rows of W_dec, zero rows aside, that are bit for bit another row. None where there is no such matrix."""
    tied: float | None
    """Share of SAMPLE latents whose W_enc column is their W_dec row, bit for bit. None where the matrices do not fit each other."""

    def norms(self, tensor: str) -> Floats | None:
        """(d_sae,) norms of the rows of W_dec or of the columns of W_enc."""
        found = self.scan.tensors.get(tensor)
        return found.norms if found else None


def read_whole_weights(view: RepoView, path: str, header: Header, *, digest: bool = True) -> WholeWeights:
    """Read every tensor of `path`; W_dec twice where its norms leave a question open. Raises IncompleteError."""
    found = scan(view, path, header, digest=digest)
    whole = WholeWeights(found, None, None)
    decoder, encoder = header.tensors.get("W_dec"), header.tensors.get("W_enc")
    norms = whole.norms("W_dec")
    if decoder is None or norms is None or decoder.order != "C" or not decoder.count:
        return whole
    columns = whole.norms("W_enc")
    fits = encoder is not None and encoder.shape == decoder.shape[::-1] and encoder.order == "C"
    tied = None
    if fits and encoder is not None and columns is not None:
        near = np.isclose(columns, norms, rtol=ALIKE) & (norms > 0)
        tied = _tied(view, path, (encoder, decoder), near) if near.mean() > 0.5 else 0.0
    return WholeWeights(found, _copies(view, path, decoder, norms), tied)


def _copies(view: RepoView, path: str, info: TensorInfo, norms: Floats) -> int:
    """Non-zero rows beyond the first of their kind."""
    order = np.sort(norms[norms > 0])
    if not len(order) or not (np.diff(order) <= ALIKE * order[1:]).any():
        return 0
    seen: set[int] = set()
    rows = 0
    for at, row in _rows(view, path, info):
        if norms[at] != 0:
            rows += 1
            seen.add(hash(row.tobytes()))
    return rows - len(seen)


def _rows(view: RepoView, path: str, info: TensorInfo) -> Any:
    """(index, row), each valid until the next; rows that are larger than a block are put together."""
    width, held, index = info.shape[1], [], 0
    for block in blocks(view, path, info):
        if block.first % width or len(block.values) % width:
            held.append(block.values.copy())
            if sum(map(len, held)) == width:
                yield index, np.concatenate(held)
                held, index = [], index + 1
            continue
        for row in block.values.reshape(-1, width):
            yield index, row
            index += 1


def _tied(
    view: RepoView, path: str, matrices: tuple[TensorInfo, TensorInfo], near: npt.NDArray[np.bool_]
) -> float:
    """The share of a sample of `near` latents that are tied, times the share that is near."""
    encoder, decoder = matrices
    chosen = np.flatnonzero(near)
    chosen = chosen[np.linspace(0, len(chosen) - 1, min(SAMPLE, len(chosen))).astype(int)]
    columns = np.stack([row[chosen].copy() for _, row in _rows(view, path, encoder)])
    wanted = set(chosen.tolist())
    rows = np.stack([row.copy() for at, row in _rows(view, path, decoder) if at in wanted])
    return float((rows == columns.T).all(axis=1).mean() * near.mean())
