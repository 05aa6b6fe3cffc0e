"""Families that are named and not judged, one tiny folder each.

Overcomplete is written by overcomplete 0.3.0 itself (its image packages stand as empty modules, they do not touch what is saved), sparsify's
run configuration by eai-sparsify 1.3.3. The others follow the code that writes or reads them:
 crosscoders      science-of-finetuning's fork (jkminder/dictionary_learning 48debb2: CrossCoder, PyTorchModelHubMixin), and
                  ckkissane/crosscoder-model-diff-replication e221e8d (crosscoder.py: save, load_from_hf)
 Qwen-Scope       sae-lens 6.54.12, converter qwen_scope
 temporal         eslubana/TemporalFeatureAnalysis 0e1474e (sae/saeTemporal.py) by way of sae-lens 6.54.12, converter temporal
 saex             neverix/saex 4dc3ba5 (saex/sae.py: save, push_to_hub)
 saev             OSU-NLP-Group/saev 3d73f1f (src/saev/nn/modeling.py: dump)
 ViT-Prisma       soniajoseph/ViT-Prisma 6c19417 (sae/sae.py: save_model, sae/config.py: save_config)
 transformers     the configuration of Mayfull/CLIP_TopKSAE as pattern
 torch files      sae-lens 6.54.12, converters goodfire, deepseek_r1 and connor_rob_hook_z

Run: python tests/formats/families/make_recognised.py   (torch 2.13 on the CPU, safetensors 0.8, overcomplete 0.3.0, eai-sparsify 1.3.3)
"""

from __future__ import annotations

import json
import sys
import types
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import numpy as np
import torch
import yaml
from fixture_kit import D_IN, D_SAE, K, expect, fresh, weights
from safetensors.torch import save_file

HOOK = "blocks.14.hook_resid_pre"


def tensors(seed: int, **shape: Any) -> dict[str, torch.Tensor]:
    return {
        name: torch.from_numpy(np.ascontiguousarray(value)) for name, value in weights(seed, **shape).items()
    }


def write(path: Path, value: Any, indent: int | None = 2) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=indent), encoding="utf-8")


def note(folder: str, family: str, layout: str, architecture: str | None, loader: str, **more: Any) -> None:
    entry = {"d_in": D_IN, "d_sae": D_SAE} | more
    expect(
        folder=folder,
        family=family,
        layout=layout,
        architecture=architecture,
        loader=loader,
        judged=False,
        **entry,
    )


