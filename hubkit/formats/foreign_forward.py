"""What the SAEs of other libraries compute by their own code, in numpy and float64, over their own tensors as they store them.

Sources: dictionary_learning 0.1.0, dictionary.py (AutoEncoder, AutoEncoderNew, GatedAutoEncoder, JumpReluAutoEncoder) and trainers/top_k.py,
batch_top_k.py, matryoshka_batch_top_k.py; SAEBench 0.6.0, sae_bench/custom_saes/*.py; sparsify 1.3.3, sparse_coder.py and fused_encoder.py; Gemma Scope and
Qwen-Scope by SAELens's converters gemma_2, gemma_3 and qwen_scope, the only published ones; circuit-tracer 0.5.0, transcoder/single_layer_transcoder.py.
Not all of them subtract b_dec from the input: AutoEncoderNew, every JumpReLU class, Gemma Scope, Qwen-Scope and all transcoders do not. AutoEncoderTopK
stores a threshold that its encode does not read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
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
    unread: frozenset[str] = frozenset()
    """Tensors, by their own names, that its files have and its computation does not read: what SAELens has no place for may be left out."""


def definition_of(sae: Sae) -> Definition | None:
    """By family, architecture and, where one architecture has two classes, by the tensors that only one of them has; None where nobody can tell."""
    own = {tensor.info.name for tensor in sae.tensors.values()}
    for (family, architecture, mark), definition in DEFINITIONS.items():
        if (family, architecture) == (sae.family.name, sae.architecture) and (not mark or mark in own):
            return definition
    return None


def stated_definition(sae: Sae, *, subtracts: bool) -> Definition:
    """Of tensors that nobody's configuration explains: what a person says that they compute. `sae` has the architecture that was said.

    The tensors are read by their own names, each the way round that its file has it. Raises KeyError for an architecture that is not STATED.
    """
    names = {name: (tensor.info.name, tensor.transposed) for name, tensor in sae.tensors.items()}
    activation = STATED[str(sae.architecture)]
    return Definition(str(sae.architecture), subtracts, partial(_stated, names, activation, subtracts), BATCH)


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


def _sparsify(w: Tensors, x: Array, k: int) -> Outputs:
    return _matrices(w, _kept(_relu((x - w["b_dec"]) @ w["encoder.weight"].T + w["encoder.bias"]), k))


def _sparsify_signed(w: Tensors, x: Array, k: int) -> Outputs:
    """`signed: true` of 2024: no ReLU, and the k of largest magnitude."""
    before = (x - w["b_dec"]) @ w["encoder.weight"].T + w["encoder.bias"]
    return _matrices(w, before * (_kept(np.abs(before), k) > 0))


def _jump(before: Array, threshold: Array) -> Array:
    return _relu(before) * (before > threshold)


def _gemma_scope(w: Tensors, x: Array, _: int) -> Outputs:
    """The file's names are W_enc, w_enc, wenc or w_e; with an affine skip (d_in, d_out) where there is one."""
    encoder = next(w[name] for name in ("W_enc", "w_enc", "wenc", "w_e") if name in w)
    decoder = next(w[name] for name in ("W_dec", "w_dec", "wdec", "w_d") if name in w)
    latents = _jump(x @ encoder + w["b_enc"], w["threshold"])
    out = latents @ decoder + w["b_dec"]
    return latents, out + x @ w["affine_skip_connection"] if "affine_skip_connection" in w else out


def _circuit_tracer(w: Tensors, x: Array, _: int) -> Outputs:
    """F.linear of W_enc (d_sae, d_in); W_dec is (d_sae, d_out), before version 0.2 the other way round."""
    before = x @ w["W_enc"].T + w["b_enc"]
    threshold = w.get("activation_function.threshold")
    latents = _relu(before) if threshold is None else before * (before > threshold)
    decoder = w["W_dec"] if len(w["W_dec"]) == len(w["b_enc"]) else w["W_dec"].T
    out = latents @ decoder + w["b_dec"]
    return latents, out + x @ w["W_skip"].T if "W_skip" in w else out


