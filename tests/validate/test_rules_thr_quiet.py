"""THR: every "not a finding" of the catalogue, and the edges of the partial rules."""

from __future__ import annotations

import json

import numpy as np
import pytest
from builders import D_SAE, FOLDER, README, cfg, check, codes, tensors, view

from hubkit.repo.memory import MemoryView
from hubkit.validate.finding import Severity

LEARNED = tensors()["threshold"]


def learned(values: object, **metadata: object) -> MemoryView:
    array = np.full(D_SAE, values, np.float32) if np.isscalar(values) else np.asarray(values, np.float32)
    return view(cfg(metadata=metadata), tensors(threshold=array))


def at(share: float, value: float) -> np.ndarray:
    """LEARNED with `value` in the first `share` of the latents."""
    return np.where(np.arange(D_SAE) < share * D_SAE, value, LEARNED).astype(np.float32)


@pytest.mark.parametrize("trained_as", ["batchtopk", "matryoshka_batchtopk"])
def test_one_value_for_all_is_right_for_a_batchtopk(trained_as: str) -> None:
    for value in (0.37, 0.01, 0.001):
        assert codes(learned(value, training_architecture=trained_as), "THR") == []


def test_a_converted_sae_may_have_one_value() -> None:
    assert codes(learned(0.7), "THR") == []


def test_a_few_exact_zeros_are_saelens_clamping() -> None:
    assert codes(learned(at(0.3, 0.0)), "THR") == []


def test_tiny_negatives_are_a_note_and_nothing_else() -> None:
    found = check(learned(at(0.1, -0.0003)), "THR").findings
    assert [(f.code, f.severity) for f in found] == [("THR004", Severity.NOTE)]


def test_ties_of_healthy_bfloat16_thresholds() -> None:
    bits = tensors(d_sae=2048)["threshold"].view(np.uint32) & np.uint32(0xFFFF0000)
    rounded = bits.view(np.float32)
    assert 64 < len(np.unique(rounded)) < 2048
    whole = {name: one.astype(np.float16) for name, one in tensors(d_sae=2048).items()}
    whole["threshold"] = rounded.astype(np.float16)
    assert codes(view(cfg(d_sae=2048, dtype="float16"), whole), "THR") == []


def test_a_number_beside_thresholds_that_are_tensors_means_nothing_and_alone_it_is_the_threshold() -> None:
    text = {
        "hook_point_in": "blocks.2.hook_resid_post",
        "d_model": 8,
        "jump_relu_threshold": 0.0,
        "act_fn": "jumprelu",
    }
    named = {"encoder.weight": np.ones((32, 8), np.float32), "decoder.weight": np.ones((8, 32), np.float32)}
    named |= {"encoder.bias": np.ones(32, np.float32), "decoder.bias": np.ones(8, np.float32)}
    learned_logs = np.log(np.linspace(0.1, 0.5, D_SAE)).astype(np.float32)
    for name in (
        "log_jumprelu_threshold",
        "activation_function.log_jumprelu_threshold",
        "threshold_of_tomorrow",
    ):
        assert codes(view(text, named | {name: learned_logs}), "THR") == []
    assert codes(view(text, named), "THR") == ["THR001"]
    assert codes(view(text | {"act_fn": "topk", "top_k": 4}, named), "THR") == []


def test_a_uniform_default_without_evidence_of_training_is_a_warning() -> None:
    assert [f.severity for f in check(learned(0.01), "THR").findings] == [Severity.WARNING]
    trained = check(learned(0.01, sae_lens_training_version="6.40.0"), "THR").findings
    assert [f.severity for f in trained] == [Severity.ERROR]


def test_thr003_counts_exactly_half_as_healthy() -> None:
    assert codes(learned(at(0.5, 0.0)), "THR003") == []
    (finding,) = check(learned(at(0.6, 0.0)), "THR003").findings
    assert finding.measured["zero_share"] == pytest.approx(20 / 32)


