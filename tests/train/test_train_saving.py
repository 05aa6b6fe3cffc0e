"""What is saved is what was trained, and what was trained learned."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from train.published import fit

from hubkit.errors import HubkitError
from hubkit.train.spec import SaeSpec

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hubkit.release.pool import PoolManifest
    from hubkit.train.stack import Trained

pytestmark = pytest.mark.train

N, D_IN, D_SAE, K = 256, 64, 256, 16
COMMON_KEYS = {
    "architecture",
    "d_in",
    "d_sae",
    "dtype",
    "device",
    "apply_b_dec_to_input",
    "normalize_activations",
    "reshape_activations",
    "metadata",
}
CASES = [("topk", "learns"), ("jumprelu", "learns"), ("jumprelu", "naive")]


def spec(architecture: str, recipe: str = "learns", **changes: object) -> SaeSpec:
    fields = {
        "sae_id": "sae",
        "architecture": architecture,
        "layer": 2,
        "condition": "mixed",
        "d_sae": D_SAE,
        "k": K,
    }
    return SaeSpec.model_validate(fields | {"recipe": recipe} | changes)


@pytest.fixture(scope="module")
def rows(make_activations: Callable[..., np.ndarray]) -> torch.Tensor:
    return torch.from_numpy(make_activations(N, D_IN, 2))


@pytest.fixture(scope="module")
def trained(rows: torch.Tensor) -> dict[tuple[str, str], Trained]:
    return {case: fit(spec(*case), rows) for case in CASES}


@pytest.fixture(scope="module")
def manifest(
    tmp_path_factory: pytest.TempPathFactory, make_pool: Callable[..., PoolManifest]
) -> PoolManifest:
    return make_pool(tmp_path_factory.mktemp("pool") / "pool", N, D_IN)


@pytest.fixture(scope="module")
def saved(
    tmp_path_factory: pytest.TempPathFactory, trained: dict[tuple[str, str], Trained], manifest: PoolManifest
) -> dict[tuple[str, str], Path]:
    from hubkit.train.save import Origin, save

    folders = {}
    for case, sae in trained.items():
        folders[case] = tmp_path_factory.mktemp("release") / "_".join(case)
        assert save(sae, Origin(manifest, "all", N, "ab" * 32), folders[case]) == []
    return folders


def by_hand(folder: Path, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Features and reconstruction from the file alone, in float64 numpy."""
    from safetensors.numpy import load_file

    cfg = json.loads((folder / "cfg.json").read_text(encoding="utf-8"))
    w = {
        name: tensor.astype(np.float64)
        for name, tensor in load_file(folder / "sae_weights.safetensors").items()
    }
    pre = (x - w["b_dec"]) @ w["W_enc"] + w["b_enc"]
    if cfg["architecture"] == "topk":
        kth = np.sort(pre, axis=1)[:, -cfg["k"]][:, None]
        acts = np.where(pre >= kth, np.maximum(pre, 0), 0)
    else:
        acts = np.where(pre > w["threshold"], np.maximum(pre, 0), 0)
    return acts, acts @ w["W_dec"] + w["b_dec"]


@pytest.mark.parametrize("case", CASES)
def test_the_saved_sae_on_raw_inputs_is_the_one_in_memory_on_scaled_inputs(
    case: tuple[str, str], trained: Any, saved: Any, rows: torch.Tensor
) -> None:
    sae, scale = trained[case].sae, trained[case].scale
    assert scale == pytest.approx(D_IN**0.5 / float(rows.norm(dim=1).mean()), rel=1e-5)
    assert abs(scale - 1) > 0.2, "the data must need scaling for this to test anything"
    with torch.no_grad():
        in_memory = (sae(rows * scale) / scale).numpy()
    acts, reconstruction = by_hand(saved[case], rows.numpy())
    size = np.abs(in_memory).max()
    assert np.abs(reconstruction - in_memory).max() < 1e-4 * size
    assert np.abs(acts - trained[case].encode(rows).numpy()).max() < 1e-4 * acts.max()


