"""saprmarks/dictionary_learning, written by dictionary-learning 0.1.0 itself: trainSAE with each of its trainers, on made-up rows.

Run: python tests/formats/families/make_dictionary_learning.py   (torch 2.13 on the CPU, dictionary-learning 0.1.0, nnsight 0.3.7)
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from dictionary_learning.trainers.batch_top_k import BatchTopKTrainer
from dictionary_learning.trainers.gated_anneal import GatedAnnealTrainer
from dictionary_learning.trainers.gdm import GatedSAETrainer
from dictionary_learning.trainers.jumprelu import JumpReluTrainer
from dictionary_learning.trainers.matryoshka_batch_top_k import MatryoshkaBatchTopKTrainer
from dictionary_learning.trainers.p_anneal import PAnnealTrainer
from dictionary_learning.trainers.standard import StandardTrainer, StandardTrainerAprilUpdate
from dictionary_learning.trainers.top_k import TopKTrainer
from dictionary_learning.training import trainSAE
from fixture_kit import D_IN, D_SAE, K, expect, fresh, sparse_batch

STEPS, LAYER, MODEL = 400, 3, "EleutherAI/pythia-70m-deduped"
LOADER = "dictionary_learning (load_dictionary), or SAELens's converter dictionary_learning_1"


class Rows:
    """Stands for ActivationBuffer: batches, and the same `config`."""

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)

    def __iter__(self) -> Iterator[torch.Tensor]:
        return self

    def __next__(self) -> torch.Tensor:
        return torch.from_numpy(sparse_batch(self._rng, 256))

    @property
    def config(self) -> dict[str, Any]:
        return {
            "d_submodule": D_IN,
            "io": "out",
            "n_ctxs": 244,
            "ctx_len": 1024,
            "refresh_batch_size": 4,
            "out_batch_size": 256,
            "device": "cpu",
        }


COMMON: dict[str, Any] = {
    "steps": STEPS,
    "activation_dim": D_IN,
    "dict_size": D_SAE,
    "layer": LAYER,
    "lm_name": MODEL,
    "device": "cpu",
    "seed": 0,
    "warmup_steps": 20,
}
WHERE: dict[str, Any] = {"submodule_name": "resid_post_layer_3"}
TOP: dict[str, Any] = dict(
    k=K, lr=4e-3, decay_start=300, threshold_beta=0.9, threshold_start_step=100, **WHERE
)

TRAINERS: tuple[tuple[str, dict[str, Any], str, str | None], ...] = (
    ("standard", dict(trainer=StandardTrainer, lr=4e-3, l1_penalty=0.5, sparsity_warmup_steps=50, **WHERE), "standard", None),
    ("standard_april_update", dict(trainer=StandardTrainerAprilUpdate, lr=4e-3, l1_penalty=0.5, sparsity_warmup_steps=50, **WHERE), "standard", None),
    ("gated", dict(trainer=GatedSAETrainer, lr=4e-3, l1_penalty=0.5, sparsity_warmup_steps=50, **WHERE), "gated", None),
    # takes no submodule_name, so its configuration has none
    ("gated_anneal", {"trainer": GatedAnnealTrainer, "lr": 4e-3, "initial_sparsity_penalty": 0.5, "sparsity_warmup_steps": 50, "anneal_start": 200, "p_end": 0.5}, "gated", None),
    ("p_anneal", dict(trainer=PAnnealTrainer, lr=4e-3, sparsity_function="Lp^p", initial_sparsity_penalty=0.5, sparsity_warmup_steps=50, anneal_start=200, p_end=0.5, **WHERE), "standard", None),
    ("topk", dict(trainer=TopKTrainer, **TOP), "topk", None),
    ("batch_topk", dict(trainer=BatchTopKTrainer, **TOP), "batchtopk", "scalar"),
    ("matryoshka_batch_topk", dict(trainer=MatryoshkaBatchTopKTrainer, group_fractions=[0.25, 0.25, 0.5], **TOP), "matryoshka_batchtopk", "scalar"),
    ("jumprelu", dict(trainer=JumpReluTrainer, lr=4e-3, bandwidth=0.05, sparsity_warmup_steps=50, target_l0=4.0, **WHERE), "jumprelu", "values"),
)  # fmt: skip


def main() -> None:
    root = fresh("dictionary_learning")
    for seed, (variant, own, architecture, threshold) in enumerate(TRAINERS):
        folder = root / variant / "resid_post_layer_3"
        torch.manual_seed(seed)
        trainSAE(
            Rows(seed),
            [COMMON | own],
            steps=STEPS,
            save_dir=str(folder),
            device="cpu",
            normalize_activations=variant == "batch_topk",
        )
        note(variant, "resid_post_layer_3/trainer_0", architecture, threshold)

    # several trainers in one run, with saved steps: checkpoints/ae_N.pt are no SAEs of their own
    folder = root / "sweep" / "resid_post_layer_3"
    sweep = [COMMON | TRAINERS[5][1] | {"k": k} for k in (4, 8)]
    trainSAE(Rows(50), sweep, steps=STEPS, save_steps=[200], save_dir=str(folder), device="cpu")
    for number, k in enumerate((4, 8)):
        note("sweep", f"resid_post_layer_3/trainer_{number}", "topk", None, k=k)
    # ended before threshold_start_step: BatchTopK's threshold is still -1, a true defect, so it is not kept here

    # hand-made from the first: other names of the same trainer, and a run without a buffer (activations from a tensor)
    folder = root / "old_names" / "trainer_0"
    shutil.copytree(root / "topk" / "resid_post_layer_3" / "trainer_0", folder)
    old(folder)
    note("old_names", "trainer_0", "topk", None, hook=None)


def old(folder: Any) -> None:
    """Before December 2024 (commit b5821fd): TrainerTopK, neither k nor threshold in ae.pt; submodule_name null, no buffer."""
    import json

    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    trainer = config["trainer"]
    for key in ("threshold_beta", "threshold_start_step", "decay_start", "warmup_steps", "auxk_alpha"):
        trainer.pop(key)
    trainer |= {"trainer_class": "TrainerTopK", "submodule_name": None, "seed": None}
    (folder / "config.json").write_text(json.dumps({"trainer": trainer}, indent=4), encoding="utf-8")
    state = torch.load(folder / "ae.pt")
    del state["threshold"], state["k"]
    torch.save(state, folder / "ae.pt")


def note(variant: str, sae_id: str, architecture: str, threshold: str | None, **more: Any) -> None:
    entry = {
        "family": "dictionary_learning",
        "layout": "trainer",
        "architecture": architecture,
        "d_in": D_IN,
        "d_sae": D_SAE,
        "k": K if "topk" in architecture else None,
        "hook": None if variant == "gated_anneal" else "resid_post_layer_3",
        "layer": LAYER,
        "model": MODEL,
        "threshold": threshold,
        "loader": LOADER,
    }
    expect(folder=f"dictionary_learning/{variant}", sae_id=sae_id, **(entry | more))


if __name__ == "__main__":
    main()
