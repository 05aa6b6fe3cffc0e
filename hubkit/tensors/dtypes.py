"""The number formats of safetensors, and their values as numpy arrays without torch."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

BITS = {
    "F64": 64, "I64": 64, "U64": 64, "C64": 64,
    "F32": 32, "I32": 32, "U32": 32,
    "F16": 16, "BF16": 16, "I16": 16, "U16": 16,
    "F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8, "I8": 8, "U8": 8, "BOOL": 8,
    "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6,
}  # fmt: skip
"""Bits of one value, by the names that safetensors 0.8 gives the dtypes."""

CFG_NAMES = {"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16"}
"""safetensors' name to the name SAELens's cfg.json uses."""

_NUMPY = {
    "F64": "f8", "F32": "f4", "F16": "f2",
    "I64": "i8", "I32": "i4", "I16": "i2", "I8": "i1",
    "U64": "u8", "U32": "u4", "U16": "u2", "U8": "u1",
}  # fmt: skip

_EIGHT_BITS = {
    # exponent bits, mantissa bits, bias
    "F8_E4M3": (4, 3, 7),
    "F8_E5M2": (5, 2, 15),
    "F8_E4M3FNUZ": (4, 3, 8),
    "F8_E5M2FNUZ": (5, 2, 16),
}


def decode(data: bytes, dtype: str, *, big_endian: bool = False) -> npt.NDArray[np.float64]:
    """The values of `data` as float64, flat. Every value of a readable dtype is represented exactly (but integers beyond 2**53).

    Raises ValueError for a dtype this reader does not know how to decode.
    """
    return numbers(data, dtype, big_endian=big_endian).astype(np.float64)


def numbers(
    data: bytes | memoryview | npt.NDArray[np.uint8], dtype: str, *, big_endian: bool = False
) -> npt.NDArray[Any]:
    """The values of `data`, flat, in the narrowest numpy form that is exact: a view where numpy has the dtype,
    float32 for bfloat16, float16 and the 8-bit floats, uint8 of 0 and 1 for BOOL. Raises ValueError as `decode` does."""
    order = ">" if big_endian else "<"
    if dtype == "BF16":
        # bfloat16 is the upper half of a float32
        wide = np.frombuffer(data, f"{order}u2").astype(np.uint32)
        wide <<= 16
        floats: npt.NDArray[np.float32] = wide.view(np.float32)
        return floats
    if dtype == "F16":
        halves: npt.NDArray[np.float32] = np.frombuffer(data, f"{order}f2").astype(np.float32)
        return halves
    if dtype == "BOOL":
        bits: npt.NDArray[np.uint8] = np.not_equal(np.frombuffer(data, np.uint8), 0).astype(np.uint8)
        return bits
    if dtype == "F8_E8M0" or dtype in _EIGHT_BITS:
        values: npt.NDArray[np.float32] = _table(dtype)[np.frombuffer(data, np.uint8)]
        return values
    if dtype not in _NUMPY:
        raise ValueError(f"no decoder for {dtype}")
    found: npt.NDArray[Any] = np.frombuffer(data, order + _NUMPY[dtype])
    return found


@cache
def _table(dtype: str) -> npt.NDArray[np.float32]:
    """All 256 values of an 8-bit float, each exact in float32.

    E4M3 is the OCP form that torch calls float8_e4m3fn: no infinities, NaN at 0x7F and 0xFF, largest 448. E5M2 follows IEEE 754.
    E8M0 is 2**(code - 127), NaN at 0xFF, no sign and no zero. The FNUZ forms have one NaN, at 0x80, and no negative zero.
    Source: OCP 8-bit Floating Point Specification 1.0 and OCP Microscaling Formats 1.0; the FNUZ forms: arXiv 2206.02915.
    """
    code = np.arange(256)
    if dtype == "F8_E8M0":
        powers: npt.NDArray[np.float32] = np.ldexp(np.float32(1), code.clip(max=254) - 127)
        powers[255] = np.nan
        return powers
    exponent_bits, mantissa_bits, bias = _EIGHT_BITS[dtype]
    exponent = (code >> mantissa_bits) & ((1 << exponent_bits) - 1)
    mantissa = code & ((1 << mantissa_bits) - 1)
    subnormal = exponent == 0
    significand = mantissa + np.where(subnormal, 0, 1 << mantissa_bits)
    values = np.ldexp(significand.astype(float), np.where(subnormal, 1, exponent) - bias - mantissa_bits)
    if dtype == "F8_E4M3":
        values[(code & 0x7F) == 0x7F] = np.nan
    elif dtype == "F8_E5M2":
        values[exponent == 31] = np.where(mantissa[exponent == 31] == 0, np.inf, np.nan)
    signed: npt.NDArray[np.float32] = np.where(code >= 128, -values, values).astype(np.float32)
    if dtype.endswith("FNUZ"):
        signed[128] = np.nan
    return signed