def _qwen_scope(w: Tensors, x: Array, k: int) -> Outputs:
    latents = _kept(_relu(x @ w["W_enc"].T + w["b_enc"]), k)
    return latents, latents @ w["W_dec"].T + w["b_dec"]


def _top(before: Array, w: Tensors, k: int) -> Array:
    del w
    return _kept(_relu(before), k)


def _stated(
    names: Mapping[str, tuple[str, bool]],
    activation: Callable[[Array, Tensors, int], Array] | None,
    subtracts: bool,
    own: Tensors,
    x: Array,
    k: int,
) -> Outputs:
    """By the formula of the architecture; `activation` is None for gated."""
    w = {name: own[said].T if turned else own[said] for name, (said, turned) in names.items()}
    encoded = (x - w["b_dec"] if subtracts else x) @ w["W_enc"]
    if activation is None:
        latents = (encoded + w["b_gate"] > 0) * _relu(np.exp(w["r_mag"]) * encoded + w["b_mag"])
    else:
        latents = activation(encoded + w["b_enc"], w, k)
    return latents, latents @ w["W_dec"] + w["b_dec"]


STATED: Mapping[str, Callable[[Array, Tensors, int], Array] | None] = {
    "standard": lambda before, w, k: _relu(before),  # noqa: ARG005
    "topk": _top,
    "jumprelu": lambda before, w, k: _jump(before, w["threshold"]),  # noqa: ARG005
    "gated": None,
}
"""What a person may say of tensors without a configuration, and the activation of each."""

TOP_K, BATCH = frozenset({"k", "threshold"}), frozenset({"k"})
DEFINITIONS: Mapping[tuple[str, str, str], Definition] = {
    ("dictionary_learning", "standard", "bias"): Definition("standard", True, _auto_encoder),
    ("dictionary_learning", "standard", "decoder.bias"): Definition("standard", False, _auto_encoder_new),
    ("dictionary_learning", "gated", "gate_bias"): Definition("gated", True, _gated_auto_encoder),
    ("dictionary_learning", "topk", "encoder.weight"): Definition("topk", True, _auto_encoder_top_k, TOP_K),
    ("dictionary_learning", "batchtopk", "encoder.weight"): Definition("jumprelu", True, _batch_top_k, BATCH),
    ("dictionary_learning", "matryoshka_batchtopk", "W_enc"): Definition(
        "jumprelu", True, _matryoshka, BATCH | {"group_sizes"}
    ),
    ("dictionary_learning", "jumprelu", "W_enc"): Definition("jumprelu", False, _jump_relu_auto_encoder),
    ("sae_bench", "standard", "W_enc"): Definition("standard", True, _bench_relu),
    ("sae_bench", "topk", "W_enc"): Definition("topk", True, _bench_top_k, BATCH),
    ("sae_bench", "batchtopk", "W_enc"): Definition("jumprelu", True, _matryoshka, BATCH),
    ("sae_bench", "jumprelu", "W_enc"): Definition("jumprelu", False, _bench_jump_relu),
    ("sae_bench", "gated", "gate_bias"): Definition("gated", True, _bench_gated),
    ("sparsify", "topk", "encoder.weight"): Definition("topk", True, _sparsify),
    ("sparsify", "abstopk", "encoder.weight"): Definition("abstopk", True, _sparsify_signed),
    ("qwen_scope", "topk", "W_enc"): Definition("topk", False, _qwen_scope),
    **{
        (family, kind, ""): Definition(kind, False, _gemma_scope)
        for family in ("gemma_scope", "gemma_scope_2")
        for kind in ("jumprelu", "jumprelu_transcoder", "jumprelu_skip_transcoder")
    },
    **{
        (family, kind, ""): Definition(kind, False, _circuit_tracer)
        for family in ("circuit_tracer", "mwhanna_transcoder")
        for kind in ("transcoder", "skip_transcoder", "jumprelu_transcoder", "jumprelu_skip_transcoder")
    },
}
"""By family, architecture, and a tensor that the class has (empty: any). SAEBench's BatchTopK computes what Matryoshka's whole does."""


def outputs(definition: Definition, tensors: Mapping[str, Any], x: Array, k: int | None) -> Outputs:
    """Latents and reconstruction by the library's own code."""
    return definition.compute(tensors, x, k or 0)
