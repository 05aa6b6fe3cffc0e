from __future__ import annotations

import importlib
import warnings
from typing import TYPE_CHECKING

import numpy as np
import pytest
from safetensors.numpy import save_file

from hubkit.release.digests import sha256_of_file
from hubkit.release.pool import PoolLayer, PoolManifest, PoolRow

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def activations(n: int, d_in: int, seed: int) -> np.ndarray:
    """Like a residual stream: scenario clusters, low-rank variation, a large mean, a scale of its own."""
    rng = np.random.default_rng(seed)
    scenario = rng.normal(size=(10, d_in))[np.arange(n) % 10]
    varied = rng.normal(size=(n, 20)) @ rng.normal(size=(20, d_in)) / 20**0.5
    x = 3 * (scenario + varied + 2 * rng.normal(size=d_in) + 0.1 * rng.normal(size=(n, d_in)))
    return x.astype(np.float32)


def write_pool(
    folder: Path, n: int, d_in: int, layers: tuple[int, ...] = (2,), folds: int = 2
) -> PoolManifest:
    folder.mkdir(parents=True)
    entries = []
    for layer in layers:
        path = folder / f"layer_{layer}.safetensors"
        save_file({"activations": activations(n, d_in, layer)}, path)
        hooks = (f"blocks.{layer}.hook_resid_post", f"model.layers.{layer}")
        entries.append(
            PoolLayer(
                layer=layer,
                hook_name=hooks[0],
                hf_hook_name=hooks[1],
                file=path.name,
                sha256=sha256_of_file(path),
            )
        )
    labels = np.where(np.random.default_rng(1).random(n) < 0.5, "deceptive", "honest").tolist()
    rows = [
        PoolRow(
            completion_id=f"c{i}", scenario_id=f"s{i % 10}", label=labels[i], split=f"fold{i // 10 % folds}"
        )
        for i in range(n)
    ]
    manifest = PoolManifest.model_validate(
        {
            "model_name": "lab/tiny",
            "model_revision": "f" * 40,
            "model_class_name": "AutoModelForCausalLM",
            "d_in": d_in,
            "n_layers": 6,
            "precision": "float32",
            "pooling": "mean",
            "token_span": "response without the commit span",
            "labels": ("deceptive", "honest"),
            "judge": "commit_word",
            "layers": entries,
            "rows": rows,
            "inputs_sha256": "ab" * 32,
        }
    )
    manifest.save(folder / "manifest.json")
    return manifest


@pytest.fixture(scope="module", autouse=True)
def _sae_lens_imported(request: pytest.FixtureRequest) -> None:
    """Import sae_lens once with its dependencies' own deprecation warnings let through; hubkit's stay errors."""
    if request.node.get_closest_marker("train"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            importlib.import_module("sae_lens")


@pytest.fixture(scope="session")
def make_activations() -> Callable[..., np.ndarray]:
    return activations


@pytest.fixture(scope="session")
def make_pool() -> Callable[..., PoolManifest]:
    return write_pool