@pytest.mark.parametrize("case", CASES)
def test_both_loaders_give_the_same_outputs(
    case: tuple[str, str], trained: Any, saved: Any, rows: torch.Tensor
) -> None:
    from sae_lens import SAE
    from safetensors.torch import load_file

    cfg = json.loads((saved[case] / "cfg.json").read_text(encoding="utf-8"))
    by_dict = SAE.from_dict(cfg)
    by_dict.load_state_dict(load_file(saved[case] / "sae_weights.safetensors"))
    from_disk = SAE.load_from_disk(saved[case])
    with torch.no_grad():
        assert torch.equal(by_dict(rows), from_disk(rows))
    assert torch.allclose(from_disk(rows), trained[case].reconstruct(rows), atol=1e-3)
    for sae in (by_dict, from_disk):
        assert sae.cfg.metadata.hook_name == "blocks.2.hook_resid_post"
        assert sae.cfg.metadata.training_condition == "mixed"
        assert sae.cfg.metadata.hubkit["n_rows"] == N


@pytest.mark.parametrize("case", CASES)
def test_cfg_is_strict_sorted_and_says_everything(case: tuple[str, str], saved: Any) -> None:
    from sae_lens import JumpReLUSAEConfig, TopKSAEConfig

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    text = (saved[case] / "cfg.json").read_text(encoding="utf-8")
    cfg = json.loads(text, parse_constant=refuse)
    assert text == json.dumps(cfg, indent=2, sort_keys=True) + "\n"
    extra = {"k", "rescale_acts_by_decoder_norm"} if case[0] == "topk" else set()
    assert set(cfg) == COMMON_KEYS | extra
    config_class = TopKSAEConfig if case[0] == "topk" else JumpReLUSAEConfig
    assert {field.name for field in dataclasses.fields(config_class)} | {"architecture"} == set(cfg)
    assert (cfg["device"], cfg["dtype"], cfg["normalize_activations"]) == ("cpu", "float32", "none")
    metadata = cfg["metadata"]
    assert metadata["hf_hook_name"] == "model.layers.2"
    assert metadata["model_name"] == "lab/tiny"
    assert metadata["sae_lens_version"].startswith("6.")
    assert metadata["hubkit"]["recipe"] == case[1]
    assert metadata["hubkit"]["spec_sha256"] == spec(*case).digest()
    if case[0] == "jumprelu":
        initial = 0.0 if case[1] == "naive" else 0.01
        assert metadata["training_architecture_details"]["jumprelu_init_threshold"] == initial


@pytest.mark.parametrize("case", CASES)
def test_weights_are_float32_and_finite(case: tuple[str, str], saved: Any) -> None:
    from safetensors.numpy import load_file

    weights = load_file(saved[case] / "sae_weights.safetensors")
    shapes = {"W_enc": (D_IN, D_SAE), "W_dec": (D_SAE, D_IN), "b_enc": (D_SAE,), "b_dec": (D_IN,)}
    if case[0] == "jumprelu":
        shapes["threshold"] = (D_SAE,)
        assert weights["threshold"].min() >= 0
    else:
        assert np.allclose(np.linalg.norm(weights["W_dec"], axis=1), 1, atol=1e-6)
    assert {name: tensor.shape for name, tensor in weights.items()} == shapes
    assert all(tensor.dtype == np.float32 and np.isfinite(tensor).all() for tensor in weights.values())


def test_jumprelu_learns(trained: Any, rows: torch.Tensor) -> None:
    sae = trained["jumprelu", "learns"]
    acts = sae.encode(rows)
    live = (acts > 0).any(dim=0)
    assert int(live.sum()) > K
    assert bool((sae.sae.threshold[live] != 0.01).all()), "every live latent's threshold moved"
    assert float((acts > 0).sum(dim=1).float().mean()) == pytest.approx(K, rel=0.25)


def test_topk_learns(trained: Any, rows: torch.Tensor) -> None:
    sae = trained["topk", "learns"]
    residual = ((rows - sae.reconstruct(rows)) ** 2).sum() / ((rows - rows.mean(0)) ** 2).sum()
    assert float(residual) < 0.1
    assert float((sae.encode(rows) > 0).sum(dim=1).float().max()) <= K


def test_the_naive_threshold_stays_at_zero_and_half_the_latents_fire(
    saved: Any, trained: Any, rows: torch.Tensor
) -> None:
    from safetensors.numpy import load_file

    sae = trained["jumprelu", "naive"]
    assert sae.sae.threshold.requires_grad, "it was offered to the optimiser; no gradient came"
    assert bool((load_file(saved["jumprelu", "naive"] / "sae_weights.safetensors")["threshold"] == 0).all())
    share = float((sae.encode(rows) > 0).double().mean())
    assert 0.4 < share < 0.65