def test_thr006_is_silent_on_float32_and_on_few_latents() -> None:
    few = np.repeat(np.float32([0.1, 0.2]), D_SAE // 2)
    assert codes(learned(few), "THR006") == []
    half = {name: one.astype(np.float16) for name, one in tensors(threshold=few).items()}
    assert codes(view(cfg(dtype="float16"), half), "THR006") == []


def test_thr007_needs_the_word_and_the_zeros() -> None:
    zero = tensors(threshold=np.zeros(D_SAE, np.float32))
    assert codes(view(weights=zero, folder="lab_ste_L2"), "THR007") == ["THR007"]
    assert codes(view(weights=zero, folder="cluster_L2"), "THR007") == []


def test_thr009_wants_a_stated_initial_value_and_leaves_all_of_them_to_thr002() -> None:
    stated = {"training_architecture_details": {"jumprelu_init_threshold": 0.05}}
    (finding,) = check(learned(at(0.5, 0.05), **stated), "THR").findings
    assert (finding.code, finding.measured["init_share"]) == ("THR009", 0.5)
    assert codes(learned(at(0.5, 0.05)), "THR") == []
    assert codes(learned(0.05, **stated), "THR") == ["THR002"]
    assert codes(learned(at(0.5, 0.05), training_architecture="batchtopk", **stated), "THR") == []


def test_every_finding_shows_the_same_evidence() -> None:
    for bad in (learned(0.0), learned(0.01), learned(at(0.6, 0.0)), learned(at(0.1, -0.5))):
        for finding in check(bad, "THR").findings:
            assert set(finding.measured) >= {
                "min",
                "max",
                "mean",
                "std",
                "zero_share",
                "init_share",
                "unique",
                "dtype",
            }


TABLE = README + "\n| SAE | kind | L0 |\n|---|---|---:|\n| `{}` | x | {} |\n"


@pytest.mark.parametrize(
    ("architecture", "shown", "fires"),
    [
        ("jumprelu", "12.5", True),
        ("gated", "12.5", True),
        ("jumprelu", "8", False),
        ("standard", "12.5", False),
        ("topk", "12.5", False),
        ("jumprelu", "n/a", False),
        ("jumprelu", "2,025", False),
    ],
)
def test_thr008_reads_tables_that_name_the_sae(architecture: str, shown: str, fires: bool) -> None:
    card = TABLE.format(FOLDER, shown)
    assert codes(view(cfg(architecture), readme=card), "THR008") == (["THR008"] if fires else [])
    assert codes(view(cfg(architecture), readme=TABLE.format("another", shown)), "THR008") == []


def test_thr008_knows_a_standard_that_was_trained_as_a_jumprelu() -> None:
    disclosed = cfg("standard", metadata={"training_architecture": "jumprelu"})
    (finding,) = check(view(disclosed, readme=TABLE.format(FOLDER, "16")), "THR008").findings
    assert finding.measured == {"l0": 16.0, "d_sae": D_SAE}
    assert (finding.path, finding.line) == ("README.md", TABLE.split("{}")[0].count("\n") + 1)


def test_thresholds_in_a_pickle_are_judged_too(tmp_path: object) -> None:
    torch = pytest.importorskip("torch")
    import io

    buffer = io.BytesIO()
    weights = {
        name: torch.from_numpy(one) for name, one in tensors(threshold=np.zeros(D_SAE, np.float32)).items()
    }
    torch.save(weights, buffer)
    files = {f"{FOLDER}/cfg.json": json.dumps(cfg()).encode(), f"{FOLDER}/sae_weights.pt": buffer.getvalue()}
    found = check(MemoryView(name="x", files=files), "THR,WTS014,SEC001").findings
    assert {f.code for f in found} == {"THR001", "WTS014"}
    pickled = next(f for f in found if f.code == "WTS014")
    assert "W_enc [8, 32]" in pickled.message
    assert pickled.fix == "safe"
