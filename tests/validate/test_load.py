"""`--load`: SAELens opens the SAEs in one process; what it raises and what it computes become findings."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from builders import FOLDER, GONE, cfg, tensors, view
from fix.steps import Follow, both, keys, metadata, saved
from safetensors.numpy import save
from validate.twins import LEGACY, POINTER

from hubkit.errors import ExitCode, UsageError
from hubkit.formats.forward import forward
from hubkit.repo.local import open_folder
from hubkit.repo.memory import MemoryView
from hubkit.validate.finding import Severity
from hubkit.validate.load import load_all, stated
from hubkit.validate.need import Need
from hubkit.validate.run import Selection, validate

NORMS = tensors("topk")["W_dec"] * 3


def wrong() -> dict[str, MemoryView]:
    """Folder name to a repository with one SAE in it."""
    legacy = {
        "architecture": "standard",
        "d_in": 8,
        "d_sae": 32,
        "dtype": "float32",
        "activation_fn_str": "topk",
        "activation_fn_kwargs": {"k": 4},
    }
    return {
        "good": view(),
        "good_topk": view(cfg("topk"), tensors("topk")),
        "good_gated": view(cfg("gated"), tensors("gated")),
        "unknown_architecture": view(cfg(architecture="batchtopk"), tensors()),  # type: ignore[arg-type]
        "missing_tensor": view(weights=tensors(b_enc=GONE)),
        "k_too_large": view(cfg("topk", k=33), tensors("topk")),
        "no_metadata_object": view(json.dumps(cfg() | {"metadata": None}).encode()),
        "says_standard_runs_topk": view(legacy, tensors("standard")),
        "normalize_null": view(
            {
                **legacy,
                "activation_fn_str": "relu",
                "activation_fn_kwargs": {},
                "normalize_activations": None,
            },
            tensors("standard"),
        ),
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return on_disk(tmp_path_factory.mktemp("load"), wrong())


def broken() -> dict[str, tuple[MemoryView, Follow]]:
    """For each thing that SAELens can say: a folder of which it says so, and what the rule's hint says that ours names."""
    old = {**LEGACY, "architecture": "topk", "activation_fn_str": "topk"}
    return {
        "no_json": (view(b"{"), configured_anew),
        "a_pointer": (view(weights=POINTER), saved_anew),
        "cut": (view(weights=save(tensors())[:-1]), saved_anew),
        "missing": (view(weights=tensors(b_enc=GONE)), saved_anew),
        "unexpected": (view(weights=tensors(x=np.zeros(3, np.float32))), saved_anew),
        "another_shape": (view(weights=tensors(b_enc=np.zeros(31, np.float32))), saved_anew),
        "turned": (view(weights=tensors(W_enc=np.ascontiguousarray(tensors()["W_enc"].T))), saved_anew),
        "no_d_sae": (view(cfg(d_sae=GONE)), keys(d_sae=32)),
        "no_dtype": (view(cfg(dtype=GONE)), keys(dtype="float32")),
        "no_k_inside": (view(old | {"k": 4, "activation_fn_kwargs": {}}, tensors("topk")), keys(activation_fn_kwargs={"k": 4})),
        "scaled": (view(weights=tensors(scaling_factor=np.full(32, 2, np.float32))), saved_anew),
        "unknown": (view(cfg("batchtopk"), tensors()), keys(architecture="jumprelu")),
        "no_version": (view(cfg(metadata={"sae_lens_version": "latest"})), metadata(sae_lens_version="6.0.0")),
        "no_metadata": (view(json.dumps(cfg() | {"metadata": None}).encode()), configured_anew),
        "a_wrong_dtype": (view(cfg(dtype="float33")), keys(dtype="float32")),
        "a_wrong_normalisation": (view(cfg(normalize_activations="l2")), keys(normalize_activations="none")),
        "of_a_transcoder": (view(cfg("transcoder", apply_b_dec_to_input=True)), keys(apply_b_dec_to_input=False)),
        "large_k": (view(cfg("topk", k=33), tensors("topk")), keys(k=32)),
        "runs_topk": (
            view(LEGACY | {"activation_fn_str": "topk", "activation_fn_kwargs": {"k": 4}}, tensors("standard")),
            both(keys(architecture="topk", k=4), saved()),
        ),
    }  # fmt: skip


def configured_anew(repository: MemoryView) -> None:
    repository.files[f"{FOLDER}/cfg.json"] = json.dumps(cfg()).encode()


def saved_anew(repository: MemoryView) -> None:
    repository.files[f"{FOLDER}/sae_weights.safetensors"] = save(tensors())


def on_disk(root: Path, repositories: Mapping[str, MemoryView]) -> Path:
    for name, repository in repositories.items():
        for path, data in repository.files.items():
            if "/" in path:
                target = root / name / Path(path).name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(data)
    return root


