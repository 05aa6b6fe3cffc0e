"""OpenMOSS: Llama Scope, its transcoders, the R1 distillation, and what llamascopium 2.0.0b34 saves.

The newest form is written by llamascopium 2.0.0b34 itself (save_pretrained and save_hyperparameters); the older ones by safetensors to the
layout of OpenMOSS/Language-Model-SAEs at commits 4ec6f0aa (2024-10, Llama Scope), its parent (2024-09, no act_fn) and 96431d10 (2025-04, R1),
with the configurations of fnlp/Llama3_1-8B-Base-LXM-8x, -LXTC-32x and fnlp/Llama-Scope-R1-Distill as patterns.

Run: python tests/formats/families/make_openmoss.py   (torch 2.13 on the CPU, llamascopium 2.0.0b34, transformer-lens 3.9)
"""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import torch
from fixture_kit import D_IN, D_SAE, K, expect, fresh, weights
from llamascopium.backend.language_model import LanguageModelConfig
from llamascopium.models.clt import CLTConfig, CrossLayerTranscoder
from llamascopium.models.crosscoder import Crosscoder, CrosscoderConfig
from llamascopium.models.lorsa import LorsaConfig, LowRankSparseAttention
from llamascopium.models.sae import SAEConfig, SparseAutoEncoder
from safetensors.torch import save_file

MODEL = "meta-llama/Llama-3.1-8B"
OLD = "Language-Model-SAEs (OpenMOSS), or SAELens by release name (converter llama_scope)"
NEW = "llamascopium (SparseDictionary.from_pretrained)"


def linear(seed: int, norm: float = 1.0) -> dict[str, torch.Tensor]:
    """The tensors of two nn.Linear: encoder.weight [d_sae, d_in], decoder.weight [d_in, d_sae]. `norm`: a typical decoder norm, varied."""
    w = weights(seed)
    norms = norm * np.exp(0.2 * np.random.default_rng(seed).standard_normal(D_SAE))
    found = {
        "encoder.weight": w["W_enc"].T,
        "encoder.bias": w["b_enc"],
        "decoder.weight": (w["W_dec"] * norms[:, None]).T,
        "decoder.bias": w["b_dec"],
    }
    return {
        name: torch.from_numpy(np.ascontiguousarray(value, dtype=np.float32)) for name, value in found.items()
    }


def old(hook_in: str, hook_out: str, **own: Any) -> dict[str, Any]:
    """hyperparams.json of a Llama Scope SAE."""
    norms = {"in": 5.9375, "out": 5.9375} if hook_in == hook_out else {"in": 4.0, "out": 5.9375}
    base = {
        "device": "cuda:0",
        "seed": 42,
        "dtype": "torch.bfloat16",
        "hook_point_in": hook_in,
        "hook_point_out": hook_out,
        "use_decoder_bias": True,
        "apply_decoder_bias_to_pre_encoder": False,
        "expansion_factor": D_SAE // D_IN,
        "d_model": D_IN,
        "d_sae": D_SAE,
        "bias_init_method": "all_zero",
        "act_fn": "jumprelu",
        "jump_relu_threshold": 0.201171875,
        "norm_activation": "dataset-wise",
        "dataset_average_activation_norm": norms,
        "decoder_exactly_fixed_norm": False,
        "sparsity_include_decoder_norm": True,
        "use_glu_encoder": False,
        "init_decoder_norm": 0.5,
        "init_encoder_norm": None,
        "init_encoder_with_decoder_transpose": True,
        "lp": 1,
        "l1_coefficient": 8e-05,
        "l1_coefficient_warmup_steps": 39062,
        "top_k": K,
        "k_warmup_steps": 39062,
        "use_batch_norm_mse": True,
        "use_ghost_grads": False,
        "tp_size": 1,
        "ddp_size": 1,
    }
    return {key: value for key, value in (base | own).items() if value != "leave out"}


def write_old(folder: Path, name: str, config: dict[str, Any], tensors: dict[str, torch.Tensor]) -> None:
    (folder / name / "checkpoints").mkdir(parents=True)
    (folder / name / "hyperparams.json").write_text(json.dumps(config, indent=4), encoding="utf-8")
    lm = {
        "device": "cuda:0",
        "seed": 42,
        "dtype": "torch.bfloat16",
        "model_name": MODEL,
        "model_from_pretrained_path": None,
        "use_flash_attn": False,
        "cache_dir": None,
        "d_model": D_IN,
        "local_files_only": False,
    }
    (folder / name / "lm_config.json").write_text(json.dumps(lm, indent=4), encoding="utf-8")
    save_file(tensors, folder / name / "checkpoints" / "final.safetensors", {"version": "0.0.0"})


