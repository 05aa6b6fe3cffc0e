"""Texts and keys within formats that are no text: a picture's text chunks, what tar, zip and gzip write beside their members, keys in binary form.

Source: PNG 3 (11.3.3), POSIX pax, APPNOTE 6.3.10 (4.3.16), RFC 1952, 5208, 5915, 5958, 7292 and 8017 for how keys begin in DER.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from hubkit.tensors.unpacked import Unpacked
from hubkit.tensors.view_file import Window

if TYPE_CHECKING:
    import tarfile

    from hubkit.tensors.view_file import Readable, Share

PNG = b"\x89PNG\r\n\x1a\n"
TEXT_CHUNKS = {b"tEXt", b"zTXt", b"iTXt", b"eXIf"}
MOST_CHUNKS = 20_000
LAST = (1 << 16) + 22
"""Bytes: the longest end of a zip."""
LONGEST_CHUNK = 1 << 20
"""Bytes of a chunk of text that are read, and that come out of one."""
LENGTH = rb"(?:[\x02-\x7f]|\x81.|\x82..|\x83...|\x80)"
KEYS = {
    "a private key in binary form (DER)": re.compile(
        rb"\x30" + LENGTH + rb"\x02\x01(?:[\x00\x01]\x30" + LENGTH + rb"\x06[\x03-\x0b]|\x00\x02" + LENGTH + rb"|\x01\x04[\x14-\x42])", re.DOTALL
    ),
    "an encrypted private key in binary form (DER)": re.compile(
        rb"\x30" + LENGTH + rb"\x30" + LENGTH + rb"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x05", re.DOTALL
    ),
    "a store of keys (PKCS 12)": re.compile(
        rb"\x30" + LENGTH + rb"\x02\x01\x03\x30" + LENGTH + rb"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07", re.DOTALL
    ),
    "a store of keys of Java": re.compile(rb"\xfe\xed\xfe\xed\x00\x00\x00[\x01\x02]|\xce\xce\xce\xce\x00\x00\x00[\x01\x02]"),
}  # fmt: skip
"""Kind to how it begins."""


def key_of(head: bytes) -> str | None:
    """The kind of key that a file is which begins so."""
    return next((kind for kind, pattern in KEYS.items() if pattern.match(head)), None)


def png_texts(file: Readable, share: Share) -> Iterator[bytes]:
    """What a picture's chunks of text say, packed or not. Ends where the chunks do."""
    size, at = file.seek(0, 2), len(PNG)
    for _ in range(MOST_CHUNKS):
        file.seek(at)
        head = file.read(8)
        length = int.from_bytes(head[:4], "big")
        if len(head) < 8 or at + 8 + length > size:
            return
        if head[4:] in TEXT_CHUNKS:
            data = file.read(min(length, LONGEST_CHUNK))
            yield data
            # the packed part begins behind the first zeros: its place depends on the chunk and on its texts
            for start in {n + 1 for n in range(min(len(data), 300)) if data[n : n + 1] == b"\0"}:
                if data[start : start + 1] == b"x" or data[start + 1 : start + 2] == b"x":
                    begin = at + 8 + start + (data[start : start + 1] != b"x")
                    yield Unpacked(Window(file, begin, length - (begin - at - 8)), "zlib", share).read(
                        LONGEST_CHUNK
                    )
        at += 12 + length


def zip_note(file: Readable) -> bytes:
    """What stands behind the end of a zip's directory: its own comment."""
    size = file.seek(0, 2)
    file.seek(max(0, size - LAST))
    _, found, note = file.read(LAST).rpartition(b"PK\x05\x06")
    return note[18:] if found else b""


def gzip_notes(head: bytes) -> bytes:
    """The name and the comment in a gzip's own header, where it has them."""
    flags, at = head[3], 10
    if flags & 4:
        at += 2 + int.from_bytes(head[at : at + 2], "little")
    return b"\n".join(head[at:].split(b"\0", 2)[: bool(flags & 8) + bool(flags & 16)])


def tar_notes(archive: tarfile.TarFile, member: tarfile.TarInfo) -> str:
    """What tar says of a member beside its bytes: owner, link, and pax's own words."""
    pax = {**archive.pax_headers, **member.pax_headers}
    own = (
        f"{key}={value}" for key, value in pax.items() if key not in {"path", "linkpath", "uname", "gname"}
    )
    return "\n".join((member.uname, member.gname, member.linkname, *own))
