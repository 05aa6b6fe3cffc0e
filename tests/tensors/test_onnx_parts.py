"""What a model of ONNX asks for beside itself, and what only looks so. The messages are written by hand: the library is no dependency."""

from __future__ import annotations

import pytest
from builders import check, view

from hubkit.validate.finding import Severity


def field(number: int, value: bytes | int) -> bytes:
    """A field of a message."""
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    return _varint(number << 3 | 2) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    out = b""
    while value > 0x7F:
        out, value = out + bytes([value & 0x7F | 0x80]), value >> 7
    return out + bytes([value])


def model(*domains: str, functions: tuple[str, ...] = (), location: str = "weights.bin") -> bytes:
    """A model with one tensor in another file."""
    entry = field(1, b"location") + field(2, location.encode())
    tensor = field(1, 4) + field(8, b"W") + field(13, entry) + field(14, 1)
    graph = field(1, field(4, b"MatMul")) + field(5, tensor) + field(9, bytes(5000))
    sets = b"".join(field(8, field(1, one.encode()) + field(2, 1)) for one in ("", *domains))
    own = b"".join(field(25, field(1, b"f") + field(10, one.encode())) for one in functions)
    return field(1, 10) + field(2, b"pytorch") + field(7, graph) + sets + own


TOLD = {
    "a custom domain": (model("ai.onnx.contrib"), Severity.NOTE, "ai.onnx.contrib"),
    "another": (model("com.microsoft", "com.evil.ops"), Severity.NOTE, "com.evil.ops"),
    "above": (model(location="../../etc/passwd"), Severity.WARNING, "../../etc/passwd"),
    "absolute": (model(location="/etc/passwd"), Severity.WARNING, "/etc/passwd"),
    "a drive": (model(location="C:/x"), Severity.WARNING, "C:/x"),
    "inside and above": (model(location="a/../../b"), Severity.WARNING, "a/../../b"),
    "long": (model(location="../" * 60 + "etc/passwd"), Severity.WARNING, "../../"),
}


@pytest.mark.parametrize("name", TOLD)
def test_what_a_model_asks_for_is_told(name: str) -> None:
    data, severity, words = TOLD[name]
    (finding,) = check(view(files={"a/model.onnx": data}), "SEC004").findings
    assert (finding.path, finding.severity) == ("a/model.onnx", severity)
    assert words in finding.message


@pytest.mark.parametrize(
    "data",
    [
        model(),
        model("ai.onnx.ml", "com.microsoft", "ai.onnx"),
        model("pkg.onnxscript.torch_lib", functions=("pkg.onnxscript.torch_lib",)),
        model(location="model.onnx_data"),
        model(location="data/w..bin"),
        model("my.ops")[:200],
    ],
)
def test_a_healthy_model_is_left_alone(data: bytes) -> None:
    assert check(view(files={"model.onnx": data}), "SEC004").findings == []
