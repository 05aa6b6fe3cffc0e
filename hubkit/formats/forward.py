"""What an SAE computes by its configuration and its tensors: the definition, in numpy and float64, as a check of what a loader makes of them.

Standard: Bricken et al. 2023. Gated: arXiv:2404.16014. TopK: arXiv:2406.04093. JumpReLU: arXiv:2407.14435. AbsTopK: arXiv:2510.00404.
Transcoders: arXiv:2406.11944, with skip: arXiv:2501.18823. Matching pursuit: arXiv:2506.03093.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from hubkit.formats.architectures import JUMPRELU, TOPK, TRANSCODERS

Array = npt.NDArray[np.float64]
EPS = 1e-5
DEFINED = {"standard", "gated", "matching_pursuit"} | TOPK | JUMPRELU | TRANSCODERS
"""The architectures that `forward` knows; temporal is not among them."""
NORMALISED = {"none", "layer_norm", "constant_norm_rescale"}
"""Normalisations that need nothing but the input. The others need factors that no published file holds."""


def forward(cfg: Mapping[str, Any], tensors: Mapping[str, Array], x: Array) -> tuple[Array, Array]:
    """Latents (n, d_sae) and reconstruction (n, d_out) of `x` (n, d_in). `cfg` has every key that counts (SAELens's own after loading).

    Raises KeyError for an architecture or normalisation that this module does not define.
    """
    architecture = cfg["architecture"]
    if architecture not in DEFINED or cfg["normalize_activations"] not in NORMALISED:
        raise KeyError(f"{architecture} with normalize_activations {cfg['normalize_activations']}")
    y, undo = _normalised(x, cfg["normalize_activations"])
    subtract = bool(cfg["apply_b_dec_to_input"]) and architecture not in TRANSCODERS
    sae_in = y - tensors["b_dec"] if subtract else y
    if architecture == "matching_pursuit":
        acts = np.stack([_pursue(row, tensors["W_dec"], cfg) for row in sae_in])
        return acts, undo(acts @ tensors["W_dec"] + (tensors["b_dec"] if subtract else 0.0))
    acts, decoder = _encode(sae_in, tensors, cfg)
    out = acts @ decoder + tensors["b_dec"]
    if architecture in TRANSCODERS:
        return acts, out + x @ tensors["W_skip"].T if "W_skip" in tensors else out
    return acts, undo(out)


def _encode(x: Array, w: Mapping[str, Array], cfg: Mapping[str, Any]) -> tuple[Array, Array]:
    """Latents, and the decoder that belongs to them."""
    architecture = cfg["architecture"]
    if architecture == "gated":
        gate = (x @ w["W_enc"] + w["b_gate"] > 0).astype(np.float64)
        return gate * np.maximum(x @ (w["W_enc"] * np.exp(w["r_mag"])) + w["b_mag"], 0), w["W_dec"]
    pre, decoder = x @ w["W_enc"] + w["b_enc"], w["W_dec"]
    if architecture in TOPK:
        if cfg.get("rescale_acts_by_decoder_norm"):
            norms = np.linalg.norm(decoder, axis=1)
            pre, decoder = pre * norms, decoder / norms[:, None]
        return _largest(pre, cfg["k"], signed=architecture == "abstopk"), decoder
    acts = np.maximum(pre, 0)
    return acts * (pre > w["threshold"]) if architecture in JUMPRELU else acts, decoder


def _largest(pre: Array, k: int, *, signed: bool) -> Array:
    """The k largest of each row, above 0; `signed`: by magnitude, with their sign."""
    rank = np.abs(pre) if signed else pre
    chosen = np.argpartition(-rank, k - 1, axis=1)[:, :k]
    mask = np.zeros_like(pre)
    np.put_along_axis(mask, chosen, 1.0, axis=1)
    return mask * (pre if signed else np.maximum(pre, 0))


def _pursue(x: Array, dictionary: Array, cfg: Mapping[str, Any]) -> Array:
    """Greedily the atom most like the residual, until the residual is small, nothing new comes, or the steps are up."""
    acts, residual = np.zeros(len(dictionary)), x.copy()
    for _ in range(cfg.get("max_iterations") or len(x)):
        fits = np.maximum(dictionary @ residual, 0)
        best = int(fits.argmax())
        new = acts[best] == 0 and fits[best] > 0
        acts[best] += fits[best]
        residual = residual - fits[best] * dictionary[best]
        if not new or np.linalg.norm(residual) < cfg.get("residual_threshold", 1e-2):
            break
    return acts


def _normalised(x: Array, kind: str) -> tuple[Array, Callable[[Array], Array]]:
    """The input as the SAE sees it, and the way back."""
    if kind == "layer_norm":
        mean, std = x.mean(1, keepdims=True), x.std(1, ddof=1, keepdims=True)
        return (x - mean) / (std + EPS), lambda out: out * std + mean
    if kind == "constant_norm_rescale":
        factor = np.sqrt(x.shape[1]) / np.linalg.norm(x, axis=1, keepdims=True)
        return x * factor, lambda out: out / factor
    return x, lambda out: out
