"""Other libraries' pickles in SAELens's format: what is written, what is kept, and what is refused."""

from __future__ import annotations

import json
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fix.folders import contents, fixed
from safetensors.numpy import load_file

from hubkit.fix import convert
from hubkit.fix.run import planned
from hubkit.formats import foreign_forward
from hubkit.formats.forward import forward
from hubkit.repo.local import open_folder
from hubkit.validate.finding import Severity
from hubkit.validate.run import validate

FAMILIES = Path(__file__).parent.parent / "formats" / "families"
PLACE = "resid_post_layer_3/trainer_0"
EXPECTED = {
    "dictionary_learning/standard": ("standard", True, None),
    "dictionary_learning/standard_april_update": ("standard", True, None),
    "dictionary_learning/p_anneal": ("standard", True, None),
    "dictionary_learning/gated": ("gated", True, None),
    "dictionary_learning/topk": ("topk", True, 4),
    "dictionary_learning/batch_topk": ("jumprelu", True, None),
    "dictionary_learning/matryoshka_batch_topk": ("jumprelu", True, None),
    "dictionary_learning/jumprelu": ("jumprelu", False, None),
    "sae_bench/relu": ("standard", True, None),
    "sae_bench/topk": ("topk", True, 4),
    "sae_bench/batch_topk": ("jumprelu", True, None),
    "sae_bench/jumprelu": ("jumprelu", False, None),
}


pytestmark = pytest.mark.usefixtures("no_known_model")


def copied(kind: str, root: Path) -> Path:
    """The folder, and the place of its SAE."""
    shutil.copytree(FAMILIES / kind, root)
    return root / (PLACE if kind.startswith("dictionary_learning") else ".")


@pytest.mark.parametrize("kind", sorted(EXPECTED))
def test_the_same_sae_lies_beside_its_pickle(tmp_path: Path, kind: str) -> None:
    place = copied(kind, tmp_path / "x")
    before = contents(tmp_path / "x")
    plan = fixed(tmp_path / "x", "WTS014")
    assert plan.refused == []
    architecture, subtracts, k = EXPECTED[kind]
    cfg = json.loads((place / "cfg.json").read_bytes())
    assert (cfg["architecture"], cfg["apply_b_dec_to_input"], cfg.get("k")) == (architecture, subtracts, k)
    assert cfg["metadata"]["hook_name"] == "blocks.3.hook_resid_post"
    assert cfg["metadata"]["hubkit"]["converted"]["file"] == "ae.pt"
    after = contents(tmp_path / "x")
    kept = {
        path.replace("cfg.json", "cfg.original.json") if kind.startswith("sae_bench") else path: one
        for path, one in before.items()
    }
    assert {path: after[path] for path in kept} == kept
    found = {
        f.code
        for f in validate(open_folder(tmp_path / "x"), deep=True).findings
        if f.severity > Severity.NOTE
    }
    assert found <= {"CARD001", "WTS012"}
    assert fixed(tmp_path / "x").fixes == []


def test_a_threshold_for_all_latents_becomes_one_for_each_and_a_topks_unused_one_is_left_out(
    tmp_path: Path,
) -> None:
    place = copied("dictionary_learning/batch_topk", tmp_path / "batch")
    fixed(tmp_path / "batch", "WTS014")
    threshold = load_file(place / "sae_weights.safetensors")["threshold"]
    assert threshold.shape == (64,)
    assert len(set(threshold.tolist())) == 1
    place = copied("dictionary_learning/topk", tmp_path / "topk")
    fixed(tmp_path / "topk", "WTS014")
    assert "threshold" not in load_file(place / "sae_weights.safetensors")
    said = json.loads((place / "cfg.json").read_bytes())["metadata"]["hubkit"]["converted"]
    assert said["left_out"] == ["k", "threshold"]


def test_what_the_files_do_not_say_is_asked_for_and_then_it_works(tmp_path: Path) -> None:
    place = copied("dictionary_learning/gated_anneal", tmp_path / "x")
    (refused,) = fixed(tmp_path / "x", "WTS014").refused
    assert "submodule_name" in refused.reason
    config = json.loads((place / "config.json").read_bytes())
    config["trainer"]["submodule_name"] = "resid_post_layer_3"
    (place / "config.json").write_text(json.dumps(config), encoding="utf-8")
    assert fixed(tmp_path / "x", "WTS014").refused == []


def test_qwen_scope_needs_its_name_and_every_file_gets_a_folder(tmp_path: Path) -> None:
    copied("torch_files/qwen_scope", tmp_path / "x")
    assert all("name that it has on the Hub" in one.reason for one in fixed(tmp_path / "x", "WTS014").refused)
    root = tmp_path / "SAE-Res-Qwen3-1.7B-Base-W32K-L0_4"
    copied("torch_files/qwen_scope", root)
    assert fixed(root, "WTS014").refused == []
    cfg = json.loads((root / "layer1.sae" / "cfg.json").read_bytes())
    assert (cfg["architecture"], cfg["k"], cfg["apply_b_dec_to_input"]) == ("topk", 4, False)
    assert cfg["metadata"]["model_name"] == "Qwen/Qwen3-1.7B-Base"
    report = validate(open_folder(root))
    assert sorted(sae.sae_id for sae in report.saes) == ["layer0.sae", "layer1.sae"]
    assert {sae.family.name for sae in report.saes} == {"saelens"}
    assert (root / "layer0.sae.pt").is_file()


