"""One pass over a whole weights file: its sha256, and of every tensor what `sums` collects."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from hubkit.errors import IncompleteError
from hubkit.tensors.dtypes import BITS, numbers
from hubkit.tensors.stream import blocks, check_streamable, first_byte, pieces, row_length
from hubkit.tensors.tensor_scan import Sums
from hubkit.tensors.zip_member import check_content

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from hubkit.repo.view import RepoView
    from hubkit.tensors.header import Header, TensorInfo
    from hubkit.tensors.tensor_scan import Axis, TensorScan


@dataclass
class FileScan:
    """What one pass over a file found."""

    sha256: str | None
    tensors: dict[str, TensorScan] = field(default_factory=dict)
    unread: dict[str, str] = field(default_factory=dict)
    """Tensors whose values could not be looked at, with the reason."""


class _Piece(NamedTuple):
    """Bytes [start, stop) of the file: of a tensor, from its value `first` on, or of none."""

    start: int
    stop: int
    sums: Sums | None
    first: int


def scan(
    view: RepoView,
    path: str,
    header: Header,
    *,
    norms: Mapping[str, Axis],
    digest: bool = True,
    block_bytes: int | None = None,
) -> FileScan:
    """Look at every value of `path` once; `norms` says of which matrices the rows or columns are measured. Memory: two blocks, the norms, and
    what is kept of the values.

    Tensors that are compressed, share their bytes with others or lie with gaps are read by themselves, and the file again for its sha256.
    Raises IncompleteError when the file cannot be read, HeaderError where a zip's checksums are not those of its members.
    """
    result = FileScan(None)
    sums: dict[str, Sums] = {}
    apart: dict[str, Sums] = {}
    for info in header.tensors.values():
        try:
            check_streamable(info)
        except IncompleteError as error:
            result.unread[info.name] = error.message
        else:
            as_rows = replace(info, strides=None) if info.order is None else info
            (sums if info.order else apart)[info.name] = Sums(as_rows, norms.get(info.name))
    with np.errstate(over="ignore", invalid="ignore"):  # what is not finite is counted, not warned of
        result.sha256 = _pass(view, path, header, sums, digest=digest, block_bytes=block_bytes or view.block)
        for name in list(apart):
            try:
                for block in blocks(view, path, header.tensors[name], block_bytes):
                    apart[name].add(block.first, block.values)
            except IncompleteError as error:
                result.unread[name] = error.message
                del apart[name]
    read = {name: into.result() for name, into in (sums | apart).items()}
    result.tensors = {name: read[name] for name in header.tensors if name in read}
    with view.held_open(
        path
    ):  # a zip's own checksums, which its loaders hold it to: what was inflated was held to them on the way
        for member in {info.member for info in header.tensors.values() if info.member is not None}:
            if not member.deflated or member.crc32 is None:
                check_content(view, path, member, recorded=header.container == "npz")
    return result


def _pass(
    view: RepoView, path: str, header: Header, sums: Mapping[str, Sums], *, digest: bool, block_bytes: int
) -> str | None:
    """Feed every value to `sums`; the sha256 where it is asked for."""
    plan = _plan(view, path, header, sums)
    if plan is None:
        for name, into in sums.items():
            for block in blocks(view, path, header.tensors[name], block_bytes):
                into.add(block.first, block.values)
    entry = view.entry(path)
    parts = _parts(plan or [], entry.size if entry else 0, block_bytes, gaps=digest)
    return _run(view, path, parts, digest=digest)


def _plan(
    view: RepoView, path: str, header: Header, sums: Mapping[str, Sums]
) -> list[tuple[int, TensorInfo, Sums]] | None:
    """The tensors by their first byte in the file, or None where one pass cannot serve them all."""
    plan = []
    for name, into in sums.items():
        info = header.tensors[name]
        begin = first_byte(view, path, info)
        if begin is None:
            return None
        plan.append((begin, info, into))
    plan.sort(key=lambda item: (item[0], item[1].stop - item[1].start))
    ends = [begin + info.stop - info.start for begin, info, _ in plan]
    overlap = any(end > following[0] for end, following in zip(ends, plan[1:], strict=False))
    return None if overlap else plan


def _parts(
    plan: list[tuple[int, TensorInfo, Sums]], size: int, block_bytes: int, *, gaps: bool
) -> Iterator[_Piece]:
    """The file from its first byte to its last in pieces of at most a block, the tensors' pieces marked."""
    at = 0
    for begin, info, into in plan:
        if gaps:
            yield from (_Piece(*piece, None, 0) for piece in _cut(at, begin, block_bytes))
        width = BITS[info.dtype] // 8
        for first, last in pieces(info.count, row_length(info), max(1, block_bytes // width)):
            yield _Piece(begin + first * width, begin + last * width, into, first)
        at = begin + info.stop - info.start
    if gaps:
        yield from (_Piece(*piece, None, 0) for piece in _cut(at, size, block_bytes))


def _cut(start: int, stop: int, step: int) -> Iterator[tuple[int, int]]:
    for at in range(start, stop, step):
        yield at, min(at + step, stop)


def _run(view: RepoView, path: str, parts: Iterator[_Piece], *, digest: bool) -> str | None:
    """Read each piece, hash it on a second thread (hashlib and numpy both let go of the interpreter) and sum it here."""
    sha = hashlib.sha256()
    buffers = [np.empty(0, np.uint8), np.empty(0, np.uint8)]
    with view.held_open(path), ThreadPoolExecutor(1) as hasher:
        pending: list[Any] = [None, None]
        for turn, piece in enumerate(parts):
            which, size = turn % 2, piece.stop - piece.start
            if pending[which] is not None:
                pending[which].result()
            if len(buffers[which]) < size:
                buffers[which] = np.empty(size, np.uint8)
            data = buffers[which][:size]
            view.read_into(path, piece.start, data.data)
            if digest:
                pending[which] = hasher.submit(sha.update, data.data)
            if piece.sums is not None:
                info = piece.sums.info
                piece.sums.add(piece.first, numbers(data, info.dtype, big_endian=info.big_endian))
    return sha.hexdigest() if digest else None
