"""A threshold is judged as its loader has it: what is not 0 in the file may be 0 once it is loaded, and what is finite may be infinite."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from builders import cfg, check, codes, tensors, view

LEARNED = np.linspace(1.0, 3.0, 32)


def found(dtype: str, stored: np.ndarray) -> list[str]:
    return codes(view(cfg(dtype=dtype), tensors(threshold=stored)), "THR")


@pytest.mark.parametrize(
    ("dtype", "stored", "expected"),
    [
        ("float32", LEARNED * 1e-300, ["THR001"]),
        ("float32", LEARNED * 1e300, ["THR005"]),
        ("float16", (LEARNED * 1e-9).astype(np.float32), ["THR001"]),
        ("float16", (LEARNED * 1e6).astype(np.float32), ["THR005"]),
        ("bfloat16", LEARNED * 1e-300, ["THR001"]),
        ("float32", np.where(np.arange(32) < 20, 1e-300, LEARNED), ["THR003"]),
        ("float64", LEARNED * 1e-300, ["THR012"]),
        ("float32", LEARNED * 1e-30, ["THR012"]),
        ("float32", (LEARNED * 1e-9).astype(np.float32), ["THR012"]),
        ("float32", (LEARNED * 1e-45).astype(np.float32), ["THR012"]),
        ("bfloat16", (LEARNED * 1e30).astype(np.float32), ["THR012"]),
        # the good twins
        ("float16", (LEARNED * 1e-2).astype(np.float32), []),
        ("float16", (LEARNED * 1e3).astype(np.float32), []),
        ("float32", (LEARNED * 1e-6).astype(np.float32), []),
        ("bfloat16", (LEARNED * 1e9).astype(np.float32), []),
    ],
)
def test_the_configurations_dtype_decides(dtype: str, stored: np.ndarray, expected: list[str]) -> None:
    assert [code for code in found(dtype, stored) if code != "THR006"] == expected


def test_the_message_says_what_is_stored_and_what_becomes_of_it() -> None:
    [one] = check(view(cfg(), tensors(threshold=LEARNED * 1e-300)), "THR001").findings
    assert (
        "all 32 thresholds are 0 in float32, in which they are loaded (stored are 1e-300 to 3e-300)"
        in one.message
    )
    assert "a format that holds them" in str(one.hint)
    [plain] = check(view(cfg(), tensors(threshold=np.zeros(32, np.float32))), "THR001").findings
    assert "all 32 thresholds are 0: this JumpReLU" in plain.message
    [never] = check(view(cfg(), tensors(threshold=np.full(32, np.nan, np.float32))), "THR005").findings
    assert "in which they are loaded" not in never.message


@pytest.mark.parametrize(
    ("log", "expected"),
    [(-200.0, "THR001"), (200.0, "THR005"), (-30.0, "THR012"), (60.0, "THR012"), (-3.0, None)],
)
def test_logarithms_are_raised_in_the_precision_of_their_loader(log: float, expected: str | None) -> None:
    text = {
        "hook_point_in": "blocks.2.hook_resid_post",
        "d_model": 8,
        "jump_relu_threshold": 0.0,
        "act_fn": "jumprelu",
    }
    named = {"encoder.weight": np.ones((32, 8), np.float32), "decoder.weight": np.ones((8, 32), np.float32)}
    named |= {"encoder.bias": np.ones(32, np.float32), "decoder.bias": np.ones(8, np.float32)}
    named |= {"log_jumprelu_threshold": (log + 0.01 * np.arange(32)).astype(np.float32)}
    assert codes(view(text, named), "THR") == ([expected] if expected else [])


@pytest.mark.train
@pytest.mark.parametrize(
    ("dtype", "scale"),
    [("float32", 1e-300), ("float32", 1e300), ("float16", 1e-9), ("float16", 1e6), ("float32", 1e-30)],
)
def test_sae_lens_makes_that_of_it(dtype: str, scale: float, tmp_path) -> None:  # type: ignore[no-untyped-def]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from sae_lens import SAE

    stored = LEARNED * scale
    for path, data in view(
        cfg(dtype=dtype), tensors(threshold=stored if dtype == "float32" else stored.astype(np.float32))
    ).files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(data)
    loaded = SAE.load_from_disk(tmp_path / "lab_L2_mixed").threshold.detach().float().numpy()
    expected = found(dtype, stored)
    assert ((loaded == 0).all(), np.isinf(loaded).all()) == ("THR001" in expected, "THR005" in expected)
