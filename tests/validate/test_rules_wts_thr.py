"""WTS and THR: a bad and a good twin for every rule, and every "not a finding" of the catalogue."""

from __future__ import annotations

import numpy as np
import pytest
from builders import D_IN, D_SAE, GONE, cfg, check, codes, tensors, view
from safetensors.numpy import save
from validate.twins import gemma_scope

from hubkit.validate.finding import Severity

LEARNED = tensors()["threshold"]


def threshold(values: object, **metadata: object) -> object:
    array = np.full(D_SAE, values, np.float32) if np.isscalar(values) else np.asarray(values, np.float32)
    return view(cfg(metadata=metadata), tensors(threshold=array))


def test_wts001_configuration_without_weights() -> None:
    assert codes(view(weights=GONE)) == ["WTS001"]


def test_wts001_weights_of_another_name() -> None:
    renamed = view(weights=GONE, files={"lab_L2_mixed/sae.safetensors": save(tensors())})
    (finding,) = check(renamed, "WTS001").findings
    assert "sae.safetensors" in finding.message


def test_wts002_lfs_pointer() -> None:
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 12345\n"
    assert codes(view(weights=pointer)) == ["WTS002"]


@pytest.mark.parametrize(
    "damage", [lambda d: d[:-1], lambda d: d + b"x", lambda d: d[:4], lambda d: b"\xff" * 8 + d[8:]]
)
def test_wts003_damaged_file(damage: object) -> None:
    assert codes(view(weights=damage(save(tensors())))) == ["WTS003"]  # type: ignore[operator]


def test_wts004_missing_tensor_and_log_threshold() -> None:
    assert codes(view(weights=tensors(b_enc=GONE)), "WTS") == ["WTS004"]
    report = check(view(weights=tensors(threshold=GONE, log_threshold=LEARNED)), "WTS004")
    assert "exp(log_threshold)" in report.findings[0].hint


def test_wts005_tensor_that_makes_loading_raise() -> None:
    extra = {"threshold": LEARNED}
    assert codes(view(cfg("topk"), tensors("topk") | extra), "WTS") == ["WTS005"]
    assert codes(view(cfg("gated"), tensors("gated", b_enc=np.zeros(D_SAE, np.float32))), "WTS") == ["WTS005"]
    assert codes(view(weights=tensors(scaling_factor=np.ones(D_SAE, np.float32))), "WTS005") == []


def test_wts006_shape_against_configuration() -> None:
    (finding,) = check(view(cfg(d_sae=64)), "WTS").findings
    assert (finding.code, finding.fix) == ("WTS006", "safe")
    scalar = view(weights=tensors(threshold=np.float32([0.1])))
    (finding,) = check(scalar, "WTS").findings
    assert (finding.code, finding.fix, finding.pointer) == ("WTS006", "unsafe", "/threshold")


def test_wts007_transposed() -> None:
    turned = tensors()
    turned["W_enc"] = np.ascontiguousarray(turned["W_enc"].T)
    assert codes(view(weights=turned), "WTS") == ["WTS007"]


def test_wts007_is_a_note_where_nothing_can_tell() -> None:
    square = view(cfg(d_sae=D_IN), tensors(d_sae=D_IN))
    assert [f.severity for f in check(square, "WTS007").findings] == [Severity.NOTE]


def test_wts008_dtype() -> None:
    half = {name: value.astype(np.float16) for name, value in tensors("standard").items()}
    assert codes(view(cfg("standard"), half), "WTS") == ["WTS008"]
    assert codes(view(cfg("standard", dtype="float16"), half), "WTS") == []
    mixed = half | {"b_dec": tensors("standard")["b_dec"]}
    assert codes(view(cfg("standard", dtype="float16"), mixed), "WTS") == ["WTS008"]


def test_wts008_float32_threshold_beside_narrow_weights_is_right() -> None:
    narrow = {name: value.astype(np.float16) for name, value in tensors().items()} | {"threshold": LEARNED}
    assert codes(view(cfg(dtype="float16"), narrow), "WTS") == []


@pytest.mark.parametrize("zero", [0.0, -0.0])
def test_thr001_all_zero(zero: float) -> None:
    (finding,) = check(threshold(zero), "THR").findings  # type: ignore[arg-type]
    assert finding.code == "THR001"
    assert finding.measured["zero_share"] == 1.0
    assert finding.measured["n"] == D_SAE


