"""A strict reader of safetensors headers: the rules of the Rust reader, and two of our own.

Source: the format page of https://github.com/huggingface/safetensors and the behaviour of version 0.8 on crafted files.
Our own: no duplicate keys (the Rust reader takes the last), a header of at most MAX_HEADER bytes. A tensor may have any name, `a/b`, `..` and the
empty one too: none is ever used as a path.
"""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any

from hubkit.tensors.dtypes import BITS
from hubkit.tensors.header import Header, HeaderError, TensorInfo
from hubkit.texts import shortened

if TYPE_CHECKING:
    from hubkit.repo.view import RepoView

FIRST_READ = 640
"""Bytes asked for first: the header of an SAE has about 400."""
MAX_HEADER = 1 << 20
LFS_POINTER = b"version https://git-lfs.github.com/spec/"
MAX_DEPTH = 127
"""Levels of nesting that serde_json reads."""
LARGEST = (1 << 64) - 1
"""Of a Rust usize on a 64-bit machine."""
PLAIN_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,79}")
"""What messages show as it is; other names are quoted, and cut."""
MARK = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+\\?+"?+|(?P<bracket>[\[{\]}])', re.DOTALL)
"""A text, also one that never ends (else each quote in it would be tried in turn), or a bracket."""
SHOWN = 60
"""Characters of a name or value that a message shows: it may be as long as the header."""
FIELDS = ("dtype", "shape", "data_offsets")


def read_header(view: RepoView, path: str) -> Header:
    """The header of `path`. Raises HeaderError when the Rust reader or our rules would refuse it, IncompleteError when it cannot be read."""
    entry = view.entry(path)
    size = entry.size if entry else 0
    head = view.read_range(path, 0, FIRST_READ)
    if head.startswith(LFS_POINTER):
        raise HeaderError(
            f"a Git-LFS pointer of {size} bytes, expected the weights themselves", lfs_pointer=True
        )
    if size < 8:
        raise HeaderError(f"{size} bytes, a safetensors file has at least 8")
    length = int.from_bytes(head[:8], "little")
    if length > MAX_HEADER:
        raise HeaderError(
            f"the header says it is {length:,} bytes long, expected at most {MAX_HEADER:,} (not a safetensors file?)"
        )
    if 8 + length > size:
        raise HeaderError(f"truncated: the header needs {8 + length:,} bytes, the file has {size:,}")
    if 8 + length > len(head):
        head += view.read_range(path, len(head), 8 + length)
    return parse_header(head[8 : 8 + length], size)


def parse_header(raw: bytes, file_size: int) -> Header:
    """The header from its JSON bytes, checked against the file's size. Raises HeaderError."""
    described = _parse_json(raw)
    metadata = _metadata(described.pop("__metadata__", None))
    begin = 8 + len(raw)
    tensors = {name: _tensor(name, entry, begin) for name, entry in described.items()}
    _check_layout(tensors, begin, file_size)
    return Header(tensors, metadata, begin)


def _parse_json(raw: bytes) -> dict[str, Any]:
    """As serde_json reads it: 127 levels at most, no lone surrogates, numbers within a double, `-0` no whole number."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise HeaderError(f"the header is not UTF-8: byte {error.start}") from error
    _check_depth(text)
    try:
        value = json.loads(
            text,
            object_pairs_hook=_no_duplicates,
            parse_constant=_no_constant,
            parse_float=_number,
            parse_int=_number,
        )
        if "\\u" in text:
            json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError as error:
        raise HeaderError("the header holds half of a surrogate pair, which is not JSON") from error
    except json.JSONDecodeError as error:
        raise HeaderError(f"the header is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise HeaderError(f"the header is a JSON {type(value).__name__}, expected an object")
    return value


def _check_depth(text: str) -> None:
    depth = 0
    for mark in MARK.finditer(text):
        if bracket := mark["bracket"]:
            depth += 1 if bracket in "[{" else -1
        if depth > MAX_DEPTH:
            raise HeaderError(f"the header is nested more than {MAX_DEPTH} levels deep")


def _number(text: str) -> int | float:
    """A whole number where Rust would see one, else a double; HeaderError beyond a double's range."""
    if text != "-0" and len(text) <= 20 and text.lstrip("-").isdecimal():
        return int(text)
    value = float(text)
    if math.isinf(value):
        raise HeaderError(f"the header holds the number {text[:40]}, out of range")
    return value


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise HeaderError(f"the header has the key {shortened(key, SHOWN)!r} twice")
        found[key] = value
    return found


def _no_constant(text: str) -> float:
    raise HeaderError(f"the header holds {text}, which is not JSON")


def _metadata(value: object) -> dict[str, str]:
    if value is None:
        return {}
    if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
        raise HeaderError("`__metadata__` is not an object of strings")
    return value


def _tensor(name: str, entry: object, begin: int) -> TensorInfo:
    shown = name if PLAIN_NAME.fullmatch(name) else repr(shortened(name, SHOWN))
    if isinstance(entry, list) and len(entry) == len(FIELDS):  # serde takes a struct from a list as well
        entry = dict(zip(FIELDS, entry, strict=True))
    if not isinstance(entry, dict) or not set(FIELDS) <= entry.keys():
        raise HeaderError(f"{shown}: expected dtype, shape and data_offsets")
    dtype, shape, offsets = (entry[field] for field in FIELDS)
    if not isinstance(dtype, str) or dtype not in BITS:
        raise HeaderError(f"{shown}: unknown dtype {_shown(dtype)}")
    if not _counts(shape) or not _counts(offsets) or len(offsets) != 2 or offsets[0] > offsets[1]:
        raise HeaderError(
            f"{shown}: shape {_shown(shape)} and data_offsets {_shown(offsets)} must be lists of whole numbers, the offsets two and in order"
        )
    bits = _bits(shown, shape, dtype)
    if bits % 8 or bits // 8 != offsets[1] - offsets[0]:
        raise HeaderError(
            f"{shown}: {dtype} of shape {_shown(shape)} needs {bits / 8:g} bytes, data_offsets give {offsets[1] - offsets[0]}"
        )
    return TensorInfo(name, dtype, tuple(shape), begin + offsets[0], begin + offsets[1])


def _shown(value: object) -> str:
    return shortened(repr(value), SHOWN)


def _bits(shown: str, shape: list[int], dtype: str) -> int:
    """shape x dtype, multiplied from the left as Rust does it: [2**61, 2**61, 0] overflows, [0, 2**61, 2**61] is 0."""
    product = 1
    for factor in (*shape, BITS[dtype]):
        product *= factor
        if product > LARGEST:
            raise HeaderError(f"{shown}: the shape {_shown(shape)} overflows")
    return product


def _counts(value: object) -> bool:
    return isinstance(value, list) and all(
        isinstance(item, int) and not isinstance(item, bool) and 0 <= item <= LARGEST for item in value
    )


def _check_layout(tensors: dict[str, TensorInfo], begin: int, file_size: int) -> None:
    """The data is one gapless sequence from the header's end to the file's end."""
    at = begin
    for info in sorted(tensors.values(), key=lambda info: (info.start, info.stop)):
        if info.start != at:
            kind = "a hole" if info.start > at else "an overlap"
            raise HeaderError(
                f"{kind} of {abs(info.start - at):,} bytes before the tensor {shortened(info.name, SHOWN)!r}"
            )
        at = info.stop
    if at > file_size:
        raise HeaderError(f"truncated: the tensors end at byte {at:,}, the file has {file_size:,}")
    if at < file_size:
        raise HeaderError(f"{file_size - at:,} bytes after the last tensor")
