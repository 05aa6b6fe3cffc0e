"""What the first bytes of a file say that it may be; its name says nothing here. A file may be several things at once."""

from __future__ import annotations

import re

from hubkit.tensors.npz import MAGIC as NPY
from hubkit.tensors.pickle_steps import BEGINNINGS
from hubkit.tensors.unpacked import Packing

HEAD = 520
"""Bytes that tell: as far as tar's first header with its checksum."""
ZIPS = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
UNKNOWN_PACKING = {
    b"\x28\xb5\x2f\xfd": "zstd", b"\x04\x22\x4d\x18": "lz4", b"7z\xbc\xaf\x27\x1c": "7z", b"Rar!\x1a\x07": "rar",
}  # fmt: skip
"""What Python's standard library does not unpack."""
JOBLIB_OLD = re.compile(rb"ZF0x[0-9a-f]{1,16}L? *")
"""joblib before 0.10: two letters, the length in hexadecimal and spaces, together 21 bytes; then zlib."""
BZ2_BLOCKS = (b"1AY&SY", b"\x17rE8P\x90")
"""How bz2's first block begins, or its end where there is none."""


def may_hold(head: bytes) -> bool:
    """Whether a file that begins so can be a pickle, or hold one."""
    if not head:
        return False
    return (
        head[0] in BEGINNINGS
        or head.startswith((*ZIPS, NPY, *UNKNOWN_PACKING))
        or packing(head) is not None
        or JOBLIB_OLD.match(head) is not None
        or is_tar(head)
    )


def packing(head: bytes) -> Packing | None:
    """How the file is compressed. `zlib` and `lzma` only may be: their first bytes are few."""
    if head.startswith(b"\x1f\x8b\x08"):
        return "gzip"
    if head.startswith(b"BZh") and head[4:10] in BZ2_BLOCKS:
        return "bz2"
    if head.startswith(b"\xfd7zXZ\0"):
        return "xz"
    if _is_lzma(head):
        return "lzma"
    if head[:1] == b"x" and len(head) > 2 and (head[0] << 8 | head[1]) % 31 == 0 and not head[1] & 0x20:
        return "zlib"
    return None


def _is_lzma(head: bytes) -> bool:
    """LZMA alone with the properties that everybody writes: a dictionary of 2^n or 2^n + 2^(n-1) bytes, a size that is unknown or can be."""
    if not head.startswith(b"\x5d\0") or len(head) < 13:
        return head.startswith(b"\x5d\0\0")
    dictionary, size = int.from_bytes(head[1:5], "little"), int.from_bytes(head[5:13], "little")
    odd = dictionary >> max((dictionary & -dictionary).bit_length() - 1, 0)
    return odd in {1, 3} and (size == (1 << 64) - 1 or size < 1 << 48)


def is_tar(head: bytes) -> bool:
    """Whether the first 512 bytes are a header of tar: its checksum is right, read as Python's tarfile reads it (octal to the first NUL, or base 256)."""
    if len(head) < 512:
        return False
    field = head[148:156]
    if field[0] == 0x80:
        written = int.from_bytes(field[1:], "big")
    else:
        try:
            written = int(field.partition(b"\0")[0].decode("ascii").strip() or "0", 8)
        except ValueError:
            return False
    rest = head[:148] + head[156:512]
    unsigned = 256 + sum(rest)
    return written in {unsigned, unsigned - 256 * sum(byte > 127 for byte in rest)}


def unknown_packing(head: bytes) -> str | None:
    """The name of a packing that is known and cannot be undone."""
    return next((name for magic, name in UNKNOWN_PACKING.items() if head.startswith(magic)), None)
