"""The number formats of safetensors, and their values as numpy arrays without torch."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

BITS = {
    "F64": 64, "I64": 64, "U64": 64, "C64": 64,
    "F32": 32, "I32": 32, "U32": 32,
    "F16": 16, "BF16": 16, "I16": 16, "U16": 16,
    "F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8, "I8": 8, "U8": 8, "BOOL": 8,
    "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6,
}  # fmt: skip
"""Bits of one value, by safetensors' name of the dtype."""

CFG_NAMES = {"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16"}
"""safetensors' name to the name SAELens's cfg.json uses."""

_NUMPY = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2",
    "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1",
    "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "u1", "BOOL": "?",
}  # fmt: skip


def decode(data: bytes, dtype: str) -> npt.NDArray[np.float64]:
    """The values of `data` as float64, flat. Every finite value of a readable dtype is represented exactly (but integers beyond 2**53).

    Raises ValueError for a dtype this reader does not know how to decode.
    """
    if dtype == "BF16":
        # bfloat16 is the upper half of a float32
        return (np.frombuffer(data, "<u2").astype(np.uint32) << 16).view(np.float32).astype(np.float64)
    if dtype not in _NUMPY:
        raise ValueError(f"no decoder for {dtype}")
    return np.frombuffer(data, _NUMPY[dtype]).astype(np.float64)