def test_thr001_names_the_cause_of_a_batchtopk() -> None:
    (finding,) = check(threshold(0.0, training_architecture="batchtopk"), "THR").findings  # type: ignore[arg-type]
    assert "too short" in finding.message


def test_thr001_is_silent_on_a_few_zeros() -> None:
    few = LEARNED.copy()
    few[:3] = 0
    assert codes(threshold(few), "THR") == []  # type: ignore[arg-type]


def test_thr002_never_learned() -> None:
    trained = {
        "training_architecture": "jumprelu",
        "training_architecture_details": {"jumprelu_init_threshold": 0.3},
    }
    (finding,) = check(threshold(0.3, **trained), "THR").findings  # type: ignore[arg-type]
    assert (finding.code, finding.severity, finding.measured["init_share"]) == ("THR002", Severity.ERROR, 1.0)


@pytest.mark.parametrize("default", [0.001, 0.01])
def test_thr002_default_value_without_evidence_of_training_is_a_warning(default: float) -> None:
    (finding,) = check(threshold(default), "THR002").findings  # type: ignore[arg-type]
    assert finding.severity is Severity.WARNING


def test_thr002_sees_the_value_through_bfloat16() -> None:
    as_stored = float(
        (np.float32(0.01).view(np.uint32) + np.uint32(0x8000) & np.uint32(0xFFFF0000)).view(np.float32)
    )
    assert codes(threshold(as_stored), "THR") == ["THR002"]  # type: ignore[arg-type]


def test_thr002_is_silent_on_a_uniform_threshold_of_batchtopk_and_of_an_unknown_origin() -> None:
    assert codes(threshold(0.01, training_architecture="batchtopk"), "THR") == []  # type: ignore[arg-type]
    assert codes(threshold(0.37), "THR") == []  # type: ignore[arg-type]


def test_thr004_negative() -> None:
    some, tiny = LEARNED.copy(), LEARNED.copy()
    some[0], tiny[0] = -0.5, -0.0003
    assert [f.severity for f in check(threshold(some), "THR004").findings] == [Severity.WARNING]  # type: ignore[arg-type]
    assert [f.severity for f in check(threshold(tiny), "THR004").findings] == [Severity.NOTE]  # type: ignore[arg-type]
    assert [f.severity for f in check(threshold(-LEARNED), "THR004").findings] == [Severity.ERROR]  # type: ignore[arg-type]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_thr005_not_finite(bad: float) -> None:
    broken = LEARNED.copy()
    broken[5] = bad
    (finding,) = check(threshold(broken), "THR").findings  # type: ignore[arg-type]
    assert (finding.code, finding.measured["first"]) == ("THR005", 5)


def test_thr010_the_frozen_log_threshold() -> None:
    frozen = np.linspace(0.0108, 0.0118, D_SAE)
    assert codes(threshold(frozen), "THR") == ["THR010"]  # type: ignore[arg-type]
    assert codes(threshold(frozen, training_architecture="batchtopk"), "THR") == []  # type: ignore[arg-type]
    assert codes(threshold(frozen * 20), "THR") == []  # type: ignore[arg-type]


def test_thr_is_silent_on_other_architectures() -> None:
    zero = view(cfg("standard"), tensors("standard", threshold=np.zeros(D_SAE, np.float32)))
    assert codes(zero, "THR") == []


@pytest.mark.parametrize(
    ("dtype", "severity"),
    [("bool", Severity.ERROR), ("int32", Severity.WARNING), ("uint8", Severity.WARNING), ("float32", None)],
)
def test_thresholds_of_whole_numbers_are_told_once(dtype: str, severity: Severity | None) -> None:
    """By what they become on loading, and not as a mere cast beside it; of an SAE that compares with none nothing is said of them."""
    given = tensors()["threshold"].astype(np.float32) * 10 + 1
    for repository in (
        view(weights=tensors(threshold=given.astype(dtype))),
        gemma_scope(threshold=given.astype(dtype)),
    ):
        found = check(repository, "WTS008,WTS018").findings
        assert [(one.code, one.severity) for one in found] == [("WTS018", severity)] * (severity is not None)
    unused = view(cfg("topk"), tensors("topk", threshold=given.astype(dtype)))
    assert "WTS018" not in codes(unused, "WTS")


def test_what_is_mixed_beside_whole_thresholds_is_still_told() -> None:
    mixed = tensors(threshold=np.ones(D_SAE, np.int32), b_enc=tensors()["b_enc"].astype(np.float64))
    assert codes(view(weights=mixed), "WTS008,WTS018") == ["WTS008", "WTS018"]
