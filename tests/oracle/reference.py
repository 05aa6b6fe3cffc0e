"""What an SAE computes, by its definition, in numpy and float64; nothing here is taken from SAELens's code.

Standard: Bricken et al. 2023. Gated: arXiv:2404.16014. TopK: arXiv:2406.04093. JumpReLU: arXiv:2407.14435. BatchTopK: arXiv:2412.06410.
Transcoders: arXiv:2406.11944, with skip: arXiv:2501.18823. Matching pursuit: arXiv:2506.03093. AbsTopK: arXiv:2510.00404.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt
    from oracle.saes import Meant

    Array = npt.NDArray[np.float64]

ROWS, TOKENS, HEADS = 48, 12, 4
EPS = 1e-5


def inputs(meant: Meant) -> Array:
    """Fresh random activations in the form this SAE takes: (n, d_in), (n, heads, d_head) or (batch, tokens, d_in)."""
    d_in = meant.original.cfg.d_in
    x = 1.3 * np.random.default_rng(20).standard_normal((ROWS, d_in)) + 0.3
    if meant.options.get("reshape_activations") == "hook_z":
        return x.reshape(ROWS, HEADS, -1)
    return x.reshape(-1, TOKENS, d_in) if meant.architecture == "temporal" else x


def compute(meant: Meant, x: Array) -> tuple[Array, Array]:
    """Feature activations (n, d_sae) and reconstruction (n, d_out) of `x` (n, d_in)."""
    if meant.architecture == "temporal":
        return _itself(meant, x)
    weights = {name: tensor.double().numpy() for name, tensor in meant.tensors.items()}
    rows = x.reshape(len(x), -1)
    y, undo = _normalized(rows, meant.options)
    centred = y - weights["b_dec"] if meant.options["apply_b_dec_to_input"] else y
    if meant.architecture == "matching_pursuit":
        acts = np.stack([_pursued(row, weights["W_dec"], meant.options) for row in centred])
        offset = weights["b_dec"] if meant.options["apply_b_dec_to_input"] else 0.0
        return acts, undo(acts @ weights["W_dec"] + offset).reshape(x.shape)
    acts, decoder = _encoded(centred, weights, meant)
    out = acts @ decoder + weights["b_dec"]
    if "W_skip" in weights:
        out = out + rows @ weights["W_skip"].T
    return acts, undo(out).reshape(x.shape) if "transcoder" not in meant.architecture else out


def _encoded(x: Array, w: Mapping[str, Array], meant: Meant) -> tuple[Array, Array]:
    """Activations, and the decoder that belongs to them."""
    architecture, options = meant.architecture, meant.options
    if architecture == "gated":
        gate = x @ w["W_enc"] + w["b_gate"] > 0
        magnitude = np.maximum(x @ (w["W_enc"] * np.exp(w["r_mag"])) + w["b_mag"], 0)
        return gate * magnitude, w["W_dec"]
    pre, decoder = x @ w["W_enc"] + w["b_enc"], w["W_dec"]
    if options.get("rescale_acts_by_decoder_norm"):
        lengths = np.linalg.norm(decoder, axis=1)
        pre, decoder = pre * lengths, decoder / lengths[:, None]
    if architecture in {"batchtopk", "matryoshka_batchtopk"}:
        return np.maximum(pre, 0) * (pre > w["topk_threshold"]), decoder
    if architecture in {"topk", "abstopk"}:
        return _kept(pre, options["k"], signed=architecture == "abstopk"), decoder
    if "jumprelu" in architecture:
        return np.maximum(pre, 0) * (pre > w["threshold"]), decoder
    acts = np.maximum(pre, 0)
    return np.tanh(acts) if options.get("activation") == "tanh" else acts, decoder


def _kept(pre: Array, k: int, *, signed: bool) -> Array:
    """The k largest of each row (AbsTopK: by magnitude, with their sign; TopK: above 0)."""
    rank = np.abs(pre) if signed else pre
    chosen = np.argsort(-rank, axis=1)[:, :k]
    mask = np.zeros_like(pre)
    np.put_along_axis(mask, chosen, 1.0, axis=1)
    return mask * (pre if signed else np.maximum(pre, 0))


def _pursued(x: Array, dictionary: Array, options: Mapping[str, Any]) -> Array:
    """Greedily the atom most like the residual, until the residual is small, nothing new comes, or the steps are up."""
    acts, residual = np.zeros(len(dictionary)), x.copy()
    threshold = options.get("residual_threshold", 1e-2)
    for _ in range(options.get("max_iterations") or len(x)):
        fits = np.maximum(dictionary @ residual, 0)
        best = int(fits.argmax())
        new = acts[best] == 0 and fits[best] > 0
        acts[best] += fits[best]
        residual = residual - fits[best] * dictionary[best]
        if not new or np.linalg.norm(residual) < threshold:
            break
    return acts


def _normalized(x: Array, options: Mapping[str, Any]) -> tuple[Array, Any]:
    """The input as the SAE was trained to see it, and the way back."""
    kind = options["normalize_activations"]
    if "scale" in options:
        return x * options["scale"], lambda out: out / options["scale"]
    if kind == "layer_norm":
        mean, centred = x.mean(1, keepdims=True), x - x.mean(1, keepdims=True)
        std = centred.std(1, ddof=1, keepdims=True)
        return centred / (std + EPS), lambda out: out * std + mean
    if kind == "constant_norm_rescale":
        factor = np.sqrt(x.shape[1]) / np.linalg.norm(x, axis=1, keepdims=True)
        return x * factor, lambda out: out / factor
    return x, lambda out: out


def _itself(meant: Meant, x: Array) -> tuple[Array, Array]:
    """Temporal: the SAE in memory before it was saved."""
    import torch

    with torch.no_grad():
        rows = torch.from_numpy(x).to(meant.original.W_dec.dtype)
        return meant.original.encode(rows).double().numpy(), meant.original(rows).double().numpy()
