"""SAEs as other libraries leave them, in a few lines each, and what each library's own code computes, written latent by latent.

The formulas are those of the libraries' sources (named beside each), not of hubkit: no matrix product, no shared helper.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

D_IN, D_SAE, K = 12, 40, 4
FAMILIES = Path(__file__).parents[1] / "formats" / "families"

Row = list[float]
Own = Mapping[str, np.ndarray]


def numbers(seed: int = 0) -> dict[str, np.ndarray]:
    """Plausible weights in SAELens's orientation, float32, with decoder rows of norm 1."""
    rng = np.random.default_rng(seed)
    decoder = rng.standard_normal((D_SAE, D_IN))
    decoder /= np.linalg.norm(decoder, axis=1, keepdims=True)
    found = {
        "W_enc": decoder.T + 0.1 * rng.standard_normal((D_IN, D_SAE)),
        "W_dec": decoder,
        "b_enc": 0.1 * rng.standard_normal(D_SAE),
        "b_dec": 0.5 * rng.standard_normal(D_IN),
        "threshold": rng.uniform(0.1, 0.8, D_SAE),
    }
    return {name: value.astype(np.float32) for name, value in found.items()}


def sparsify(place: Path, cfg: Mapping[str, Any] = {}, **more: np.ndarray) -> Path:
    """A hook point of sparsify (SparseCoder.save_to_disk)."""
    w = numbers()
    place.mkdir(parents=True)
    tensors = {
        "encoder.weight": np.ascontiguousarray(w["W_enc"].T),
        "encoder.bias": w["b_enc"],
        "W_dec": w["W_dec"],
        "b_dec": w["b_dec"],
        **more,
    }
    save_file(tensors, place / "sae.safetensors")
    said = {"expansion_factor": 32, "num_latents": D_SAE, "k": K, "d_in": D_IN, **cfg}
    (place / "cfg.json").write_text(json.dumps(said), encoding="utf-8")
    return place


def flat(file: Path, kind: str = "topk", *, linear: bool = False, **changes: np.ndarray) -> Path:
    """Tensors and nothing else."""
    w = numbers() | changes
    if kind != "jumprelu":
        del w["threshold"]
    if linear:
        w["encoder.weight"] = np.ascontiguousarray(w.pop("W_enc").T)
        w["encoder.bias"] = w.pop("b_enc")
        w["decoder.weight"] = np.ascontiguousarray(w.pop("W_dec").T)
    file.parent.mkdir(parents=True, exist_ok=True)
    save_file(w, file)
    return file


def gemma(place: Path, **changes: np.ndarray) -> Path:
    """`params.npz` and nothing else."""
    place.mkdir(parents=True)
    np.savez(place / "params.npz", **(numbers() | changes))
    return place


def _encoded(matrix: np.ndarray, x: np.ndarray, bias: np.ndarray | None = None) -> Row:
    """One number a latent: the sum of x times its weights (matrix is (latents, d_in)), and its bias."""
    sums = [math.fsum(float(a) * float(b) for a, b in zip(weights, x, strict=True)) for weights in matrix]
    return sums if bias is None else [s + float(b) for s, b in zip(sums, bias, strict=True)]


def _decoded(latents: Row, matrix: np.ndarray, bias: np.ndarray) -> Row:
    """`matrix` is (latents, d_out)."""
    return [
        math.fsum(f * float(w) for f, w in zip(latents, column, strict=True)) + float(b)
        for column, b in zip(matrix.T, bias, strict=True)
    ]


def _top(values: Row, k: int) -> Row:
    """The k largest, and zeros."""
    kept = sorted(range(len(values)), key=lambda one: -values[one])[:k]
    return [value if one in kept else 0.0 for one, value in enumerate(values)]


def _relu(values: Row) -> Row:
    return [max(0.0, value) for value in values]


def auto_encoder(w: Own, x: np.ndarray, _: int) -> tuple[Row, Row]:
    """dictionary.py: AutoEncoder."""
    f = _relu(_encoded(w["encoder.weight"], x - w["bias"], w["encoder.bias"]))
    return f, _decoded(f, w["decoder.weight"].T, w["bias"])


def gated_auto_encoder(w: Own, x: np.ndarray, _: int) -> tuple[Row, Row]:
    """dictionary.py: GatedAutoEncoder."""
    encoded = _encoded(w["encoder.weight"], x - w["decoder_bias"])
    f = [
        max(0.0, math.exp(float(r)) * u + float(m)) if u + float(g) > 0 else 0.0
        for u, r, g, m in zip(encoded, w["r_mag"], w["gate_bias"], w["mag_bias"], strict=True)
    ]
    return f, _decoded(f, w["decoder.weight"].T, w["decoder_bias"])


def auto_encoder_top_k(w: Own, x: np.ndarray, k: int) -> tuple[Row, Row]:
    """trainers/top_k.py: AutoEncoderTopK, use_threshold=False."""
    f = _top(_relu(_encoded(w["encoder.weight"], x - w["b_dec"], w["encoder.bias"])), k)
    return f, _decoded(f, w["decoder.weight"].T, w["b_dec"])


def batch_top_k(w: Own, x: np.ndarray, _: int) -> tuple[Row, Row]:
    """trainers/batch_top_k.py: BatchTopKSAE, use_threshold=True."""
    f = _relu(_encoded(w["encoder.weight"], x - w["b_dec"], w["encoder.bias"]))
    f = [value if value > float(w["threshold"]) else 0.0 for value in f]
    return f, _decoded(f, w["decoder.weight"].T, w["b_dec"])


