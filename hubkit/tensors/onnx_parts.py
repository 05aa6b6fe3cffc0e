"""What an ONNX model asks for beside itself: operators that only a library of somebody's computes, and weights in other files.

Source: onnx.proto 1.17 (ModelProto, OperatorSetIdProto, FunctionProto, TensorProto.external_data), onnxruntime 1.23 (its own domains).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from hubkit.tensors.protobuf import LENGTH, VARINT, fields

if TYPE_CHECKING:
    from hubkit.tensors.view_file import Readable, Share

KNOWN = re.compile(
    r"|ai\.onnx(?:\.ml|\.training|\.preview(?:\.training)?)?|com\.(?:microsoft(?:\.(?:nchwc|nhwc|experimental|dml))?|ms\.internal\.nhwc)"
)
"""Domains of operators that ONNX and its runtime compute themselves."""
OPSET, FUNCTION = 8, 25
"""Fields of a model: the sets of operators that it uses, and functions that it brings itself."""
DOMAIN_OF = {OPSET: 1, FUNCTION: 10}
"""In which field of theirs the domain stands."""
LOCATION = re.compile(rb"\x0a\x08location\x12(?:([\x01-\x7f])|([\x80-\xff])([\x01-\x7f]))", re.DOTALL)
"""Where a tensor's data lie: the key of an entry of external_data, and how long its path is."""
OUTSIDE = re.compile(r"[/\\]|\.\.(?:[/\\]|$)|.*[/\\]\.\.(?:[/\\]|$)|[A-Za-z]:", re.DOTALL)
"""A path that leads out of the model's folder."""
MOST_FIELDS = 10_000
LONGEST = 1 << 20
"""Bytes of a field that is read whole."""
PIECE, OVERLAP = 1 << 20, 4096
MOST = 1 << 28
"""Bytes that are searched for paths."""
PER_COST = 5
"""Bits: how many bytes are searched in the time of a pickle's opcode."""


def asks_for(file: Readable, share: Share) -> list[str]:
    """What the model in `file` needs from outside, in words. Raises BeyondError where nothing is left to spend."""
    used: dict[str, None] = {}
    brought = set[str]()
    for number, value in _top(file):
        domain = next(
            (one.value for one in fields(value) if (one.number, one.wire) == (DOMAIN_OF[number], LENGTH)), b""
        )
        name = bytes(domain).decode("utf-8", "replace") if isinstance(domain, bytes) else ""
        if number == FUNCTION:
            brought.add(name)
        elif not KNOWN.fullmatch(name):
            used[name] = None
    own = [
        f"operators of {name[:60]!r}, which only a library of somebody's computes"
        for name in used
        if name not in brought
    ]
    return own + [f"weights outside of its folder: {path[:80]!r}" for path in _outside(file, share)]


def _top(file: Readable) -> Iterator[tuple[int, bytes]]:
    """Opsets and functions, whatever long fields stand between them."""
    at, size = 0, file.seek(0, 2)
    for _ in range(MOST_FIELDS):
        file.seek(at)
        head = file.read(20)
        first = next(fields(head), None)
        if first is None or at >= size:
            return
        key = _width(head)
        if first.wire == VARINT:
            at += key + _width(head[key:])
            continue
        if first.wire != LENGTH:
            at += key + {1: 8, 5: 4}.get(first.wire, size)
            continue
        width = _width(head[key:])
        length = sum((byte & 0x7F) << 7 * n for n, byte in enumerate(head[key : key + width]))
        at += key + width
        if first.number in DOMAIN_OF:
            file.seek(at)
            yield first.number, file.read(min(length, LONGEST))
        at += length


def _width(data: bytes) -> int:
    """Bytes of the number with which `data` begins."""
    return next((n for n, byte in enumerate(data[:10], 1) if not byte & 0x80), len(data) or 1)


def _outside(file: Readable, share: Share) -> list[str]:
    """The paths of weights that lead out of the folder, each once."""
    file.seek(0)
    found: dict[str, None] = {}
    before = b""
    while file.tell() < MOST and (piece := file.read(PIECE)):
        share.spend_cost(len(piece) >> PER_COST)
        share.check()
        block = before + piece
        for match in LOCATION.finditer(block):
            length = match[1][0] if match[1] else (match[2][0] & 0x7F) + (match[3][0] << 7)
            path = block[match.end() : match.end() + length].decode("utf-8", "replace")
            if OUTSIDE.match(path):
                found[path] = None
        before = piece[-OVERLAP:]
    return list(found)
