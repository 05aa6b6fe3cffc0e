"""Releases of the shapes of the published study: 54, 39, 54 and 1 SAE, each whole (weights, provenance, card), at any size."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from hubkit.cards.build import build_card
from hubkit.cards.checksums import Checksums
from hubkit.cards.settings import CardSettings, save_settings
from hubkit.release.provenance import Grid, Provenance

CONDITIONS = ("mixed", "deceptive_only", "honest_only")


@dataclass(frozen=True)
class Shape:
    """One release: layers x architectures x conditions, the last layer with fewer where the count is not a product."""

    name: str
    base_model: str
    licence: str
    d_in: int
    d_sae: int
    layers: tuple[int, ...]
    architectures: tuple[str, ...]
    count: int

    def cells(self) -> list[tuple[int, str, str]]:
        """(layer, architecture, condition) of every SAE."""
        return list(itertools.product(self.layers, self.architectures, CONDITIONS))[: self.count]


BOTH = ("topk", "jumprelu")
SEEDS = (
    Shape("smollm2-135m", "HuggingFaceTB/SmolLM2-135M", "apache-2.0", 576, 2304, (3, 4, 5, 6, 9, 12, 15, 18, 21), BOTH, 54),
    Shape("nanochat-d32", "karpathy/nanochat-d32", "mit", 2048, 8192, (4, 8, 12, 16, 20, 24, 28), BOTH, 39),
    Shape("tinyllama-1.1b", "TinyLlama/TinyLlama-1.1B-Chat-v1.0", "apache-2.0", 2048, 8192, (3, 5, 7, 9, 11, 13, 15, 17, 20), BOTH, 54),
    Shape("gemma4-e2b", "google/gemma-4-E2B-it", "gemma", 1536, 6144, (17,), ("topk",), 1),
)  # fmt: skip
"""The four model cards that hubkit was asked for."""


def scaled(shape: Shape, factor: int) -> Shape:
    """The same release with vectors `factor` times shorter, so of a model of that width: hubkit knows how wide the real one is."""
    small = f"lab/tiny-{shape.base_model.rpartition('/')[2]}"
    sizes = {"d_in": shape.d_in // factor, "d_sae": shape.d_sae // factor}
    return Shape(**{**vars(shape), **sizes, "base_model": small})


def make_release(folder: Path, shape: Shape, repo_id: str, *, seed: int = 0) -> Path:
    """Write the whole release; returns its folder."""
    generator = np.random.default_rng([seed, shape.d_in, shape.count])
    for layer, architecture, condition in shape.cells():
        place = folder / f"{shape.name.partition('-')[0]}_{architecture}_L{layer}_{condition}"
        place.mkdir(parents=True)
        save_file(_weights(generator, shape, architecture), place / "sae_weights.safetensors")
        text = json.dumps(_cfg(shape, layer, architecture, condition), indent=2) + "\n"
        (place / "cfg.json").write_text(text, encoding="utf-8")
    ids = sorted(path.name for path in folder.iterdir())
    config = {"base_model": shape.base_model, "library_name": "saelens", "sae_ids": ids}
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    write_provenance(folder, shape)
    settings = CardSettings(repo_id=repo_id, base_model=shape.base_model, license=shape.licence)
    save_settings(settings, folder / "card.yaml")
    build_card(folder)
    return folder


def write_provenance(folder: Path, shape: Shape) -> None:
    """With the sha256 of every file that is there."""
    Provenance(
        hubkit_version="0.0.0",
        study="seeds",
        study_sha256="0" * 64,
        base_model=shape.base_model,
        base_model_revision=None,
        precision="float32",
        grid=Grid(
            layers=list(shape.layers),
            architectures=list(shape.architectures),
            conditions=sorted({condition for _, _, condition in shape.cells()}),
        ),
        seeds={"collect": 0},
        software={"python": "3.11"},
        hardware="made on the spot",
        created="2026-01-01T00:00:00+00:00",
        pool_sha256="0" * 64,
        completions={"sampled": 0},
        files=Checksums.of(folder).get(),
    ).save(folder / "provenance.json")


def _weights(generator: np.random.Generator, shape: Shape, architecture: str) -> dict[str, np.ndarray]:
    decoder = generator.standard_normal((shape.d_sae, shape.d_in), dtype=np.float32)
    decoder /= np.linalg.norm(decoder, axis=1, keepdims=True)
    found = {
        "W_enc": np.ascontiguousarray(decoder.T) + np.float32(0.01),
        "W_dec": decoder,
        "b_enc": generator.standard_normal(shape.d_sae, dtype=np.float32) / 100,
        "b_dec": generator.standard_normal(shape.d_in, dtype=np.float32) / 100,
    }
    if architecture == "jumprelu":
        found["threshold"] = generator.uniform(0.02, 0.4, shape.d_sae).astype(np.float32)
    return found


def _cfg(shape: Shape, layer: int, architecture: str, condition: str) -> dict[str, object]:
    found: dict[str, object] = {
        "architecture": architecture, "d_in": shape.d_in, "d_sae": shape.d_sae, "dtype": "float32", "device": "cpu",
        "apply_b_dec_to_input": True, "normalize_activations": "none", "reshape_activations": "none",
        "metadata": {
            "sae_lens_version": "6.54.12", "sae_lens_training_version": "6.54.12", "model_name": shape.base_model,
            "hook_name": f"blocks.{layer}.hook_resid_post", "training_architecture": architecture,
            "training_condition": condition,
        },
    }  # fmt: skip
    if architecture == "topk":
        found |= {"k": min(64, shape.d_sae // 4), "rescale_acts_by_decoder_norm": True}
    return found
