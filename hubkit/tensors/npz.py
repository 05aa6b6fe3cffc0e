"""The header of a `.npz`: the zip's directory, and each array's own header, parsed without evaluating anything.

Source: numpy.lib.format, versions 1.0 to 3.0.
"""

from __future__ import annotations

import re
from math import prod
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from hubkit.tensors.dtypes import BITS
from hubkit.tensors.header import Header, HeaderError, TensorInfo, row_major
from hubkit.tensors.safetensors import LARGEST
from hubkit.tensors.zip_directory import read_directory
from hubkit.tensors.zip_member import read_part

if TYPE_CHECKING:
    from hubkit.repo.view import RepoView
    from hubkit.tensors.header import Member

MAX_ARRAYS = 1000
SHORTEST = 10
"""Bytes before the text of a header: magic, version, length."""
MAX_NPY_HEADER = 10_000
"""Bytes: numpy's own limit."""
FIRST_READ = 512
MAGIC = b"\x93NUMPY"
MAX_DIMENSIONS = 64
KINDS = {"f": "F", "i": "I", "u": "U", "c": "C"}
PLAIN = re.compile(r"[<>|=]?[?biufcSUVmM]\d*(?:\[[^\]]*\])?")
"""The dtype of an array of numbers or texts: nothing of it is unpickled."""
ITEM = re.compile(
    r"""\s*['"](?P<key>descr|fortran_order|shape)['"]\s*:\s*"""
    r"""(?P<value>'[^']{1,40}'|"[^"]{1,40}"|True|False|\([0-9,\sL]*\)|\[.*\])\s*(?:,|$)""",
    re.DOTALL,
)


class _Npy(NamedTuple):
    """What the header of one array says."""

    descr: str
    fortran: bool
    shape: tuple[int, ...]
    data_at: int


def read_npz(view: RepoView, path: str, members: dict[str, Member] | None = None) -> Header:
    """The arrays of a `.npz`. Arrays without a number format (objects, text, structures) are in `refused`. Raises HeaderError."""
    members = read_directory(view, path) if members is None else members
    if len(members) > MAX_ARRAYS:
        raise HeaderError(f"{len(members):,} members, expected at most {MAX_ARRAYS:,} arrays")
    tensors: dict[str, TensorInfo] = {}
    refused = []
    for member in members.values():
        name = member.name.removesuffix(".npy")
        if name == member.name:
            refused.append(f"{name}: not an array")
            continue
        npy = parse_npy(_npy_header(view, path, member), name)
        info = _tensor(name, npy, member)
        if isinstance(info, str):
            refused.append(f"{name}: {info}")
        else:
            tensors[name] = info
    return Header(tensors, {}, 0, container="npz", refused=tuple(refused))


def _npy_header(view: RepoView, path: str, member: Member) -> bytes:
    """The magic, version, length and text of one array's header."""
    head = read_part(view, path, member, 0, min(FIRST_READ, member.size))
    needed = header_length(head, member.name)
    if needed > len(head):
        head = read_part(view, path, member, 0, min(needed, member.size))
    if needed > len(head):
        raise HeaderError(f"{member.name}: its array header is cut")
    return head[:needed]


def header_length(head: bytes, name: str) -> int:
    """Bytes of the header of an array that begins so, magic included. Raises HeaderError."""
    if len(head) < 12 or not head.startswith(MAGIC):
        raise HeaderError(f"{name}: not an array of numpy")
    version = tuple(head[6:8])
    if version not in {(1, 0), (2, 0), (3, 0)}:
        raise HeaderError(f"{name}: npy version {version[0]}.{version[1]}, expected 1.0, 2.0 or 3.0")
    width = 2 if version == (1, 0) else 4
    length = int.from_bytes(head[8 : 8 + width], "little")
    if length > MAX_NPY_HEADER:
        raise HeaderError(
            f"{name}: its array header has {length:,} bytes, expected at most {MAX_NPY_HEADER:,}"
        )
    return 8 + width + length


