"""Number formats against torch, and a few values anybody can check."""

from __future__ import annotations

import numpy as np
import pytest

from hubkit.tensors.dtypes import BITS, decode, numbers


def test_known_values_of_the_8_bit_floats() -> None:
    e4m3 = decode(bytes([0x00, 0x80, 0x01, 0x08, 0x38, 0x7E, 0xFE, 0x7F, 0xFF]), "F8_E4M3")
    assert e4m3[:7].tolist() == [0.0, -0.0, 2**-9, 2**-6, 1.0, 448.0, -448.0]
    assert np.isnan(e4m3[7:]).all()
    assert np.signbit(e4m3[1])
    e5m2 = decode(bytes([0x3C, 0x7B, 0x7C, 0xFC, 0x7D]), "F8_E5M2")
    assert e5m2[:4].tolist() == [1.0, 57344.0, np.inf, -np.inf]
    assert np.isnan(e5m2[4])
    assert decode(bytes([0, 127, 254]), "F8_E8M0").tolist() == [2.0**-127, 1.0, 2.0**127]
    assert np.isnan(decode(b"\xff", "F8_E8M0")[0])


def test_integers_booleans_and_byte_order() -> None:
    assert decode(bytes([0, 1, 2]), "BOOL").tolist() == [0.0, 1.0, 1.0]
    assert decode(b"\xff\xff", "I16").tolist() == [-1.0]
    assert decode(b"\xff\xff", "U16").tolist() == [65535.0]
    assert decode(b"\x3f\x80\x00\x00", "F32", big_endian=True).tolist() == [1.0]
    assert decode(b"\x3f\x80", "BF16", big_endian=True).tolist() == [1.0]
    assert decode(np.float16([1.5]).tobytes(), "F16").tolist() == [1.5]


@pytest.mark.parametrize("dtype", ["C64", "F4", "F6_E2M3", "F6_E3M2"])
def test_what_has_no_decoder_is_said(dtype: str) -> None:
    with pytest.raises(ValueError, match=dtype):
        decode(b"\0" * 8, dtype)


def test_float32_is_a_view() -> None:
    data = np.arange(4, dtype=np.float32)
    assert np.shares_memory(numbers(data.view(np.uint8), "F32"), data)


@pytest.mark.train
@pytest.mark.parametrize("dtype", sorted(set(BITS) - {"C64", "F4", "F6_E2M3", "F6_E3M2", "BOOL"}))
def test_every_code_is_torchs(dtype: str) -> None:
    import torch

    names = {
        "F8_E4M3": "float8_e4m3fn",
        "F8_E5M2": "float8_e5m2",
        "F8_E8M0": "float8_e8m0fnu",
        "F8_E4M3FNUZ": "float8_e4m3fnuz",
        "F8_E5M2FNUZ": "float8_e5m2fnuz",
        "BF16": "bfloat16",
    }
    kind = {"F": "float", "I": "int", "U": "uint"}.get(dtype[0], "")
    width = BITS[dtype] // 8
    codes = np.arange(1 << min(8 * width, 16), dtype=np.uint16)
    data = (
        codes.astype("<u1").tobytes()
        if width == 1
        else np.random.default_rng(0).bytes(8 * 4096)
        if width > 2
        else codes.astype("<u2").tobytes()
    )
    with np.errstate(invalid="ignore"):
        tensor = torch.frombuffer(bytearray(data), dtype=getattr(torch, names.get(dtype, kind + dtype[1:])))
        np.testing.assert_array_equal(decode(data, dtype), tensor.to(torch.float64).numpy())