@pytest.mark.parametrize("case", CASES)
def test_reading_back_finds_what_there_is_to_say(
    case: tuple[str, str], trained: Any, saved: Any, rows: torch.Tensor
) -> None:
    from hubkit.train.readback import read_back

    found = read_back(trained[case], rows, saved[case])
    assert found.max_error < 1e-5
    if case[1] == "naive":
        assert found.at_initial_threshold == 1.0
        assert "never moved" in found.warnings[0]
        assert "16 was asked for" in found.warnings[1]
    else:
        assert found.warnings == []


@pytest.mark.parametrize(
    ("case", "tensor"), [(CASES[0], "W_dec"), (CASES[1], "threshold"), (CASES[1], "b_enc")]
)
def test_reading_back_refuses_another_sae(
    case: tuple[str, str], tensor: str, trained: Any, saved: Any, rows: torch.Tensor, tmp_path: Path
) -> None:
    from safetensors.torch import load_file, save_file

    from hubkit.train.readback import read_back

    weights = load_file(saved[case] / "sae_weights.safetensors")
    weights[tensor] = weights[tensor] * 1.01
    save_file(weights, tmp_path / "sae_weights.safetensors")
    (tmp_path / "cfg.json").write_bytes((saved[case] / "cfg.json").read_bytes())
    with pytest.raises(HubkitError, match="differs from what was trained"):
        read_back(trained[case], rows, tmp_path)


def test_warnings_name_every_shortfall() -> None:
    from hubkit.train.training_warnings import warnings_of

    said = warnings_of(spec("jumprelu"), (40, D_IN), 30.0, 0.6, 0.2)
    for told in (
        "20% of the thresholds",
        "L0 is 30.0",
        "60% of the latents",
        "fewer than d_in = 64",
        "below 181",
    ):
        assert any(told in warning for warning in said), told


def test_training_is_deterministic_and_leaves_the_global_generator_alone(rows: torch.Tensor) -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    first = fit(spec("topk", steps=5), rows)
    assert torch.equal(torch.rand(3), expected)
    second = fit(spec("topk", steps=5), rows)
    other = fit(spec("topk", steps=5, seed=1), rows)
    assert torch.equal(first.sae.W_enc, second.sae.W_enc)
    assert not torch.equal(first.sae.W_enc, other.sae.W_enc)


def test_negative_thresholds_are_saved_as_zero_and_said(rows: torch.Tensor) -> None:
    from hubkit.train.save import inference_weights

    sae = fit(spec("jumprelu", steps=3), rows)
    sae.sae.threshold.data[:2] = torch.tensor([-0.5, -0.0])
    weights, warnings = inference_weights(sae)
    assert weights["threshold"][:2].tolist() == [0.0, 0.0]
    assert not bool(torch.signbit(weights["threshold"]).any())
    assert warnings == ["1 thresholds were below 0 and were saved as 0"]
    assert sae.sae.threshold[0].item() == -0.5, "saving leaves the SAE in memory as it was"


def test_weights_that_are_not_finite_are_not_saved(rows: torch.Tensor) -> None:
    from hubkit.train.save import inference_weights

    sae = fit(spec("topk", steps=3), rows)
    sae.sae.b_enc.data[0] = torch.inf
    with pytest.raises(HubkitError, match="b_enc holds NaN or infinity"):
        inference_weights(sae)


@pytest.mark.parametrize("architecture", ["topk", "jumprelu"])
def test_the_settings_that_the_number_of_rows_chose_are_in_cfg(
    architecture: str, manifest: PoolManifest
) -> None:
    from hubkit.train.cpu_trainer import build
    from hubkit.train.member import Trained
    from hubkit.train.save import Origin, cfg_of

    settled = spec(architecture, steps=1500).settled(20_000)
    trained = Trained(settled, build(settled, torch.zeros(D_IN), 1500), 1.0)
    said = cfg_of(trained, Origin(manifest, "all", 20_000, "0" * 64))["metadata"]
    record, details = said["hubkit"], said["training_architecture_details"]
    assert (record["lr"], record["lr_decay_steps"]) == (settled.lr, 300)
    assert record["spec_sha256"] == settled.digest()
    if architecture == "topk":
        assert (record["dead_window"], details["aux_loss_coefficient"]) == (187, 1.0)
    else:
        assert (details["straight_through_estimator"], details["jumprelu_bandwidth"]) == ("rectangle", 0.1)
        assert "dead_window" not in record
