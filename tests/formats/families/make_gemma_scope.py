"""Gemma Scope 1 (params.npz alone) and Gemma Scope 2 (config.json + params.safetensors).

Their training code is not public, so the folders are written by numpy and safetensors to the layout that public readers expect:
circuit-tracer 0.5.0 (transcoder/single_layer_transcoder.py, load_gemma_scope_transcoder and load_gemma_scope_2_transcoder),
sae-lens 6.54.12 (loading/pretrained_sae_loaders.py, gemma_2, gemma_2_transcoder and gemma_3) and SAEBench 0.6.0 (custom_saes/jumprelu_sae.py).

Run: python tests/formats/families/make_gemma_scope.py   (numpy 2.4, safetensors 0.8)
"""

from __future__ import annotations

import json

import numpy as np
from fixture_kit import D_IN, D_OUT, D_SAE, expect, fresh, weights
from safetensors.numpy import save_file

LOADER = "SAELens by release name (converter gemma_2)"
NPZ = ("W_enc", "W_dec", "b_enc", "b_dec", "threshold")


def one() -> None:
    """params.npz: no configuration, everything else stands in the path and in the repository's name."""
    root = fresh("gemma_scope")
    sae = {
        "family": "gemma_scope",
        "layout": "npz",
        "architecture": "jumprelu",
        "threshold": "values",
        "loader": LOADER,
        "d_in": D_IN,
        "d_sae": D_SAE,
    }
    for variant, path, seed, layer in (
        ("pt_res", "layer_20/width_16k/average_l0_71", 1, 20),
        ("pt_res", "layer_20/width_16k/average_l0_38", 2, 20),
        ("pt_res_embedding", "embedding/width_4k/average_l0_6", 3, None),
    ):
        folder = root / variant / path
        folder.mkdir(parents=True)
        tensors = weights(seed)
        np.savez(folder / "params.npz", **{name: tensors[name] for name in NPZ})
        expect(folder=f"gemma_scope/{variant}", sae_id=path, layer=layer, **sae)

    # a few public files have w_enc and w_dec: sae-lens renames them on reading
    path = "layer_10/width_131k/average_l0_18"
    (root / "lower_case" / path).mkdir(parents=True)
    tensors = weights(4)
    renamed = {name.replace("W_", "w_"): tensors[name] for name in NPZ}
    np.savez(root / "lower_case" / path / "params.npz", **renamed)
    expect(folder="gemma_scope/lower_case", sae_id=path, layer=10, **sae)

    # transcoders are told from SAEs by the repository's name alone, unless d_out differs
    for variant, d_out, seed in (("pt_transcoders", D_IN, 5), ("pt_transcoders_wide_out", D_OUT, 6)):
        path = "layer_5/width_16k/average_l0_87"
        (root / variant / path).mkdir(parents=True)
        tensors = weights(seed, d_out=d_out)
        np.savez(root / variant / path / "params.npz", **{name: tensors[name] for name in NPZ})
        entry = sae | {
            "architecture": "jumprelu_transcoder",
            "d_out": d_out,
            "loader": "SAELens by release name (converter gemma_2_transcoder), or circuit-tracer",
        }
        expect(folder=f"gemma_scope/{variant}", sae_id=path, layer=5, **entry)


def two() -> None:
    """config.json + params.safetensors: lower-case tensors, hook names of transformers, no d_in."""
    root = fresh("gemma_scope_2")
    before, after = (
        "model.layers.{}.pre_feedforward_layernorm.output",
        "model.layers.{}.post_feedforward_layernorm.output",
    )
    rows = (
        (
            "resid_post/layer_22_width_16k_l0_medium",
            22,
            "model.layers.{}.output",
            "model.layers.{}.output",
            False,
            "sae",
            D_IN,
        ),
        (
            "attn_out/layer_13_width_16k_l0_small",
            13,
            "model.layers.{}.self_attn.o_proj.input",
            "model.layers.{}.self_attn.o_proj.input",
            False,
            "sae",
            D_IN,
        ),
        ("mlp_out/layer_7_width_16k_l0_big", 7, after, after, False, "sae", D_IN),
        ("transcoder/layer_17_width_65k_l0_medium", 17, before, after, False, "transcoder", D_IN),
        ("transcoder/layer_17_width_65k_l0_medium_affine", 17, before, after, True, "transcoder", D_IN),
        # never seen with d_out other than d_in; here so that a swapped pair shows
        ("transcoder/layer_9_width_65k_l0_medium_affine", 9, before, after, True, "transcoder", D_OUT),
    )
    for seed, (path, layer, hook_in, hook_out, affine, kind, d_out) in enumerate(rows, 20):
        folder = root / "it" / path
        folder.mkdir(parents=True)
        config = {
            "hf_hook_point_in": hook_in.format(layer),
            "hf_hook_point_out": hook_out.format(layer),
            "width": D_SAE,
            "model_name": "google/gemma-3-1b-it",
            "architecture": "jump_relu",
            "l0": 4,
            "affine_connection": affine,
            "type": kind,
        }
        (folder / "config.json").write_text(json.dumps(config, indent=0) + "\n", encoding="utf-8")
        w = weights(seed, d_out=d_out)
        tensors = {
            "w_enc": w["W_enc"],
            "w_dec": w["W_dec"],
            "b_enc": w["b_enc"],
            "b_dec": w["b_dec"],
            "threshold": w["threshold"],
        }
        if affine:
            tensors["affine_skip_connection"] = np.ascontiguousarray(w["W_skip"].T)
        save_file(tensors, folder / "params.safetensors")
        architecture = (
            "jumprelu" if kind == "sae" else "jumprelu_skip_transcoder" if affine else "jumprelu_transcoder"
        )
        expect(
            folder="gemma_scope_2/it",
            sae_id=path,
            family="gemma_scope_2",
            layout="config_json",
            architecture=architecture,
            d_in=D_IN,
            d_sae=D_SAE,
            d_out=d_out,
            hook=config["hf_hook_point_in"],
            layer=layer,
            model="google/gemma-3-1b-it",
            threshold="values",
            loader="SAELens by release name (converter gemma_3)",
        )

    # some public folders came without config.json: sae-lens then reads hook and layer from the path
    folder = root / "no_config" / "transcoder_all/layer_3_width_16k_l0_small_affine"
    folder.mkdir(parents=True)
    w = weights(30)
    tensors = {
        "w_enc": w["W_enc"],
        "w_dec": w["W_dec"],
        "b_enc": w["b_enc"],
        "b_dec": w["b_dec"],
        "threshold": w["threshold"],
    }
    tensors["affine_skip_connection"] = np.ascontiguousarray(w["W_skip"].T)
    save_file(tensors, folder / "params.safetensors")
    expect(
        folder="gemma_scope_2/no_config",
        sae_id="transcoder_all/layer_3_width_16k_l0_small_affine",
        family="gemma_scope_2",
        layout="no_config",
        architecture="jumprelu_skip_transcoder",
        d_in=D_IN,
        d_sae=D_SAE,
        layer=3,
        threshold="values",
        loader="SAELens by release name (converter gemma_3)",
    )


if __name__ == "__main__":
    one()
    two()