@pytest.mark.train
def test_the_hints_work(tmp_path: Path) -> None:
    folder = on_disk(tmp_path / "bad", {name: bad for name, (bad, _) in broken().items()})
    report = validate(open_folder(folder), load=True)
    found = {one.sae_id: one for one in report.findings if one.code.startswith("LOAD")}
    assert found.keys() == broken().keys()
    for name, one in found.items():
        others = {
            other.code
            for other in report.findings
            if other.sae_id == name and not other.code.startswith("LOAD")
        }
        named = set(re.findall(r"[A-Z]{3}\d{3}", one.hint))
        assert others & named if named else (one.code == "LOAD002" and others), (
            name,
            one.message,
            one.hint,
            others,
        )
    mended = broken()
    for bad, follow in mended.values():
        follow(bad)
    after = validate(
        open_folder(on_disk(tmp_path / "good", {name: bad for name, (bad, _) in mended.items()})),
        Selection(select=("LOAD",)),
        load=True,
    )
    assert after.findings == []


@pytest.mark.train
def test_every_verdict(folder: Path) -> None:
    report = validate(open_folder(folder), Selection(select=("LOAD",)), load=True)
    assert not report.crashes
    found = {f.sae_id: (f.code, f.severity) for f in report.findings}
    assert found == {
        "unknown_architecture": ("LOAD001", Severity.ERROR),
        "missing_tensor": ("LOAD001", Severity.ERROR),
        "k_too_large": ("LOAD001", Severity.ERROR),
        "no_metadata_object": ("LOAD001", Severity.ERROR),
        "says_standard_runs_topk": ("LOAD002", Severity.ERROR),
        "normalize_null": ("LOAD001", Severity.WARNING),
    }
    hints = {f.sae_id: f.hint for f in report.findings}
    assert "CFG004" in hints["unknown_architecture"]
    assert "WTS004" in hints["missing_tensor"]
    assert "CFG007" in hints["k_too_large"]
    assert report.exit_code(Severity.ERROR) is ExitCode.FINDINGS


def test_without_load_saelens_is_not_asked(tmp_path: Path) -> None:
    report = validate(view())
    assert "LOAD001" not in report.asked


def test_a_repository_that_is_not_on_disk_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="works on a folder"):
        load_all(view(), [])
    with pytest.raises(UsageError, match="works on a folder"):
        validate(view(), load=True)


def test_what_the_author_wrote_is_held_against_what_saelens_took() -> None:
    assert stated({"architecture": "standard", "k": 4}, {"architecture": "topk", "k": 4, "d_in": 8}) == {
        "architecture": "standard",
        "k": 4,
        "d_in": 8,
    }
    assert stated({"normalize_activations": None}, {"normalize_activations": "none"}) == {
        "normalize_activations": "none"
    }


@pytest.mark.parametrize(
    "architecture",
    ["standard", "jumprelu", "topk", "abstopk", "gated", "transcoder", "jumprelu_skip_transcoder"],
)
def test_the_definition_against_ten_naive_lines(architecture: str) -> None:
    w = {name: value.astype(np.float64) for name, value in tensors(architecture).items()}
    config = cfg(architecture)
    x = np.random.default_rng(3).standard_normal((5, 8))
    acts, out = forward(config, w, x)
    for row in range(5):
        sae_in = x[row] - (w["b_dec"] if config["apply_b_dec_to_input"] else 0)
        if architecture == "gated":
            naive = [
                max(
                    0.0,
                    sum(sae_in[i] * w["W_enc"][i, j] * np.exp(w["r_mag"][j]) for i in range(8))
                    + w["b_mag"][j],
                )
                * (sum(sae_in[i] * w["W_enc"][i, j] for i in range(8)) + w["b_gate"][j] > 0)
                for j in range(32)
            ]
            decoder = w["W_dec"]
        else:
            pre = np.array(
                [sum(sae_in[i] * w["W_enc"][i, j] for i in range(8)) + w["b_enc"][j] for j in range(32)]
            )
            decoder = w["W_dec"]
            if "topk" in architecture:
                length = np.array([sum(decoder[j] ** 2) ** 0.5 for j in range(32)])
                pre, decoder = pre * length, decoder / length[:, None]
                size = np.abs(pre) if architecture == "abstopk" else pre
                keep = set(sorted(range(32), key=lambda j: -size[j])[:4])
                naive = [
                    (pre[j] if architecture == "abstopk" else max(pre[j], 0.0)) if j in keep else 0.0
                    for j in range(32)
                ]
            else:
                gate = w["threshold"] if "threshold" in w else np.full(32, -np.inf)
                naive = [max(pre[j], 0.0) if pre[j] > gate[j] else 0.0 for j in range(32)]
        expected = sum(naive[j] * decoder[j] for j in range(32)) + w["b_dec"]
        if "W_skip" in w:
            expected = expected + w["W_skip"] @ x[row]
        np.testing.assert_allclose(acts[row], naive, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(out[row], expected, rtol=1e-9, atol=1e-9)


def test_an_undefined_architecture_is_a_key_error() -> None:
    with pytest.raises(KeyError, match="temporal"):
        forward({"architecture": "temporal", "normalize_activations": "none"}, {}, np.zeros((1, 8)))
    assert Need.LOAD.letters == "L"
