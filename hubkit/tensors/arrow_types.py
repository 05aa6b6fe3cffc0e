"""Types of Arrow's and Parquet's columns that are pickles: what pyarrow before 14.0.1 unpickles as soon as it reads the schema.

Source: Arrow's columnar format 1.4 (Schema.fbs, extension types), Parquet 2.11 (the footer), pyarrow 13 (types.pxi: PyExtensionType).
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from hubkit.tensors.view_file import MOST_AT_ONCE, is_streamed

if TYPE_CHECKING:
    from hubkit.tensors.view_file import Readable

NAMED = b"\x14\0\0\0ARROW:extension:name\0", b"\x17\0\0\0arrow.py_extension_type\0"
"""Key and value as a schema holds texts: behind their lengths, before a zero. In a column of texts they do not stand so."""
PARQUET = b"PAR1"
ARROW = re.compile(rb"ARROW1|\xff\xff\xff\xff...\x00[\x08-\x20]\x00", re.DOTALL)
EDGE = 1 << 20
"""Bytes at the beginning and the end of an Arrow file in which its schema stands."""
SCHEMA = re.compile(rb"ARROW:schema.{1,24}?([A-Za-z0-9+/]{16,}={0,2})", re.DOTALL)
"""In Parquet's footer: Arrow's schema in base64."""


def is_table(head: bytes) -> bool:
    """Whether a file that begins so is one of Parquet or Arrow."""
    return head.startswith(PARQUET) or ARROW.match(head) is not None


def pickled_types(file: Readable) -> Iterator[bytes]:
    """Each schema of `file` that has such a type. Of a stream only the beginning is read, where Arrow's stands."""
    file.seek(0)
    begin = file.read(EDGE)
    if begin.startswith(PARQUET):
        schemas = [_decoded(one) for one in SCHEMA.findall(_footer(file))]
    elif is_streamed(file):
        schemas = [begin]
    else:
        file.seek(max(len(begin), file.seek(0, 2) - EDGE))
        schemas = [begin, file.read(EDGE)]
    yield from (one for one in schemas if all(text in one for text in NAMED))


def _footer(file: Readable) -> bytes:
    """Parquet's; nothing where the file has none that can be read."""
    if is_streamed(file):
        return b""
    size = file.seek(0, 2)
    file.seek(max(0, size - 8))
    end = file.read(8)
    length = min(int.from_bytes(end[:4], "little"), size - 8, MOST_AT_ONCE)
    if end[4:] != PARQUET or length <= 0:
        return b""
    file.seek(size - 8 - length)
    return file.read(length)


def _decoded(text: bytes) -> bytes:
    text = text.rstrip(b"=")
    text = text[: len(text) - (len(text) % 4 == 1)]
    try:
        return base64.b64decode(text + b"=" * (-len(text) % 4))
    except ValueError:
        return b""