def parse_npy(head: bytes, name: str) -> _Npy:
    """The header of an array from its bytes, magic included. Raises HeaderError."""
    if len(head) < SHORTEST:
        raise HeaderError(f"{name}: its array header is cut after {len(head)} bytes")
    try:
        text = head[10 if head[6] == 1 else 12 :].decode("utf-8" if head[6] == 3 else "latin-1").strip()
    except UnicodeDecodeError as error:
        raise HeaderError(f"{name}: its array header is not UTF-8") from error
    found: dict[str, str] = {}
    body = text[1:-1].rstrip() if text.startswith("{") and text.endswith("}") else ""
    at = 0
    while at < len(body):
        item = ITEM.match(body, at)
        if item is None or item["key"] in found:
            break
        found[item["key"]] = item["value"]
        at = item.end()
    if at < len(body) or len(found) != 3 or found["fortran_order"] not in {"True", "False"}:
        raise HeaderError(f"{name}: its array header cannot be read: {text[:100]!a}")
    return _Npy(
        found["descr"].strip("'\""), found["fortran_order"] == "True", _shape(found["shape"], name), len(head)
    )


def plain_bytes(head: bytes) -> int | None:
    """How many bytes the numbers or texts of an array take behind its header; None where it has others, which may be pickles. Raises HeaderError."""
    array = parse_npy(head, "an array")
    if PLAIN.fullmatch(array.descr) is None:
        return None
    try:
        size = np.dtype(array.descr).itemsize
    except (TypeError, ValueError) as error:
        raise HeaderError(f"its numbers are of type {array.descr!a}, which numpy does not have") from error
    return size * prod(array.shape)


def _shape(text: str, name: str) -> tuple[int, ...]:
    parts = [part.strip().rstrip("L") for part in text.strip("()").split(",")]
    if parts and not parts[-1]:
        parts.pop()
    shape = tuple(int(part) for part in parts if part.isascii() and part.isdecimal() and len(part) <= 20)
    if not text.startswith("(") or len(shape) != len(parts) or len(shape) > MAX_DIMENSIONS:
        raise HeaderError(f"{name}: its shape cannot be read: {text[:100]!a}")
    return shape


def _tensor(name: str, npy: _Npy, member: Member) -> TensorInfo | str:
    """The array as a tensor, or why it is not read. HeaderError when its size contradicts its header."""
    dtype = _dtype(npy.descr)
    if dtype not in BITS:
        return dtype
    size = BITS[dtype] // 8
    for count in npy.shape:
        size *= count
        if size > LARGEST:
            raise HeaderError(f"{name}: the shape {npy.shape} overflows")
    if npy.data_at + size != member.size:
        raise HeaderError(
            f"{name}: {npy.descr} of shape {npy.shape} needs {size:,} bytes, the member has {member.size - npy.data_at:,}"
        )
    strides = row_major(npy.shape[::-1])[::-1] if npy.fortran else None
    big = npy.descr.startswith(">") and BITS[dtype] > 8
    return TensorInfo(name, dtype, npy.shape, npy.data_at, member.size, strides, member, big)


def _dtype(descr: str) -> str:
    """safetensors' name of a numpy descr, else the reason why there is none."""
    match = re.fullmatch(r"[<>|=]?([?a-zA-Z])(\d{0,4})", descr)
    if match is None or match[1] == "V":
        return "raw bytes or a structure: the number format is not in the file (numpy writes bfloat16 so)"
    if match[1] == "O":
        return "python objects, which are pickles: never read"
    if descr.lstrip("<>|=") in {"b1", "?"}:
        return "BOOL"
    if match[1] in KINDS and match[2].isdecimal() and f"{KINDS[match[1]]}{8 * int(match[2])}" in BITS:
        return f"{KINDS[match[1]]}{8 * int(match[2])}"
    return f"dtype {descr!a}, no number format of safetensors"
