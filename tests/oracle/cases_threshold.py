"""Defects of the JumpReLU threshold."""

from __future__ import annotations

from typing import Any

from oracle.case import Case, Mutate, at, cast, each, every, legacy, meta, put, tensor

DETAILS = {"jumprelu_init_threshold": 0.5, "jumprelu_bandwidth": 0.05}


def _all(value: float) -> Mutate:
    return tensor("threshold", lambda t: t * 0 + value)


def _first(share: float, value: float) -> Mutate:
    def change(found: Any) -> Any:
        found[: round(share * len(found))] = value
        return found

    return tensor("threshold", change)


def _frozen(found: Any) -> Any:
    return 0.0113 + 0.0002 * (found - found.mean()) / found.std()


def _few_values(draft: Any) -> None:
    found = draft.tensors["threshold"]
    draft.tensors["threshold"] = ((found * 20).round() / 20).clamp(min=0.05)
    each(cast("bfloat16"))(draft)
    draft.cfg["dtype"] = "bfloat16"


CASES = [
    Case("all 0", "jumprelu", _all(0.0), "~~~", "error THR001", quick=True),
    Case("all -0", "jumprelu", _all(-0.0), "~~~", "error THR001"),
    Case("all 0, jumprelu_transcoder", "jumprelu_transcoder", _all(0.0), "~~~", "error THR001"),
    Case("all 0, jumprelu_skip_transcoder", "jumprelu_skip_transcoder", _all(0.0), "~~~", "error THR001"),
    Case("all 0, bfloat16", "jumprelu export, bfloat16", _all(0.0), "~~~", "error THR001"),
    Case("all 0, v4", "jumprelu", every(legacy(4), _all(0.0)), "~~~", "error THR001", "A"),
    Case("all 0 in a batchtopk export: the running threshold never rose", "batchtopk export", _all(0.0), "~~~", "error THR001", quick=True),
    Case("all 0 in an SAE called _ste_", "jumprelu", every(_all(0.0), at("jumprelu_ste_L2_mixed")), "~~~", "error THR001, warning THR007"),
    Case("all 0.01, SAELens 6's initial value, trained", "jumprelu export", _all(0.01), "~~~", "error THR002", quick=True),
    Case("all 0.001, SAELens 3 to 5's initial value, trained", "jumprelu", every(legacy(4), _all(0.001)), "~~~", "error THR002", "A"),
    Case("all 0.01, no sign of a training", "jumprelu", every(meta(sae_lens_training_version=None), _all(0.01)), "~~~", "warning THR002"),
    Case("all at the initial value that the details state", "jumprelu", every(meta(training_architecture_details=DETAILS), _all(0.5)), "~~~", "error THR002"),
    Case("all at the initial value that the cfg states", "jumprelu", every(put(jumprelu_init_threshold=0.02), _all(0.02)), "~~~", "error THR002"),
    Case("all at the initial value in bfloat16", "jumprelu, bfloat16", every(meta(training_architecture="jumprelu"), _all(0.01)), "~~~", "error THR002"),
    Case("in whole numbers", "jumprelu", tensor("threshold", cast("int64")), "~~~", "error THR001"),
    Case("all -1: dictionary_learning before threshold_start_step", "jumprelu", _all(-1.0), "~~~", "error THR002|THR004"),
    Case("stored as logarithms", "jumprelu", tensor("threshold", lambda t: t.log()), "~~~", "error THR004", quick=True),
    Case("logarithms, some above 0", "jumprelu", tensor("threshold", lambda t: (3 * t).log()), "~~~", "warning THR004"),
    Case("a quarter negative", "jumprelu", _first(0.25, -0.2), "~~~", "warning THR004"),
    Case("60 % exactly 0", "jumprelu", _first(0.6, 0.0), "~~~", "warning THR003"),
    Case("a tenth exactly at the known initial value", "jumprelu", every(meta(training_architecture_details=DETAILS), _first(0.1, 0.5)), "~~~", "warning THR009"),
    Case("frozen in log space", "jumprelu", every(meta(sae_lens_training_version="6.18.0"), tensor("threshold", _frozen)), "~~~", "warning THR010", quick=True),
    Case("frozen in log space, the initial value stated", "jumprelu", every(meta(training_architecture_details={"jumprelu_init_threshold": 0.01}), tensor("threshold", _frozen)), "~~~", "warning THR010"),
    Case("all about 1e-9", "jumprelu", tensor("threshold", lambda t: t * 1e-9), "~~~", "warning THR012", quick=True),
    Case("all about 1e-30", "jumprelu", tensor("threshold", lambda t: t * 1e-30), "~~~", "error THR012"),
    Case("all about 1e30", "jumprelu", tensor("threshold", lambda t: t * 1e30), "~~~", "error THR012", quick=True),
    Case("80 % at 1e30", "jumprelu", _first(0.8, 1e30), "~~~", "warning THR012"),
    Case("60 % at 1e-20", "jumprelu", _first(0.6, 1e-20), "~~~", "warning THR003"),
    Case("few values in bfloat16", "jumprelu, wide", _few_values, "~~~", "warning THR006"),
    Case("NaN", "jumprelu", _first(0.1, float("nan")), "~~~", "error THR005", quick=True),
    Case("NaN, jumprelu_transcoder", "jumprelu_transcoder", _first(0.1, float("nan")), "~~~", "error THR005"),
    Case("infinity: latents that never fire", "jumprelu", _first(0.1, float("inf")), "~~~", "error THR005"),
    Case("all infinite: a dead SAE", "jumprelu", _all(float("inf")), "~~~", "error THR005"),
    Case("one value for all in a batchtopk export", "batchtopk export", _all(0.45)),
    Case("one value for all in a converted SAE, not an initial one", "jumprelu", _all(0.37), meant="file"),
    Case("in the units of inputs that were scaled by 1.7", "jumprelu", tensor("threshold", lambda t: t * 1.7), "~~~", gap="any positive threshold is a possible threshold"),
]  # fmt: skip