def pair(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Encoder [2, d_in, d_sae] and decoder [2, d_sae, d_in] over two models."""
    one, two = tensors(seed), tensors(seed + 1)
    return torch.stack([one["W_enc"], two["W_enc"]]), torch.stack([one["W_dec"], two["W_dec"]])


def crosscoders() -> None:
    root = fresh("crosscoder")
    encoder, decoder = pair(1)
    rest = tensors(1)
    folder = root / "hub_mixin"
    config = {
        "activation_dim": D_IN,
        "activation_mean": None,
        "activation_std": None,
        "code_normalization": "CROSSCODER",
        "code_normalization_alpha_cc": 0.1,
        "code_normalization_alpha_sae": 1.0,
        "dict_size": D_SAE,
        "encoder_layers": None,
        "init_with_transpose": True,
        "k": K,
        "latent_processor": None,
        "norm_init_scale": None,
        "num_decoder_layers": None,
        "num_layers": 2,
        "same_init_for_all_layers": False,
        "target_rms": None,
    }
    write(folder / "config.json", config)
    trainer = {"dict_class": "BatchTopKCrossCoder", "trainer_class": "BatchTopKCrossCoderTrainer", "activation_dim": D_IN, "dict_size": D_SAE, "k": K, "layer": 13, "lm_name": "google/gemma-2-2b-it-google/gemma-2-2b"}  # fmt: skip
    write(folder / "trainer_config.json", trainer)
    state = {
        "encoder.weight": encoder,
        "encoder.bias": rest["b_enc"],
        "decoder.weight": decoder,
        "decoder.bias": torch.stack([rest["b_dec"], -rest["b_dec"]]),
        "k": torch.tensor(K),
        "threshold": torch.tensor(0.62),
        "code_normalization_id": torch.tensor(0),
        # NormalizableMixin keeps these as NaN until it is told better
        "activation_mean": torch.full((2, D_IN), torch.nan),
        "activation_std": torch.full((2, D_IN), torch.nan),
        "activation_global_scale": torch.tensor(1.0),
    }
    save_file(state, folder / "model.safetensors", {"format": "pt"})
    note(
        "crosscoder/hub_mixin",
        "crosscoder",
        "hub_mixin",
        "crosscoder",
        "dictionary_learning (the fork with CrossCoder), CrossCoder.from_pretrained",
        k=K,
        threshold="scalar",
        layer=13,
    )

    folder = root / "two_models" / HOOK
    base = {"seed": 49, "batch_size": 4096, "buffer_mult": 128, "lr": 5e-05, "num_tokens": 400000000, "l1_coeff": 2, "beta1": 0.9, "beta2": 0.999, "d_in": D_IN, "dict_size": D_SAE, "seq_len": 1024, "enc_dtype": "fp32", "model_name": "gemma-2-2b", "site": "resid_pre", "device": "cuda:0", "model_batch_size": 4, "log_every": 100, "save_every": 30000, "dec_init_norm": 0.08, "hook_point": HOOK, "wandb_project": "crosscoder"}  # fmt: skip
    write(folder / "cfg.json", base, None)
    state = {
        "W_enc": encoder,
        "W_dec": decoder.transpose(0, 1).contiguous(),
        "b_enc": rest["b_enc"],
        "b_dec": torch.stack([rest["b_dec"], rest["b_dec"]]),
    }
    torch.save(state, folder / "cc_weights.pt")
    note(
        "crosscoder/two_models",
        "crosscoder",
        "cc_weights",
        "crosscoder",
        "the code of the crosscoder's own repository",
        sae_id=HOOK,
        hook=HOOK,
        layer=14,
        model="gemma-2-2b",
    )

    folder = root / "model_name_a"
    write(
        folder / "config.json",
        {
            "model_name_A": "gemma-2-2b",
            "model_name_B": "gemma-2-2b-it",
            "hook_point": HOOK,
            "d_in": D_IN,
            "dict_size": D_SAE,
            "l1_coeff": 2,
        },
        None,
    )
    torch.save(state, folder / "crosscoder.pt")
    note(
        "crosscoder/model_name_a",
        "crosscoder",
        "model_name_A",
        "crosscoder",
        "the code of the crosscoder's own repository",
        hook=HOOK,
    )


def torch_files() -> None:
    root = fresh("torch_files")
    for name in ("qwen_scope", "goodfire", "deepseek_r1", "connor_rob_hook_z/v9"):
        (root / name).mkdir(parents=True)
    for layer in (0, 1):
        w = tensors(10 + layer)
        state = {
            "W_enc": w["W_enc"].T.contiguous(),
            "W_dec": w["W_dec"].T.contiguous(),
            "b_enc": w["b_enc"],
            "b_dec": w["b_dec"],
        }
        torch.save(state, root / "qwen_scope" / f"layer{layer}.sae.pt")
        note(
            "torch_files/qwen_scope",
            "qwen_scope",
            "layerN.sae.pt",
            "topk",
            "SAELens by release name (converter qwen_scope)",
            sae_id=f"layer{layer}.sae",
            layer=layer,
        )
    w = tensors(12)
    state = {
        "encoder_linear.weight": w["W_enc"].T.contiguous(),
        "encoder_linear.bias": w["b_enc"],
        "decoder_linear.weight": w["W_dec"].T.contiguous(),
        "decoder_linear.bias": w["b_dec"],
    }
    torch.save(state, root / "goodfire" / "Llama-3.1-8B-Instruct-SAE-l19.pth")
    note(
        "torch_files/goodfire",
        "goodfire",
        "SAE-lN.pth",
        "standard",
        "SAELens by release name (converter goodfire)",
        sae_id="Llama-3.1-8B-Instruct-SAE-l19",
        layer=19,
    )
    state = {
        "encoder.weight": w["W_enc"].T.contiguous(),
        "encoder.bias": w["b_enc"],
        "decoder.weight": w["W_dec"].T.contiguous(),
        "decoder.bias": w["b_dec"],
    }
    torch.save(state, root / "deepseek_r1" / "DeepSeek-R1-Distill-Llama-8B-SAE-l19.pt")
    note(
        "torch_files/deepseek_r1",
        "deepseek_r1",
        "SAE-lN.pt",
        "standard",
        "SAELens by release name (converter deepseek_r1)",
        sae_id="DeepSeek-R1-Distill-Llama-8B-SAE-l19",
        layer=19,
    )
    stem = (
        root
        / "connor_rob_hook_z"
        / "v9"
        / "gpt2-small_L3_Hcat_z_lr1.20e-03_l11.80e+00_ds24576_bs4096_dc1.00e-06_rsanthropic_rie25000_nr4_v9"
    )
    torch.save({name: w[name] for name in ("W_enc", "W_dec", "b_enc", "b_dec")}, f"{stem}.pt")
    write(
        Path(f"{stem}_cfg.json"),
        {
            "seed": 49,
            "act_name": "blocks.3.attn.hook_z",
            "act_size": D_IN,
            "dict_size": D_SAE,
            "model_name": "gpt2-small",
            "layer": 3,
            "site": "z",
            "dict_mult": 4,
        },
        None,
    )
    note(
        "torch_files/connor_rob_hook_z",
        "connor_rob_hook_z",
        "pt_and_cfg",
        "standard",
        "SAELens by release name (converter connor_rob_hook_z)",
        sae_id=f"v9/{stem.name}",
        hook="blocks.3.attn.hook_z",
        layer=3,
        model="gpt2-small",
    )


def temporal() -> None:
    folder = fresh("temporal") / "layer_12" / "temporal"
    folder.mkdir(parents=True)
    conf = {
        "deploy": True,
        "seed": 42,
        "data": {
            "dtype": "bfloat16",
            "hf_name": "monology/pile-uncopyrighted",
            "context_length": 500,
            "batch_size": 100,
        },
        "llm": {"model_hf_name": "google/gemma-2-2b", "dimin": D_IN},
        "sae": {
            "sae_type": "temporal",
            "sae_diff_type": "topk",
            "tied_weights": True,
            "exp_factor": D_SAE // D_IN,
            "kval_topk": K,
            "n_heads": 2,
            "n_attn_layers": 1,
            "bottleneck_factor": 4,
            "scaling_factor": 0.00666666667,
        },
    }
    (folder / "conf.yaml").write_text(yaml.safe_dump(conf), encoding="utf-8")
    generator = torch.Generator().manual_seed(30)
    state = {"D": tensors(30)["W_dec"], "b": tensors(30)["b_dec"][None, :].contiguous()}
    for name, rows in (("k_ctx", D_SAE // 4), ("q_target", D_SAE // 4), ("v_ctx", D_SAE), ("c_proj", D_SAE)):
        state[f"attn_layers.0.{name}.weight"] = 0.1 * torch.randn(rows, D_SAE, generator=generator)
        state[f"attn_layers.0.{name}.bias"] = 0.01 * torch.randn(rows, generator=generator)
    save_file(
        {name: value.to(torch.bfloat16) for name, value in state.items()}, folder / "latest_ckpt.safetensors"
    )
    note(
        "temporal",
        "temporal",
        "conf_yaml",
        "temporal",
        "SAELens by release name (converter temporal)",
        sae_id="layer_12/temporal",
        k=K,
        layer=12,
        model="google/gemma-2-2b",
    )


def saex() -> None:
    root = fresh("saex")
    for name, transcoder, gated in (
        ("l12-test-run-4-3.94E-06", False, False),
        ("it-l14-transcoder-test-run-1-3.00E-06", True, True),
    ):
        folder = root / name
        write(
            folder / "cfg.json",
            {
                "d_in": D_IN,
                "dtype": "float32",
                "expansion_factor": 4,
                "l1_coefficient": 3e-06,
                "train_batch_size": 2048,
                "dead_feature_window": 2000,
                "use_ghost_grads": True,
                "d_sae": D_SAE,
            },
            None,
        )
        w = tensors(40 + transcoder)
        state = {key: w[key] for key in ("W_enc", "b_enc", "W_dec", "b_dec")} | {
            "scaling_factor": torch.ones(D_SAE)
        }
        # of an SAE that is not gated these two are there all the same, as they were made
        state |= {
            "s_gate": w["threshold"] if gated else torch.zeros(D_SAE),
            "b_gate": w["b_enc"].clone() if gated else torch.zeros(D_SAE),
        }
        state |= {
            "mean_norm": torch.tensor(31.5),
            "tgt_mean_norm": torch.tensor(7.75 if transcoder else 31.5),
        }
        save_file(state, folder / "sae_weights.safetensors")
        note("saex", "saex", "saelens_like", "gated" if gated else "standard", "saex", sae_id=name)


def vision() -> None:
    root = fresh("vision")
    w = tensors(50)
    four = {name: w[name] for name in ("W_enc", "b_enc", "W_dec", "b_dec")}

    # saev: a line of JSON, then what torch.save writes: no zip file from its first byte on
    (root / "saev").mkdir()
    cfg = {
        "d_model": D_IN,
        "d_sae": D_SAE,
        "activation": {"cls": "TopK", "params": {"key": "top-k", "top_k": K}},
        "reinit_blend": 0.8,
        "reinit_enc_dec_tranpose": True,
        "remove_parallel_grads": True,
        "normalize_w_dec": True,
    }
    with (root / "saev" / "sae.pt").open("wb") as file:
        file.write(
            json.dumps({"schema": 5, "cfg": cfg, "commit": "3d73f1f", "lib": "0.2.0"}).encode() + b"\n"
        )
        torch.save(four, file)
    run = {
        "data": {"shard_root": "./shards", "patches": "patches", "layer": -2, "clamp": 100000.0},
        "n_patches": 100000000,
        "sae": {
            "d_vit": D_IN,
            "exp_factor": 4,
            "sparsity_coeff": 0.0008,
            "ghost_grads": False,
            "normalize_w_dec": True,
            "seed": 153,
        },
        "lr": 0.001,
        "tag": "baseline",
    }
    write(root / "saev" / "config.json", run)
    note("vision/saev", "transformers_or_vision", "saev", "topk", "saev (saev.nn.load)", sae_id=".", k=K)

    # ViT-Prisma: {"cfg": an object of its own class, "state_dict"}; here without the object, which only its package can read
    folder = root / "vit_prisma" / "weights"
    folder.mkdir(parents=True)
    torch.save({"cfg": None, "state_dict": four}, folder / "n_images_1300020.pt")
    config = {"model_class_name": "HookedViT", "model_name": "open-clip:laion/CLIP-ViT-B-32-DataComp.XL-s13B-b90K", "vit_model_cfg": None, "hook_point_layer": 9, "layer_subtype": "hook_resid_post", "context_size": 50, "d_in": D_IN, "activation_fn_str": "relu", "activation_fn_kwargs": {}, "cls_token_only": False, "normalize_activations": "layer_norm", "architecture": "standard", "expansion_factor": 4, "d_sae": D_SAE, "l1_coefficient": 2e-05, "device": {"__type__": "torch.device", "value": "cuda"}, "dtype": {"__type__": "torch.dtype", "value": "torch.float32"}, "hook_point": "blocks.9.hook_resid_post"}  # fmt: skip
    write(root / "vit_prisma" / "config.json", config, 4)
    note(
        "vision/vit_prisma",
        "transformers_or_vision",
        "vit_prisma",
        "standard",
        "ViT-Prisma (SparseAutoencoder.load_from_pretrained)",
        sae_id=".",
        hook="blocks.9.hook_resid_post",
        layer=9,
        model=config["model_name"],
    )

    folder = root / "transformers"
    write(
        folder / "config.json",
        {
            "architectures": ["TopKSAE"],
            "dtype": "float32",
            "expansion_factor": 4,
            "hidden_size": D_IN,
            "k": K,
            "latent_size": 0,
            "model_type": "topk_sae",
            "multi_topk": False,
            "normalize_decoder": True,
            "transformers_version": "4.57.6",
        },
    )
    state = {
        "encoder.weight": w["W_enc"].T.contiguous(),
        "encoder.bias": w["b_enc"],
        "W_dec": w["W_dec"],
        "b_dec": w["b_dec"],
    }
    save_file(state, folder / "model.safetensors", {"format": "pt"})
    note(
        "vision/transformers",
        "transformers_or_vision",
        "model_type",
        "topk",
        "the code of its own repository",
        k=K,
    )


def overcomplete() -> None:
    for name in ("torchvision", "timm", "timm.data", "cv2", "overcomplete.visualization"):
        sys.modules[name] = MagicMock(__spec__=types.SimpleNamespace(name=name))
    from overcomplete.sae import JumpSAE, TopKSAE

    root = fresh("overcomplete")
    loader = "overcomplete: torch.load of the whole object, which runs code from the file"
    for name, cls, own, architecture in (
        ("topk", TopKSAE, {"top_k": K}, "topk"),
        ("jump", JumpSAE, {}, "jumprelu"),
    ):
        torch.manual_seed(60)
        model = cls(D_IN, D_SAE, **own)
        (root / name).mkdir()
        torch.save(model, root / name / "sae.pth")
        note(
            f"overcomplete/{name}",
            "overcomplete",
            "pickled_module",
            architecture,
            loader,
            k=own.get("top_k"),
            threshold="log" if name == "jump" else None,
        )
    (root / "state_dict").mkdir()
    torch.save(model.state_dict(), root / "state_dict" / "sae.pth")
    note(
        "overcomplete/state_dict",
        "overcomplete",
        "state_dict",
        "jumprelu",
        "overcomplete (JumpSAE.load_state_dict)",
        threshold="log",
    )


def sparsify_run() -> None:
    """Only the run's configuration: its own folder holds no SAE, whatever its key `sae` says."""
    from sparsify import SparseCoderConfig
    from sparsify.__main__ import RunConfig

    folder = fresh("sparsify_run")
    config = RunConfig(
        SparseCoderConfig(num_latents=D_SAE, k=K),
        hookpoints=["layers.3.mlp"],
        run_name="run",
        data_preprocessing_num_proc=4,
    )
    config.save_json(folder / "config.json")
    note(
        "sparsify_run",
        "sparsify",
        "run_config",
        None,
        "sparsify (SparseCoder.load_many on the folders below)",
        d_in=None,
        d_sae=None,
        d_out=None,
    )


if __name__ == "__main__":
    crosscoders()
    torch_files()
    temporal()
    saex()
    vision()
    sparsify_run()
    overcomplete()  # last: its stand-ins would break what is imported after it
