"""EleutherAI sparsify, written by eai-sparsify 1.3.3 itself: SparseCoder.save_to_disk and RunConfig.save_json, after a short training.

The older layouts (`layer_N`, no transcode keys) are the same tensors with the configuration of sae 1.0, see FORMATS.md.

Run: python tests/formats/families/make_sparsify.py   (torch 2.13 on the CPU, eai-sparsify 1.3.3)
"""

from __future__ import annotations

import json
import os
from pathlib import Path

os.environ["SPARSIFY_DISABLE_TRITON"] = "1"

import numpy as np
import torch
from fixture_kit import D_IN, D_SAE, K, expect, fresh, sparse_batch
from sparsify import SparseCoder, SparseCoderConfig
from sparsify.__main__ import RunConfig

LOADER = "sparsify (SparseCoder.load_from_disk)"


def trained(cfg: SparseCoderConfig, seed: int, dtype: torch.dtype = torch.float32) -> SparseCoder:
    """A sparse coder after 300 steps on made-up rows."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    coder = SparseCoder(D_IN, cfg, dtype=torch.float32)
    mixing = (
        torch.from_numpy(np.random.default_rng(3).standard_normal((D_IN, D_IN)).astype(np.float32))
        / D_IN**0.5
    )
    optimizer = torch.optim.Adam(coder.parameters(), lr=4e-3)
    for _ in range(300):
        x = torch.from_numpy(sparse_batch(rng, 256))
        y = torch.relu(x @ mixing) + 0.05 if cfg.transcode else None
        coder(x, y).fvu.backward()
        if cfg.normalize_decoder and not cfg.transcode:
            coder.remove_gradient_parallel_to_decoder_directions()
        optimizer.step()
        optimizer.zero_grad()
        if cfg.normalize_decoder and not cfg.transcode:
            coder.set_decoder_norm_to_unit_norm()
    return coder.to(dtype)


def run(
    folder: Path,
    name: str,
    coders: dict[str, SparseCoder],
    cfg: SparseCoderConfig,
    model: str = "EleutherAI/pythia-70m",
) -> None:
    """A run's folder as Trainer._checkpoint lays it out, less the optimizer's state."""
    for hookpoint, coder in coders.items():
        coder.save_to_disk(folder / hookpoint)
    config = RunConfig(
        cfg,
        model=model,
        hookpoints=list(coders),
        run_name=name,
        batch_size=4,
        data_preprocessing_num_proc=4,
    )
    config.save_json(folder / "config.json")
    torch.save({"global_step": 300}, folder / "state.pt")


def note(
    folder: str, hookpoint: str, coder: SparseCoder, layer: int | None, model: str | None, **more: object
) -> None:
    cfg = coder.cfg
    architecture = (
        "topk" if not cfg.transcode else "topk_skip_transcoder" if cfg.skip_connection else "topk_transcoder"
    )
    entry = {
        "family": "sparsify",
        "layout": "current",
        "architecture": architecture,
        "d_in": D_IN,
        "d_sae": coder.num_latents,
        "k": cfg.k,
        "hook": hookpoint,
        "layer": layer,
        "model": model,
        "loader": LOADER,
    }
    expect(folder=f"sparsify/{folder}", sae_id=hookpoint, **(entry | more))


def main() -> None:
    root = fresh("sparsify")
    sae = SparseCoderConfig(expansion_factor=4, k=K)
    coders = {"layers.3": trained(sae, 1), "layers.3.mlp": trained(sae, 2)}
    run(root / "sae_run", "sae_run", coders, sae)
    for hookpoint, coder in coders.items():
        note("sae_run", hookpoint, coder, 3, "EleutherAI/pythia-70m")

    # num_latents rules; the default expansion_factor stays beside it and says something else
    wide = SparseCoderConfig(num_latents=D_SAE, k=K)
    coders = {"embed_tokens": trained(wide, 3), "h.5": trained(wide, 4, torch.bfloat16)}
    run(root / "num_latents", "num_latents", coders, wide, "lab/tiny")
    note("num_latents", "embed_tokens", coders["embed_tokens"], None, "lab/tiny")
    note("num_latents", "h.5", coders["h.5"], 5, "lab/tiny")

    group = SparseCoderConfig(activation="groupmax", num_latents=D_SAE, k=K)
    coder = trained(group, 5)
    coder.save_to_disk(root / "groupmax" / "gpt_neox.layers.2")
    note("groupmax", "gpt_neox.layers.2", coder, 2, None, architecture="groupmax")

    for variant, skip, seed in (("transcoder", False, 6), ("skip_transcoder", True, 7)):
        cfg = SparseCoderConfig(num_latents=D_SAE, k=K, transcode=True, skip_connection=skip)
        coders = {"layers.1.mlp": trained(cfg, seed)}
        run(root / variant, variant, coders, cfg)
        note(variant, "layers.1.mlp", coders["layers.1.mlp"], 1, "EleutherAI/pythia-70m")

    # as the package `sae` and eai-sparsify 0.1 wrote them: the same tensors, fewer keys
    for hookpoint, keys in (
        (
            "layer_6",
            {"expansion_factor": 4, "normalize_decoder": True, "k": K, "signed": False, "d_in": D_IN},
        ),
        (
            "layers.6",
            {
                "expansion_factor": 4,
                "normalize_decoder": True,
                "num_latents": 0,
                "k": K,
                "multi_topk": False,
                "d_in": D_IN,
            },
        ),
    ):
        coder = trained(sae, 8 if hookpoint == "layer_6" else 9)
        coder.save_to_disk(root / "old" / hookpoint)
        (root / "old" / hookpoint / "cfg.json").write_text(json.dumps(keys), encoding="utf-8")
        note("old", hookpoint, coder, 6, None, layout="old")
        SparseCoder.load_from_disk(root / "old" / hookpoint)

    # a skip transcoder from before `transcode` was a key: only skip_connection says so
    cfg = SparseCoderConfig(num_latents=D_SAE, k=K, transcode=True, skip_connection=True)
    coder = trained(cfg, 10)
    folder = root / "old_skip_transcoder" / "layers.4.mlp"
    coder.save_to_disk(folder)
    keys = {
        "expansion_factor": 64,
        "normalize_decoder": True,
        "num_latents": D_SAE,
        "k": K,
        "multi_topk": False,
        "skip_connection": True,
        "d_in": D_IN,
    }
    (folder / "cfg.json").write_text(json.dumps(keys), encoding="utf-8")
    note("old_skip_transcoder", "layers.4.mlp", coder, 4, None, layout="old")

    # one SAE, its folder is the repository
    coder = trained(sae, 11)
    coder.save_to_disk(root / "single")
    note("single", ".", coder, None, None, hook=None)


if __name__ == "__main__":
    main()
