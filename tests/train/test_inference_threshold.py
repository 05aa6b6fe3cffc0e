"""A BatchTopK leaves training as a JumpReLU: the threshold that SAELens's trainer follows, and one that means something."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import torch
from train.equality import (
    assert_a_stack_is_saelens,
    batches,
    difference,
    members_of,
    ours_of,
    saelens_trainer,
    step,
)
from train.published import fit, saved

from hubkit.engine.threads import one_thread
from hubkit.train.architecture import all_architectures
from hubkit.train.architectures.batchtopk import BatchTopK
from hubkit.train.spec import SaeSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import numpy as np

    from hubkit.release.pool import PoolManifest

pytestmark = pytest.mark.train

WITH_ONE = [name for name, kind in all_architectures().items() if isinstance(kind, BatchTopK)]
N, D_IN, D_SAE, K = 256, 64, 256, 16


@pytest.fixture(autouse=True)
def _small_matrices_on_one_thread() -> Iterator[None]:
    with one_thread():
        yield


@pytest.fixture(scope="module")
def manifest(
    tmp_path_factory: pytest.TempPathFactory, make_pool: Callable[..., PoolManifest]
) -> PoolManifest:
    return make_pool(tmp_path_factory.mktemp("pool") / "pool", N, D_IN)


@pytest.fixture(scope="module")
def rows(make_activations: Callable[..., np.ndarray]) -> torch.Tensor:
    return torch.from_numpy(make_activations(N, D_IN, 2))


def spec(architecture: str, **changes: Any) -> SaeSpec:
    fields = {"sae_id": "sae", "architecture": architecture, "layer": 2, "condition": "mixed"}
    return SaeSpec.model_validate(fields | {"d_sae": D_SAE, "k": K} | changes)


def l0(sae: Any, rows: torch.Tensor) -> float:
    with torch.no_grad():
        return float((sae.encode(rows) > 0).sum(dim=1).double().mean())


@pytest.mark.parametrize("architecture", WITH_ONE)
def test_the_threshold_is_the_one_that_saelens_follows(architecture: str) -> None:
    """On threads, step by step; the mapped form is compared in test_equality.py."""
    ours = ours_of(members_of({"architecture": architecture})[:2], torch.float64, written_out=True)
    trainers = [saelens_trainer(one, torch.float64) for one in ours]
    for xs in batches(ours):
        for one, trainer, x in zip(ours, trainers, xs, strict=True):
            one.take(x)
            step(trainer, x)
            assert difference(one.sae.topk_threshold, trainer.sae.topk_threshold) <= 1e-9
    for one, trainer in zip(ours, trainers, strict=True):
        for name, expected in trainer.sae.named_parameters():
            assert difference(one.sae.get_parameter(name), expected) <= 1e-10, name


def test_with_dead_latents_too() -> None:
    assert_a_stack_is_saelens({"architecture": "batchtopk", "dead_window": 4}, torch.float64)


def test_a_batch_without_an_active_latent_leaves_the_threshold() -> None:
    kind = all_architectures()["batchtopk"]
    (one,) = ours_of(members_of({"architecture": "batchtopk"})[:1], torch.float64, written_out=True)
    several = {"topk_threshold": torch.tensor([0.5, 0.5], dtype=torch.float64)}
    acts = torch.zeros(2, 3, 4, dtype=torch.float64)
    acts[1, 2, 1], acts[1, 0, 0] = 2.0, 3.0
    kind.follow(one.follow_rate, several, acts)
    rate = one.sae.cfg.topk_threshold_lr
    assert several["topk_threshold"].tolist() == [0.5, pytest.approx(0.5 + rate * 1.5)]


@pytest.mark.parametrize("architecture", WITH_ONE)
def test_what_is_published_is_a_jumprelu_at_that_threshold(
    architecture: str, rows: torch.Tensor, manifest: PoolManifest, tmp_path: Path
) -> None:
    from sae_lens import SAE
    from safetensors.torch import load_file

    trained = fit(spec(architecture), rows)
    assert saved(trained, manifest, rows, tmp_path) == []
    cfg = json.loads((tmp_path / "sae" / "cfg.json").read_text(encoding="utf-8"))
    assert (cfg["architecture"], cfg["metadata"]["training_architecture"]) == ("jumprelu", architecture)
    assert cfg["metadata"]["training_architecture_details"]["k"] == K
    weights = load_file(tmp_path / "sae" / "sae_weights.safetensors")
    published = weights["threshold"]
    assert published.shape == (D_SAE,)
    expected = float(trained.sae.topk_threshold) / trained.scale
    assert float(published.min()) == float(published.max()) == pytest.approx(expected, rel=1e-6)
    assert 0 < float(published[0]) < float(trained.encode(rows).max()), "it lets some pass and not all"
    assert torch.allclose(weights["W_dec"].norm(dim=1), torch.ones(D_SAE), atol=1e-6)
    loaded = SAE.load_from_disk(tmp_path / "sae")
    assert l0(loaded, rows) == pytest.approx(K, rel=0.25), "without a batch about k latents pass"
    assert torch.allclose(loaded.encode(rows), trained.encode(rows), atol=1e-3)


@pytest.mark.parametrize("architecture", WITH_ONE)
def test_a_threshold_that_was_never_followed_is_said(
    architecture: str,
    rows: torch.Tensor,
    manifest: PoolManifest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The bad twin: what a trainer that forgets the threshold would publish is found by the validator."""
    monkeypatch.setattr(BatchTopK, "follow", lambda *_: None)
    assert "THR001" in saved(fit(spec(architecture, steps=20), rows), manifest, rows, tmp_path)