def llama_scope(root: Path) -> None:
    entry: dict[str, Any] = {
        "family": "llama_scope",
        "layout": "hyperparams",
        "d_in": D_IN,
        "d_sae": D_SAE,
        "model": MODEL,
        "loader": OLD,
    }
    half = torch.bfloat16
    name = "Llama3_1-8B-Base-L18M-8x"
    hook = "blocks.18.hook_mlp_out"
    write_old(
        root / "lxm", name, old(hook, hook), {key: value.to(half) for key, value in linear(1, 0.6).items()}
    )
    expect(
        folder="openmoss/lxm",
        sae_id=name,
        architecture="jumprelu",
        hook=hook,
        layer=18,
        threshold="scalar",
        **entry,
    )

    name = "Llama3_1-8B-Base-L18TC-8x"
    hook = "blocks.18.ln2.hook_normalized"
    config = old(
        hook, "blocks.18.hook_mlp_out", init_encoder_norm=0.5, init_encoder_with_decoder_transpose=False
    )
    write_old(root / "lxtc", name, config, {key: value.to(half) for key, value in linear(2, 0.6).items()})
    expect(
        folder="openmoss/lxtc",
        sae_id=name,
        architecture="jumprelu_transcoder",
        hook=hook,
        layer=18,
        threshold="scalar",
        **entry,
    )

    # trained as TopK and not turned to JumpReLU: the threshold in the file is the default and means nothing
    name = "L6R-8x-topk"
    hook = "blocks.6.hook_resid_post"
    write_old(root / "topk", name, old(hook, hook, act_fn="topk", jump_relu_threshold=0.0), linear(3, 0.6))
    expect(folder="openmoss/topk", sae_id=name, architecture="topk", k=K, hook=hook, layer=6, **entry)

    # before act_fn was a key: ReLU, and two more tensors
    gone = dict.fromkeys(
        (
            "act_fn",
            "jump_relu_threshold",
            "bias_init_method",
            "top_k",
            "k_warmup_steps",
            "use_batch_norm_mse",
        ),
        "leave out",
    )
    name = "L9M"
    hook = "blocks.9.hook_mlp_out"
    tensors = linear(4) | {"feature_act_mask": torch.ones(D_SAE), "feature_act_scale": torch.ones(D_SAE)}
    write_old(root / "early_relu", name, old(hook, hook, **gone), tensors)
    expect(folder="openmoss/early_relu", sae_id=name, architecture="standard", hook=hook, layer=9, **entry)


def r1(root: Path) -> None:
    name = "400M-Slimpajama-400M-OpenR1-Math-220k/L10R"
    hook = "blocks.10.hook_resid_post"
    folder = root / "r1_distill" / name
    folder.mkdir(parents=True)
    config = {
        "sae_type": "sae",
        "hook_point_in": hook,
        "hook_point_out": hook,
        "d_model": D_IN,
        "expansion_factor": D_SAE // D_IN,
        "use_decoder_bias": True,
        "use_glu_encoder": False,
        "act_fn": "jumprelu",
        "jump_relu_threshold": 0.0,
        "apply_decoder_bias_to_pre_encoder": False,
        "norm_activation": "dataset-wise",
        "sparsity_include_decoder_norm": False,
        "force_unit_decoder_norm": False,
        "top_k": 50,
        "use_triton_kernel": True,
        "sparsity_threshold_for_triton_spmm_kernel": 0.99,
        "jumprelu_threshold_window": 2.0,
    }
    (folder / "config.json").write_text(json.dumps(config, indent=4), encoding="utf-8")
    tensors = linear(5)
    tensors["log_jumprelu_threshold"] = torch.from_numpy(weights(5)["threshold"]).log()
    tensors[f"dataset_average_activation_norm.{hook}"] = torch.tensor(12.25)
    save_file(tensors, folder / "sae_weights.safetensors", {"version": "0.1.0"})
    expect(
        folder="openmoss/r1_distill",
        sae_id=name,
        family="llama_scope",
        layout="config_linear",
        architecture="jumprelu",
        d_in=D_IN,
        d_sae=D_SAE,
        hook=hook,
        layer=10,
        threshold="log",
        loader="SAELens by release name (converter llama_scope_r1_distill)",
    )


def fill(model: torch.nn.Module, seed: int) -> None:
    """Values as training leaves them, by the shape that the class gives each tensor."""
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in model.named_parameters():
        values = torch.randn(parameter.shape, generator=generator)
        if "log_jumprelu_threshold" in name:
            values = 0.35 * values - 0.4
        elif name.split(".")[-1].startswith("W_D") or name.startswith("W_O"):
            values = (
                values
                / values.norm(dim=-1, keepdim=True)
                * torch.exp(0.1 * torch.randn((*values.shape[:-1], 1), generator=generator))
            )
        elif parameter.ndim > 1:
            values = values / parameter.shape[-2] ** 0.5
        else:
            values = -0.2 * values.abs()
        parameter.data.copy_(values)


