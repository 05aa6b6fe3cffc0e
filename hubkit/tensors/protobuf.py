"""Messages of protobuf without a magic number of their own, known by their first fields: ONNX's models and sentencepiece's.

Source: protobuf's encoding (developers.google.com), onnx.proto 1.17 (ModelProto), sentencepiece_model.proto (ModelProto).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

VARINT, LENGTH = 0, 2
ONNX = {1: VARINT, 2: LENGTH, 3: LENGTH, 4: LENGTH, 5: VARINT, 6: LENGTH, 7: LENGTH, 8: LENGTH, 14: LENGTH}
"""Fields of a model of ONNX up to where metadata begins, and how each is written."""
IR_VERSIONS = range(1, 64)
"""Of ONNX: some ten so far."""
PIECES = 1
SHORTEST_PROOF = 3
"""Pieces of a vocabulary that show that it is one."""


class Field(NamedTuple):
    """One field of a message: its number, how it is written, its value."""

    number: int
    wire: int
    value: int | bytes
    """A number, or as many of its bytes as there are."""
    whole: bool
    """Whether all of it was there."""


def fields(data: bytes) -> Iterator[Field]:
    """The fields with which a message begins; the last may be cut. Ends where the bytes are no message."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        if key is None or key >> 3 == 0:
            return
        if key & 7 == VARINT:
            value, at = _varint(data, at)
            if value is None:
                return
            yield Field(key >> 3, VARINT, value, True)
        elif key & 7 == LENGTH:
            length, at = _varint(data, at)
            if length is None:
                return
            yield Field(key >> 3, LENGTH, data[at : at + length], at + length <= len(data))
            at += length
        else:
            yield Field(key >> 3, key & 7, data[at : at + 8], True)
            at += {1: 8, 5: 4}.get(key & 7, len(data))


def _varint(data: bytes, at: int) -> tuple[int | None, int]:
    """The number at a place, and where it ends; None where there is none."""
    value = 0
    for place in range(at, min(at + 10, len(data))):
        value |= (data[place] & 0x7F) << 7 * (place - at)
        if not data[place] & 0x80:
            return value, place + 1
    return None, len(data)


def is_onnx(head: bytes) -> bool:
    """Whether a file that begins so is a model of ONNX: its version first, then nothing but its fields."""
    if head[:1] != b"\x08":
        return False
    found = list(fields(head))
    return (
        len(found) > 1
        and found[0].number == 1
        and found[0].value in IR_VERSIONS
        and all(ONNX.get(one.number) == one.wire for one in found)
    )


def is_sentencepiece(head: bytes) -> bool:
    """Whether a file that begins so is a vocabulary of sentencepiece: pieces, each a text with a score."""
    if head[:1] != b"\x0a":
        return False
    pieces = [one for one in fields(head) if one.whole]
    return len(pieces) >= SHORTEST_PROOF and all(
        one.number == PIECES and isinstance(one.value, bytes) and _is_piece(one.value) for one in pieces
    )


def _is_piece(data: bytes) -> bool:
    inner = list(fields(data))
    return bool(inner) and (inner[0].number, inner[0].wire) == (1, LENGTH) and len(inner) <= 3
