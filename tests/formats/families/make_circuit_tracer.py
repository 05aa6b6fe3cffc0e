"""Transcoders for circuit-tracer, written by circuit-tracer 0.5.0 itself (TranscoderSet.to_safetensors, CrossLayerTranscoder.to_safetensors).

The package writes no config.yaml for a folder of your own: the keys are those that load_transcoders reads (utils/hf_utils.py). The folders
named mwhanna_* follow sae-lens 6.54.12 (converter mwhanna_transcoder), which reads d_model and d_feature from wandb-config.yaml.

Run: python tests/formats/families/make_circuit_tracer.py   (torch 2.13 on the CPU, circuit-tracer 0.5.0, safetensors 0.8)
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from circuit_tracer.transcoder.activation_functions import JumpReLU
from circuit_tracer.transcoder.cross_layer_transcoder import CrossLayerTranscoder, load_clt
from circuit_tracer.transcoder.single_layer_transcoder import (
    SingleLayerTranscoder,
    TranscoderSet,
    load_relu_transcoder,
)
from fixture_kit import D_IN, D_OUT, D_SAE, K, expect, fresh, weights
from safetensors.torch import load_file, save_file

LOADER = "circuit-tracer (ReplacementModel.from_pretrained)"
CPU = torch.device("cpu")


def transcoders(layers: int, seed: int, *, jump: bool, skip: bool) -> TranscoderSet:
    made = {}
    for layer in range(layers):
        w = {name: torch.from_numpy(value) for name, value in weights(seed + layer).items()}
        activation: Any = JumpReLU(w["threshold"].clone(), 0.1) if jump else torch.nn.functional.relu
        one = SingleLayerTranscoder(
            D_IN, D_SAE, activation, layer, skip_connection=skip, device=CPU, dtype=torch.float32
        )
        with torch.no_grad():
            one.W_enc.copy_(w["W_enc"].T)
            one.W_dec.copy_(w["W_dec"] * torch.linspace(0.4, 1.6, D_SAE)[:, None])
            one.b_enc.copy_(w["b_enc"])
            one.b_dec.copy_(w["b_dec"])
            if skip:
                one.W_skip.copy_(w["W_skip"])
        made[layer] = one
    return TranscoderSet(made, "hook_resid_mid", "hook_mlp_out")


def config(folder: Path, **own: Any) -> None:
    keys = {
        "model_name": "meta-llama/Llama-3.2-1B",
        "model_kind": "transcoder_set",
        "feature_input_hook": "hook_resid_mid",
        "feature_output_hook": "hook_mlp_out",
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(keys | own, sort_keys=False), encoding="utf-8")


def note(folder: str, layer: int, **more: Any) -> None:
    entry: dict[str, Any] = {
        "family": "circuit_tracer",
        "layout": "layer_files",
        "architecture": "transcoder",
        "d_in": D_IN,
        "d_sae": D_SAE,
        "hook": "hook_resid_mid",
        "layer": layer,
        "model": "meta-llama/Llama-3.2-1B",
        "loader": LOADER,
    }
    expect(folder=f"circuit_tracer/{folder}", sae_id=f"layer_{layer}", **(entry | more))


def wandb(folder: Path, name: str) -> None:
    keys = {
        "d_model": {"value": D_IN},
        "d_feature": {"value": D_SAE},
        "batch_size": {"value": 4096},
        "lr": {"value": 0.0003},
        "_wandb": {"value": {"cli_version": "0.19.8"}},
    }
    (folder / name).write_text(yaml.safe_dump(keys), encoding="utf-8")


def main() -> None:
    root = fresh("circuit_tracer")
    for variant, jump, skip, architecture, seed in (
        ("relu", False, False, "transcoder", 1),
        ("relu_skip", False, True, "skip_transcoder", 11),
        ("jumprelu", True, False, "jumprelu_transcoder", 21),
        ("jumprelu_skip", True, True, "jumprelu_skip_transcoder", 31),
    ):
        transcoders(2, seed, jump=jump, skip=skip).to_safetensors(str(root / variant))
        config(root / variant)
        for layer in range(2):
            load_relu_transcoder(str(root / variant / f"layer_{layer}.safetensors"), layer, device=CPU)
            note(variant, layer, architecture=architecture, threshold="values" if jump else None)

    # a subfolder of a repository, and hooks as facebook/crv-8b-instruct-transcoders has them (there without k). 0.5.0 does not
    # know `activation` and `k`; its successor (commit 4bb8c0e of 2026-04) reads both, and writes `k` into the files
    folder = root / "topk_in_subfolder" / "transcoders"
    transcoders(2, 41, jump=False, skip=False).to_safetensors(str(folder))
    config(
        folder,
        model_name="meta-llama/Llama-3.1-8B-Instruct",
        feature_input_hook="mlp.hook_in",
        feature_output_hook="mlp.hook_out",
        activation="topk",
        k=K,
    )
    for layer in range(2):
        path = folder / f"layer_{layer}.safetensors"
        save_file(load_file(path) | {"k": torch.tensor(K)}, path)
        expect(
            folder="circuit_tracer/topk_in_subfolder",
            sae_id=f"transcoders/layer_{layer}",
            family="circuit_tracer",
            layout="layer_files",
            architecture="topk_transcoder",
            d_in=D_IN,
            d_sae=D_SAE,
            k=K,
            hook="mlp.hook_in",
            layer=layer,
            model="meta-llama/Llama-3.1-8B-Instruct",
            loader=LOADER,
        )

    # never seen with d_out other than d_in (the class has one d_model); here so that a swapped pair shows
    folder = root / "wide_out"
    folder.mkdir()
    w = weights(51, d_out=D_OUT)
    tensors = {
        "W_enc": np.ascontiguousarray(w["W_enc"].T),
        "W_dec": w["W_dec"],
        "b_enc": w["b_enc"],
        "b_dec": w["b_dec"],
        "W_skip": w["W_skip"],
    }
    save_file(
        {name: torch.from_numpy(value) for name, value in tensors.items()}, folder / "layer_0.safetensors"
    )
    config(folder)
    note("wide_out", 0, architecture="skip_transcoder", d_out=D_OUT)

    # mwhanna's: the same files, wandb's own configuration beside them, 16-bit weights
    for variant, name, seed in (
        ("mwhanna", "wandb-config.yaml", 61),
        ("mwhanna_misspelt", "wanb-config.yaml", 71),
    ):
        folder = root / variant
        transcoders(2, seed, jump=False, skip=False).to_safetensors(str(folder))
        for path in sorted(folder.glob("layer_*.safetensors")):
            save_file({key: value.to(torch.bfloat16) for key, value in load_file(path).items()}, path)
        wandb(folder, name)
        model = None
        if variant == "mwhanna":
            model = "Qwen/Qwen3-4B"
            config(
                folder, model_name=model, feature_input_hook="mlp.hook_in", feature_output_hook="mlp.hook_out"
            )
        for layer in range(2):
            hook = "mlp.hook_in" if model else None
            note(
                variant,
                layer,
                family="mwhanna_transcoder",
                layout="wandb_config",
                hook=hook,
                model=model,
                loader="circuit-tracer, or SAELens by release name (converter mwhanna_transcoder)",
            )

    # recognised, not judged: one decoder for each later layer
    for variant, activation in (("clt", "relu"), ("clt_jumprelu", "jump_relu")):
        clt = CrossLayerTranscoder(
            3, D_SAE // 2, D_IN, activation, lazy_decoder=False, device=CPU, dtype=torch.float32
        )
        generator = torch.Generator().manual_seed(81)
        for name, parameter in clt.named_parameters():
            values = torch.randn(parameter.shape, generator=generator)
            parameter.data.copy_(torch.exp(0.3 * values - 0.4) if "threshold" in name else 0.2 * values)
        clt.to_safetensors(str(root / variant))
        config(root / variant, model_name="google/gemma-2-2b", model_kind="cross_layer_transcoder")
        load_clt(str(root / variant), device=CPU)
        expect(
            folder=f"circuit_tracer/{variant}",
            family="cross_layer_transcoder",
            layout="W_enc_N",
            judged=False,
            architecture="cross_layer_transcoder",
            d_in=D_IN,
            d_sae=D_SAE // 2,
            model="google/gemma-2-2b",
            threshold="values" if activation == "jump_relu" else None,
            loader=LOADER,
        )

    # only a list of files that lie elsewhere: no weights here, so there is no SAE to judge
    folder = root / "list_only"
    folder.mkdir()
    config(
        folder,
        model_name="google/gemma-2-2b",
        feature_input_hook="ln2.hook_normalized",
        transcoders=[
            f"hf://google/gemma-scope-2b-pt-transcoders/layer_{layer}/width_16k/average_l0_{l0}/params.npz"
            for layer, l0 in ((0, 76), (1, 65))
        ],
    )
    expect(
        folder="circuit_tracer/list_only",
        family="circuit_tracer",
        layout="list",
        judged=False,
        model="google/gemma-2-2b",
        loader=LOADER,
    )


if __name__ == "__main__":
    main()