def save(model: Any, folder: Path, norms: dict[str, float]) -> None:
    fill(model, zlib.crc32(folder.name.encode()))
    model.set_dataset_average_activation_norm(norms)
    model.save_pretrained(folder)
    model.cfg.save_hyperparameters(folder)
    LanguageModelConfig(model_name="EleutherAI/pythia-160m", device="cpu").save_lm_config(str(folder))


def newest(root: Path) -> None:
    entry: dict[str, Any] = {
        "family": "llama_scope",
        "layout": "config_w_e",
        "d_in": D_IN,
        "d_sae": D_SAE,
        "loader": NEW,
    }
    hook = "blocks.6.hook_resid_post"
    for act_fn, architecture, k, threshold in (
        ("relu", "standard", None, None),
        ("topk", "topk", K, None),
        ("batchtopk", "batchtopk", K, None),
        ("jumprelu", "jumprelu", None, "log"),
    ):
        cfg = SAEConfig(
            hook_point_in=hook,
            hook_point_out=hook,
            d_model=D_IN,
            expansion_factor=D_SAE / D_IN,
            act_fn=act_fn,
            top_k=K,
        )
        save(SparseAutoEncoder(cfg), root / f"new_{act_fn}", {hook: 14.5})
        expect(
            folder=f"openmoss/new_{act_fn}",
            architecture=architecture,
            k=k,
            hook=hook,
            layer=6,
            model="EleutherAI/pythia-160m",
            threshold=threshold,
            **entry,
        )

    hook_in, hook_out = "blocks.6.ln2.hook_normalized", "blocks.6.hook_mlp_out"
    cfg = SAEConfig(
        hook_point_in=hook_in,
        hook_point_out=hook_out,
        d_model=D_IN,
        expansion_factor=D_SAE / D_IN,
        act_fn="topk",
        top_k=K,
    )
    save(SparseAutoEncoder(cfg), root / "new_transcoder", {hook_in: 4.0, hook_out: 2.5})
    expect(
        folder="openmoss/new_transcoder",
        architecture="topk_transcoder",
        k=K,
        hook=hook_in,
        layer=6,
        model="EleutherAI/pythia-160m",
        **entry,
    )

    # recognised, not judged
    entry |= {"judged": False, "model": "EleutherAI/pythia-160m"}
    hooks = [f"blocks.{layer}.hook_resid_post" for layer in range(3)]
    ins, outs = (
        [f"blocks.{layer}.ln2.hook_normalized" for layer in range(3)],
        [f"blocks.{layer}.hook_mlp_out" for layer in range(3)],
    )
    cfg = CLTConfig(
        hook_points_in=ins, hook_points_out=outs, d_model=D_IN, expansion_factor=2, act_fn="topk", top_k=K
    )
    save(CrossLayerTranscoder(cfg), root / "clt", dict.fromkeys(ins + outs, 4.0))
    expect(
        folder="openmoss/clt",
        **(entry | {"family": "openmoss_clt", "architecture": "cross_layer_transcoder", "d_sae": 2 * D_IN}),
    )
    cfg = CrosscoderConfig(hook_points=hooks, d_model=D_IN, expansion_factor=2, act_fn="batchtopk", top_k=K)
    save(Crosscoder(cfg), root / "crosscoder", dict.fromkeys(hooks, 4.0))
    expect(
        folder="openmoss/crosscoder",
        **(entry | {"family": "openmoss_crosscoder", "architecture": "crosscoder", "d_sae": 2 * D_IN}),
    )
    cfg = LorsaConfig(
        hook_point_in="blocks.6.ln1.hook_normalized", hook_point_out="blocks.6.hook_attn_out", d_model=D_IN, expansion_factor=2, n_qk_heads=4,
        d_qk_head=8, rotary_dim=8, n_ctx=64, act_fn="topk", top_k=K,
    )  # fmt: skip
    save(LowRankSparseAttention(cfg), root / "lorsa", {cfg.hook_point_in: 4.0, cfg.hook_point_out: 2.5})
    expect(
        folder="openmoss/lorsa",
        hook=cfg.hook_point_in,
        layer=6,
        **(entry | {"family": "openmoss_lorsa", "architecture": "lorsa", "d_sae": 2 * D_IN}),
    )


if __name__ == "__main__":
    top = fresh("openmoss")
    llama_scope(top)
    r1(top)
    newest(top)
