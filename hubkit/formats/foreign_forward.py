"""What the SAEs of other libraries compute by their own code, in numpy and float64, over their own tensors as they store them.

Sources: dictionary_learning 0.1.0, dictionary.py (AutoEncoder, AutoEncoderNew, GatedAutoEncoder, JumpReluAutoEncoder) and trainers/top_k.py,
batch_top_k.py, matryoshka_batch_top_k.py; SAEBench 0.6.0, sae_bench/custom_saes/*.py; Qwen-Scope by SAELens's converter qwen_scope, the only published one.
Not all of them subtract b_dec from the input: AutoEncoderNew, both JumpReLU classes and Qwen-Scope do not. AutoEncoderTopK stores a threshold that its
encode does not read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from hubkit.formats.sae import Sae

Array = npt.NDArray[np.float64]
Tensors = Mapping[str, Array]
Outputs = tuple[Array, Array]
"""Latents (n, d_sae) and reconstruction (n, d_in)."""


@dataclass(frozen=True)
class Definition:
    """One class of another library, and what SAELens has for it."""

    written_as: str
    """The architecture of SAELens that computes the same."""
    subtracts: bool
    """Whether b_dec is subtracted from the input."""
    compute: Callable[[Tensors, Array, int], Outputs]
    """Its tensors by their own names, inputs (n, d_in), and k (0 where it has none)."""


def definition_of(sae: Sae) -> Definition | None:
    """By family, architecture and, where one architecture has two classes, by the tensors that only one of them has; None where nobody can tell."""
    own = {tensor.info.name for tensor in sae.tensors.values()}
    for (family, architecture, mark), definition in DEFINITIONS.items():
        if (family, architecture) == (sae.family.name, sae.architecture) and mark in own:
            return definition
    return None


def _relu(values: Array) -> Array:
    return np.maximum(values, 0.0)


def _kept(values: Array, k: int) -> Array:
    """The k largest of each row."""
    found = np.zeros_like(values)
    chosen = np.argsort(-values, axis=1, kind="stable")[:, :k]
    np.put_along_axis(found, chosen, np.take_along_axis(values, chosen, axis=1), axis=1)
    return found


def _linear(w: Tensors, latents: Array, bias: str) -> Outputs:
    return latents, latents @ w["decoder.weight"].T + w[bias]


def _matrices(w: Tensors, latents: Array) -> Outputs:
    return latents, latents @ w["W_dec"] + w["b_dec"]


def _auto_encoder(w: Tensors, x: Array, _: int) -> Outputs:
    return _linear(w, _relu((x - w["bias"]) @ w["encoder.weight"].T + w["encoder.bias"]), "bias")


def _auto_encoder_new(w: Tensors, x: Array, _: int) -> Outputs:
    return _linear(w, _relu(x @ w["encoder.weight"].T + w["encoder.bias"]), "decoder.bias")


def _gated_auto_encoder(w: Tensors, x: Array, _: int) -> Outputs:
    encoded = (x - w["decoder_bias"]) @ w["encoder.weight"].T
    gate = (encoded + w["gate_bias"] > 0).astype(np.float64)
    return _linear(w, gate * _relu(np.exp(w["r_mag"]) * encoded + w["mag_bias"]), "decoder_bias")


def _auto_encoder_top_k(w: Tensors, x: Array, k: int) -> Outputs:
    return _linear(w, _kept(_relu((x - w["b_dec"]) @ w["encoder.weight"].T + w["encoder.bias"]), k), "b_dec")


def _batch_top_k(w: Tensors, x: Array, _: int) -> Outputs:
    latents = _relu((x - w["b_dec"]) @ w["encoder.weight"].T + w["encoder.bias"])
    return _linear(w, latents * (latents > w["threshold"]), "b_dec")


def _matryoshka(w: Tensors, x: Array, _: int) -> Outputs:
    latents = _relu((x - w["b_dec"]) @ w["W_enc"] + w["b_enc"])
    return _matrices(w, latents * (latents > w["threshold"]))


def _jump_relu_auto_encoder(w: Tensors, x: Array, _: int) -> Outputs:
    before = x @ w["W_enc"] + w["b_enc"]
    return _matrices(w, _relu(before * (before > w["threshold"])))


def _bench_relu(w: Tensors, x: Array, _: int) -> Outputs:
    return _matrices(w, _relu((x - w["b_dec"]) @ w["W_enc"] + w["b_enc"]))


def _bench_top_k(w: Tensors, x: Array, k: int) -> Outputs:
    return _matrices(w, _kept(_relu((x - w["b_dec"]) @ w["W_enc"] + w["b_enc"]), k))


def _bench_jump_relu(w: Tensors, x: Array, _: int) -> Outputs:
    before = x @ w["W_enc"] + w["b_enc"]
    return _matrices(w, (before > w["threshold"]) * _relu(before))


def _bench_gated(w: Tensors, x: Array, _: int) -> Outputs:
    encoded = (x - w["b_dec"]) @ w["W_enc"]
    gate = (encoded + w["gate_bias"] > 0).astype(np.float64)
    return _matrices(w, gate * _relu(np.exp(w["r_mag"]) * encoded + w["b_mag"]))


def _qwen_scope(w: Tensors, x: Array, k: int) -> Outputs:
    latents = _kept(_relu(x @ w["W_enc"].T + w["b_enc"]), k)
    return latents, latents @ w["W_dec"].T + w["b_dec"]


DEFINITIONS: Mapping[tuple[str, str, str], Definition] = {
    ("dictionary_learning", "standard", "bias"): Definition("standard", True, _auto_encoder),
    ("dictionary_learning", "standard", "decoder.bias"): Definition("standard", False, _auto_encoder_new),
    ("dictionary_learning", "gated", "gate_bias"): Definition("gated", True, _gated_auto_encoder),
    ("dictionary_learning", "topk", "encoder.weight"): Definition("topk", True, _auto_encoder_top_k),
    ("dictionary_learning", "batchtopk", "encoder.weight"): Definition("jumprelu", True, _batch_top_k),
    ("dictionary_learning", "matryoshka_batchtopk", "W_enc"): Definition("jumprelu", True, _matryoshka),
    ("dictionary_learning", "jumprelu", "W_enc"): Definition("jumprelu", False, _jump_relu_auto_encoder),
    ("sae_bench", "standard", "W_enc"): Definition("standard", True, _bench_relu),
    ("sae_bench", "topk", "W_enc"): Definition("topk", True, _bench_top_k),
    ("sae_bench", "batchtopk", "W_enc"): Definition("jumprelu", True, _matryoshka),
    ("sae_bench", "jumprelu", "W_enc"): Definition("jumprelu", False, _bench_jump_relu),
    ("sae_bench", "gated", "gate_bias"): Definition("gated", True, _bench_gated),
    ("qwen_scope", "topk", "W_enc"): Definition("topk", False, _qwen_scope),
}
"""By family, architecture, and a tensor that the class has. SAEBench's BatchTopK computes what Matryoshka's whole does."""


def outputs(definition: Definition, tensors: Mapping[str, Any], x: Array, k: int | None) -> Outputs:
    """Latents and reconstruction by the library's own code."""
    return definition.compute(tensors, x, k or 0)
