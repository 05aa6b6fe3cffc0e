"""What the first bytes of a file say that it may be; its name says nothing here. A file may be several things at once."""

from __future__ import annotations

import re

from hubkit.tensors.npz import MAGIC as NPY
from hubkit.tensors.pickle_steps import BEGINNINGS
from hubkit.tensors.unpacked import LZIP, LZMA_HEADER, XZ, Packing

HEAD = 520
"""Bytes that tell: as far as tar's first header with its checksum."""
ZIPS = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
PACKINGS: dict[bytes, Packing] = {b"\x1f\x8b\x08": "gzip", XZ: "xz", LZIP: "lzip"}
UNKNOWN_PACKING = {
    "zstd": re.compile(rb"[\x1e\x22-\x28]\xb5\x2f\xfd"), "lz4": re.compile(rb"\x04\x22\x4d\x18|[\x02\x03]\x21\x4c\x18"),
    "zstd or lz4": re.compile(rb"[\x50-\x5f]\x2a\x4d\x18"), "7z": re.compile(rb"7z\xbc\xaf\x27\x1c"), "rar": re.compile(rb"Rar!\x1a\x07"),
    "lzop": re.compile(rb"\x89LZO\0"), "compress": re.compile(rb"\x1f[\x9d\xa0]"), "snappy": re.compile(rb"\xff\x06\0\0sNaPpY"),
}  # fmt: skip
"""What is not unpacked here, by how it begins: zstd since its first version, and the frames that zstd and lz4 skip, whatever stands behind them."""
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
        or head.startswith((*ZIPS, NPY))
        or unknown_packing(head) is not None
        or packing(head) is not None
        or JOBLIB_OLD.match(head) is not None
        or is_tar(head)
    )


def packing(head: bytes) -> Packing | None:
    """How the file is compressed. `zlib` and `lzma` only may be: their first bytes are few."""
    for magic, kind in PACKINGS.items():
        if head.startswith(magic):
            return kind
    if head.startswith(b"BZh") and head[4:10] in BZ2_BLOCKS:
        return "bz2"
    if _is_lzma(head):
        return "lzma"
    if head[:1] == b"x" and len(head) > 2 and (head[0] << 8 | head[1]) % 31 == 0 and not head[1] & 0x20:
        return "zlib"
    return None


def _is_lzma(head: bytes) -> bool:
    """LZMA alone with any legal properties, as liblzma takes it where it was not told the form.

    The dictionary has 2^n or 2^n + 2^(n-1) bytes (any size with the properties that everybody writes, which joblib goes by), the size of the content is
    unknown or below 2^48. Source: lzma_lzma_lclppb_decode and alone_decoder.c of xz 5.2 to 5.8.
    """
    if len(head) <= LZMA_HEADER or head[0] > 224:
        return False
    rest, literal = divmod(head[0], 9)
    if literal + rest % 5 > 4:
        return False
    dictionary, size = int.from_bytes(head[1:5], "little"), int.from_bytes(head[5:13], "little")
    odd = dictionary >> max((dictionary & -dictionary).bit_length() - 1, 0)
    usual = odd in {0, 1, 3} or dictionary == 0xFFFFFFFF or head.startswith(b"\x5d\0")
    return usual and (size == (1 << 64) - 1 or 0 < size < 1 << 48)


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
    return next((name for name, magic in UNKNOWN_PACKING.items() if magic.match(head)), None)