@pytest.mark.parametrize(
    "kind",
    ["torch_files/goodfire", "torch_files/deepseek_r1", "torch_files/connor_rob_hook_z", "sae_bench/pca"],
)
def test_a_family_that_is_only_named_is_not_touched_and_the_reason_says_what_reads_it(
    tmp_path: Path, kind: str
) -> None:
    copied(kind, tmp_path / "x")
    before = contents(tmp_path / "x")
    plan = fixed(tmp_path / "x", "WTS014", unsafe=True)
    assert plan.fixes == []
    assert all("load it with" in one.reason for one in plan.refused)
    assert plan.refused
    assert contents(tmp_path / "x") == before


def test_ended_between_the_two_files_the_next_run_completes_it(tmp_path: Path) -> None:
    place = copied("dictionary_learning/topk", tmp_path / "x")
    fixed(tmp_path / "x", "WTS014")
    done = contents(tmp_path / "x")
    (place / "cfg.json").unlink()
    assert "WTS014" in {f.code for f in validate(open_folder(tmp_path / "x")).findings}
    assert fixed(tmp_path / "x", "WTS014").refused == []
    assert contents(tmp_path / "x") == done


def test_another_file_under_the_name_is_never_overwritten(tmp_path: Path) -> None:
    place = copied("dictionary_learning/topk", tmp_path / "x")
    (place / "sae_weights.safetensors").write_bytes(b"somebody's")
    before = contents(tmp_path / "x")
    (refused,) = fixed(tmp_path / "x", "WTS014").refused
    assert "is there already" in refused.reason
    assert contents(tmp_path / "x") == before


def test_a_damaged_member_is_refused(tmp_path: Path) -> None:
    place = copied("dictionary_learning/topk", tmp_path / "x")
    path = place / "ae.pt"
    with zipfile.ZipFile(path) as archive:
        info = max(archive.infolist(), key=lambda one: one.file_size)
    data = bytearray(path.read_bytes())
    at = data.index(info.filename.encode()) + 200
    data[at] ^= 1
    path.write_bytes(bytes(data))
    before = contents(tmp_path / "x")
    assert fixed(tmp_path / "x", "WTS014").fixes == []
    assert contents(tmp_path / "x") == before


def test_the_proof_sees_a_definition_that_is_not_the_librarys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied("dictionary_learning/jumprelu", tmp_path / "x")
    real = foreign_forward.DEFINITIONS["dictionary_learning", "jumprelu", "W_enc"]
    wrong = {("dictionary_learning", "jumprelu", "W_enc"): replace(real, subtracts=True)}
    monkeypatch.setattr(foreign_forward, "DEFINITIONS", wrong)
    with planned(open_folder(tmp_path / "x"), ("WTS014",)) as plan:
        assert plan.fixes == []
        assert "would differ" in plan.refused[0].reason


def test_more_latents_than_are_compared_are_a_smaller_sae_of_the_same_kind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(convert, "LATENTS", 16)
    copied("dictionary_learning/batch_topk", tmp_path / "x")
    assert fixed(tmp_path / "x", "WTS014").refused == []


def naive(own: dict[str, Any], x: np.ndarray) -> np.ndarray:
    """AutoEncoderNew, latent by latent: the one class of `standard` that does not subtract its bias."""
    return np.array(
        [
            [
                max(0.0, float(row @ w + b))
                for w, b in zip(own["encoder.weight"], own["encoder.bias"], strict=True)
            ]
            for row in x
        ]
    )


def test_auto_encoder_new_keeps_its_bias_out_of_the_input() -> None:
    rng = np.random.default_rng(0)
    own = {
        "encoder.weight": rng.standard_normal((6, 3)), "encoder.bias": rng.standard_normal(6),
        "decoder.weight": rng.standard_normal((3, 6)), "decoder.bias": rng.standard_normal(3),
    }  # fmt: skip
    definition = foreign_forward.DEFINITIONS["dictionary_learning", "standard", "decoder.bias"]
    x = rng.standard_normal((5, 3))
    latents, out = foreign_forward.outputs(definition, own, x, None)
    np.testing.assert_allclose(latents, naive(own, x))
    theirs = {
        "W_enc": own["encoder.weight"].T,
        "W_dec": own["decoder.weight"].T,
        "b_enc": own["encoder.bias"],
        "b_dec": own["decoder.bias"],
    }
    cfg = {
        "architecture": "standard",
        "apply_b_dec_to_input": definition.subtracts,
        "normalize_activations": "none",
    }
    np.testing.assert_allclose(out, forward(cfg, theirs, x)[1])