def matryoshka(w: Own, x: np.ndarray, _: int) -> tuple[Row, Row]:
    """trainers/matryoshka_batch_top_k.py, and SAEBench's BatchTopKSAE."""
    f = _relu(_encoded(w["W_enc"].T, x - w["b_dec"], w["b_enc"]))
    f = [value if value > float(w["threshold"]) else 0.0 for value in f]
    return f, _decoded(f, w["W_dec"], w["b_dec"])


def jump_relu(w: Own, x: np.ndarray, _: int) -> tuple[Row, Row]:
    """dictionary.py: JumpReluAutoEncoder; SAEBench's JumpReluSAE; Gemma Scope."""
    encoder = w["W_enc"] if "W_enc" in w else w["w_enc"]
    before = _encoded(encoder.T, x, w["b_enc"])
    f = [
        max(0.0, value) if value > float(t) else 0.0 for value, t in zip(before, w["threshold"], strict=True)
    ]
    out = _decoded(f, w["W_dec"] if "W_dec" in w else w["w_dec"], w["b_dec"])
    if "affine_skip_connection" in w:
        skip = _encoded(w["affine_skip_connection"].T, x)
        out = [one + other for one, other in zip(out, skip, strict=True)]
    return f, out


def bench_relu(w: Own, x: np.ndarray, _: int) -> tuple[Row, Row]:
    """SAEBench: relu_sae.py."""
    f = _relu(_encoded(w["W_enc"].T, x - w["b_dec"], w["b_enc"]))
    return f, _decoded(f, w["W_dec"], w["b_dec"])


def bench_top_k(w: Own, x: np.ndarray, k: int) -> tuple[Row, Row]:
    """SAEBench: topk_sae.py."""
    f = _top(_relu(_encoded(w["W_enc"].T, x - w["b_dec"], w["b_enc"])), k)
    return f, _decoded(f, w["W_dec"], w["b_dec"])


def sparse_coder(w: Own, x: np.ndarray, k: int) -> tuple[Row, Row]:
    """sparsify: SparseCoder.encode and decode, transcode=False."""
    f = _top(_relu(_encoded(w["encoder.weight"], x - w["b_dec"], w["encoder.bias"])), k)
    return f, _decoded(f, w["W_dec"], w["b_dec"])


def single_layer_transcoder(w: Own, x: np.ndarray, _: int) -> tuple[Row, Row]:
    """circuit-tracer: SingleLayerTranscoder."""
    before = _encoded(w["W_enc"], x, w["b_enc"])
    if "activation_function.threshold" in w:
        thresholds = np.broadcast_to(w["activation_function.threshold"].reshape(-1), (len(before),))
        f = [value if value > float(t) else 0.0 for value, t in zip(before, thresholds, strict=True)]
    else:
        f = _relu(before)
    out = _decoded(f, w["W_dec"], w["b_dec"])
    if "W_skip" in w:
        out = [one + other for one, other in zip(out, _encoded(w["W_skip"], x), strict=True)]
    return f, out


Reference = Callable[[Own, np.ndarray, int], tuple[Row, Row]]
DL, LAYER = "dictionary_learning", "resid_post_layer_3/trainer_0"
PLACES: dict[str, tuple[str, Reference, str]] = {
    f"{DL}/standard/{LAYER}": ("ae.pt", auto_encoder, "standard"),
    f"{DL}/standard_april_update/{LAYER}": ("ae.pt", auto_encoder, "standard"),
    f"{DL}/p_anneal/{LAYER}": ("ae.pt", auto_encoder, "standard"),
    f"{DL}/gated/{LAYER}": ("ae.pt", gated_auto_encoder, "gated"),
    f"{DL}/gated_anneal/{LAYER}": ("ae.pt", gated_auto_encoder, "gated"),
    f"{DL}/topk/{LAYER}": ("ae.pt", auto_encoder_top_k, "topk"),
    f"{DL}/batch_topk/{LAYER}": ("ae.pt", batch_top_k, "jumprelu"),
    f"{DL}/matryoshka_batch_topk/{LAYER}": ("ae.pt", matryoshka, "jumprelu"),
    f"{DL}/jumprelu/{LAYER}": ("ae.pt", jump_relu, "jumprelu"),
    "sae_bench/relu": ("ae.pt", bench_relu, "standard"),
    "sae_bench/topk": ("ae.pt", bench_top_k, "topk"),
    "sae_bench/batch_topk": ("ae.pt", matryoshka, "jumprelu"),
    "sae_bench/jumprelu": ("ae.pt", jump_relu, "jumprelu"),
    "sparsify/old/layers.6": ("sae.safetensors", sparse_coder, "topk"),
    "sparsify/sae_run/layers.3": ("sae.safetensors", sparse_coder, "topk"),
    "gemma_scope/pt_res/layer_20/width_16k/average_l0_71": ("params.npz", jump_relu, "jumprelu"),
    "gemma_scope/lower_case/layer_10/width_131k/average_l0_18": ("params.npz", jump_relu, "jumprelu"),
    "gemma_scope_2/it/resid_post/layer_22_width_16k_l0_medium": ("params.safetensors", jump_relu, "jumprelu"),
    "gemma_scope_2/it/transcoder/layer_9_width_65k_l0_medium_affine": (
        "params.safetensors", jump_relu, "jumprelu_skip_transcoder",
    ),
    "circuit_tracer/relu/layer_0": ("../layer_0.safetensors", single_layer_transcoder, "transcoder"),
    "circuit_tracer/relu_skip/layer_1": ("../layer_1.safetensors", single_layer_transcoder, "skip_transcoder"),
    "circuit_tracer/jumprelu/layer_1": ("../layer_1.safetensors", single_layer_transcoder, "jumprelu_transcoder"),
    "circuit_tracer/wide_out/layer_0": ("../layer_0.safetensors", single_layer_transcoder, "skip_transcoder"),
}  # fmt: skip
"""sae_id below FAMILIES to its weights, what its own code computes, and what SAELens calls that."""
