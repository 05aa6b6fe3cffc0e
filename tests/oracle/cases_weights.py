"""Defects of the weights file."""

from __future__ import annotations

import io
import json
import struct
from typing import Any

from oracle.case import (
    Case,
    Draft,
    cast,
    each,
    every,
    extra,
    named,
    put,
    rename,
    tensor,
    weights_bytes,
    with_header,
)

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 12345\n"


def _set(value: float) -> Any:
    def change(found: Any) -> Any:
        found.view(-1)[5] = value
        return found

    return change


def _raised(found: Any) -> Any:
    found[:8] += 1e15
    return found


def _linear(draft: Draft) -> None:
    old = draft.tensors
    draft.tensors = {
        "encoder.weight": old["W_enc"].T,
        "encoder.bias": old["b_enc"],
        "decoder.weight": old["W_dec"].T,
        "decoder.bias": old["b_dec"],
    }


def _pickle(draft: Draft) -> None:
    import torch

    buffer = io.BytesIO()
    torch.save(draft.tensors, buffer)
    draft.weights_bytes = buffer.getvalue()
    draft.names["weights"] = "sae_weights.pt"


def _int8(found: Any) -> Any:
    import torch

    return (found * 40).round().clamp(-127, 127).to(torch.int8)


def _prefixed(draft: Draft) -> None:
    draft.tensors = {f"sae.{name}": value for name, value in draft.tensors.items()}


def _dead_row(found: Any) -> Any:
    found[3] = 0.0
    return found


def _hole(header: dict[str, Any]) -> dict[str, Any]:
    last = max(header, key=lambda name: header[name]["data_offsets"][1])
    return {name: value for name, value in header.items() if name != last}


def _shape(header: dict[str, Any]) -> dict[str, Any]:
    return {**header, "b_enc": {**header["b_enc"], "shape": [63]}}


def _twice(data: bytes) -> bytes:
    """The same entry for b_enc once more: which of the two counts depends on the reader."""
    (size,) = struct.unpack("<Q", data[:8])
    text = data[8 : 8 + size].rstrip()
    entry = b',"b_enc":' + json.dumps(json.loads(text)["b_enc"]).encode()
    header = text[:-1] + entry + b"}"
    header += b" " * (-len(header) % 8)
    return struct.pack("<Q", len(header)) + header + data[8 + size :]


def _sparsify(draft: Draft) -> None:
    draft.cfg = {
        "expansion_factor": 4,
        "normalize_decoder": True,
        "num_latents": 64,
        "k": 8,
        "signed": False,
        "d_in": 16,
    }
    old = draft.tensors
    draft.tensors = {
        "encoder.weight": old["W_enc"].T,
        "encoder.bias": old["b_enc"],
        "W_dec": old["W_dec"],
        "b_dec": old["b_dec"],
    }
    draft.names["weights"] = "sae.safetensors"


def _sparsity(name: str, length: int) -> Any:
    def mutate(draft: Draft) -> None:
        import torch
        from safetensors.torch import save

        draft.files["sparsity.safetensors"] = save({name: torch.zeros(length)})

    return mutate


def turned(*names: str) -> Any:
    """Transposed tensors."""
    return every(*[tensor(name, lambda t: t.T) for name in names])


TENSORS = [
    Case("topk with a threshold tensor", "topk", extra("threshold", "b_enc"), "!!!", "error WTS005", quick=True),
    Case("topk with a topk_threshold tensor", "topk", extra("topk_threshold", "b_enc", lambda t: t[0]), "!!!", "error WTS005"),
    Case("jumprelu without threshold", "jumprelu", rename(threshold=None), "!!!", "error WTS004", quick=True),
    Case("jumprelu with log_threshold instead", "jumprelu", rename(threshold="log_threshold"), "!!!", "error WTS004"),
    Case("jumprelu with log_threshold beside it", "jumprelu", extra("log_threshold", "threshold", lambda t: t.log()), "!!!", "error WTS005"),
    Case("jumprelu_skip_transcoder without threshold", "jumprelu_skip_transcoder", rename(threshold=None), "!!!", "error WTS004"),
    Case("skip_transcoder without W_skip", "skip_transcoder", rename(W_skip=None), "!!!", "error WTS004"),
    Case("skip_transcoder, W_skip transposed", "skip_transcoder", turned("W_skip"), "!!!", "error WTS007"),
    Case("threshold a scalar", "jumprelu", tensor("threshold", lambda t: t[0]), "!!!", "error WTS006", quick=True),
    Case("threshold of length 1", "jumprelu", tensor("threshold", lambda t: t[:1]), "!!!", "error WTS006"),
    Case("threshold [1, d_sae]", "jumprelu", tensor("threshold", lambda t: t[None]), "!!!", "error WTS006"),
    Case("gated with b_enc", "gated", extra("b_enc", "b_mag"), "!!!", "error WTS005", quick=True),
    Case("gated with dictionary_learning's names", "gated", rename(b_gate="gate_bias", b_mag="mag_bias"), "!!!", "error WTS004"),
    Case("gated without r_mag", "gated", rename(r_mag=None), "!!!", "error WTS004"),
    Case("nn.Linear's names", "topk", _linear, "!!!", "error WTS004"),
    Case("names with a prefix", "topk", _prefixed, "!!!", "error WTS004"),
    Case("a tensor more", "standard", extra("feature_scale", "b_enc"), "!!!", "error WTS005"),
    Case("b_dec_out in a standard", "standard", extra("b_dec_out", "b_dec"), "!!!", "error WTS005", quick=True),
    Case("scaling_factor of ones", "standard", extra("scaling_factor", "b_enc", lambda t: t * 0 + 1), "!==", gap="load_from_disk and from_pretrained take it out"),
    Case("scaling_factor not ones", "standard", extra("scaling_factor", "b_enc", lambda t: t * 0 + 2), "!!!", "error WTS005"),
    Case("matching_pursuit with W_enc", "matching_pursuit", extra("W_enc", "W_dec", lambda t: t.T), "!!!", "error WTS005"),
    Case("no tensors at all", "standard", lambda d: d.tensors.clear(), "!!!", "error WTS004"),
    Case("W_enc transposed", "topk", turned("W_enc"), "!!!", "error WTS007", quick=True),
    Case("W_dec transposed", "jumprelu", turned("W_dec"), "!!!", "error WTS007"),
    Case("both transposed", "jumprelu", turned("W_enc", "W_dec"), "!!!", "error WTS007"),
    Case("W_dec transposed in a transcoder", "transcoder", turned("W_dec"), "!!!", "error WTS007"),
    Case("d_in = d_sae, both transposed", "jumprelu, square", turned("W_enc", "W_dec"), "~~~", gap="no shape tells; a note (WTS007) says so"),
    Case("b_enc one too short", "standard", tensor("b_enc", lambda t: t[:-1]), "!!!", "error WTS006"),
    Case("b_dec of length d_sae", "standard", extra("b_dec", "b_enc"), "!!!", "error WTS006"),
    Case("W_enc [1, d_in, d_sae]", "standard", tensor("W_enc", lambda t: t[None]), "!!!", "error WTS006"),
    Case("padded to 72 latents", "standard", every(tensor("W_enc", lambda t: t.repeat(1, 2)[:, :72]), tensor("W_dec", lambda t: t.repeat(2, 1)[:72]), tensor("b_enc", lambda t: t.repeat(2)[:72])), "!!!", "error WTS006"),
]  # fmt: skip

DTYPES = [
    Case("bfloat16 weights, cfg float32", "jumprelu", each(cast("bfloat16")), "===", "warning WTS008", meant="file", quick=True),
    Case("float16 weights, cfg float32", "standard", each(cast("float16")), "===", "warning WTS008", meant="file"),
    Case("float32 weights, cfg bfloat16", "standard", put(dtype="bfloat16"), "~~=", "warning WTS008"),
    Case("float64 weights, cfg float32", "standard", each(cast("float64")), "===", "warning WTS008"),
    Case("mixed dtypes", "standard", tensor("W_enc", cast("bfloat16")), "===", "warning WTS008", meant="file"),
    Case("int8 weights without their scale", "standard", each(_int8), "~~~", "error WTS018"),
    Case("float8 weights, cfg float32", "standard", each(cast("float8_e4m3fn")), "===", "warning WTS008", meant="file"),
]  # fmt: skip

VALUES = [
    Case("NaN in W_enc", "standard", tensor("W_enc", _set(float("nan"))), "~~~", "error WTS011", quick=True),
    Case("NaN in W_dec, bfloat16", "jumprelu, bfloat16", tensor("W_dec", _set(float("nan"))), "~~~", "error WTS011"),
    Case("infinity in b_dec", "standard", tensor("b_dec", _set(float("inf"))), "~~~", "error WTS011"),
    Case("-infinity in b_enc: a latent that never fires", "standard", tensor("b_enc", _set(float("-inf"))), "~~~", "error WTS011"),
    Case("NaN in r_mag", "gated", tensor("r_mag", _set(float("nan"))), "~~~", "error WTS011"),
    Case("NaN in W_skip", "skip_transcoder", tensor("W_skip", _set(float("nan"))), "~~~", "error WTS011"),
    Case("NaN in an attention weight of temporal", "temporal", tensor("attn_layers.0.c_proj.weight", _set(float("nan"))), "~~~", "error WTS011"),
    Case("all weights 0", "standard", each(lambda t: t * 0), "~~~", "error WTS019, error WTS012"),
    Case("b_enc at -1e30: no latent fires", "standard", tensor("b_enc", lambda t: t * 0 - 1e30), "~~~", "error WTS019", quick=True),
    Case("b_gate at -1e20: no latent fires", "gated", tensor("b_gate", lambda t: t - 1e20), "~~~", "error WTS019", quick=True),
    Case("b_mag at -1e20: no latent fires", "gated", tensor("b_mag", lambda t: t - 1e20), "~~~", "error WTS019"),
    Case("r_mag at 200: its exponential is infinite", "gated", tensor("r_mag", lambda t: t + 200), "~~~", "error WTS019"),
    Case("r_mag at -300: its exponential is 0", "gated", tensor("r_mag", lambda t: t - 300), "~~~", "warning WTS019"),
    Case("b_gate at 1e20: every gate is open", "gated", tensor("b_gate", lambda t: t + 1e20), "~~~", "warning WTS019"),
    Case("b_enc at 1e12: every latent fires", "jumprelu", tensor("b_enc", lambda t: t + 1e12), "~~~", "error WTS019"),
    Case("k biases at 1e15: the same latents always", "topk", tensor("b_enc", _raised), "~~~", "error WTS019"),
    Case("b_dec at 1e18: no input is seen beside it", "jumprelu", tensor("b_dec", lambda t: t + 1e18), "~~~", "error WTS019"),
    Case("decoder rows of 1e-20", "standard", tensor("W_dec", lambda t: t * 1e-20), "~~~", "error WTS019"),
    Case("thresholds as BOOL", "jumprelu", tensor("threshold", lambda t: t > 0), "~~~", "error WTS018"),
    Case("thresholds as I32", "jumprelu", tensor("threshold", lambda t: (t * 10).int()), "~~~", "warning WTS018"),
    Case("every encoder column the same", "topk", tensor("W_enc", lambda t: t[:, :1].repeat(1, t.shape[1])), "~~~", "warning WTS013"),
    Case("W_dec 0", "jumprelu", tensor("W_dec", lambda t: t * 0), "~~~", "error WTS012"),
    Case("one decoder row 0", "jumprelu", tensor("W_dec", _dead_row), "~~~", "warning WTS012"),
    Case("one decoder row 1000 times too long", "standard", tensor("W_dec", lambda t: t * (1 + 999 * (t == t[7]).all(1, keepdim=True))), "~~~", "warning WTS012"),
    Case("W_enc scaled", "jumprelu", tensor("W_enc", lambda t: t * 3), "~~~", gap="any encoder is a possible encoder"),
]  # fmt: skip

FILES = [
    Case("no weights", "jumprelu", named(weights=""), "!!!", "error WTS001", quick=True),
    Case("weights called sae.safetensors", "jumprelu", named(weights="sae.safetensors"), "!!!", "error WTS001"),
    Case("weights called model.safetensors", "jumprelu", named(weights="model.safetensors"), "!!!", "error WTS001"),
    Case("weights a pickle", "jumprelu", _pickle, "!!!", "error WTS001", quick=True),
    Case("a pickle called sae_weights.safetensors", "jumprelu", every(_pickle, named(weights="sae_weights.safetensors")), "!!!", "error WTS003"),
    Case("a Git-LFS pointer", "jumprelu", weights_bytes(lambda _: POINTER), "!!!", "error WTS002", quick=True),
    Case("weights empty", "jumprelu", weights_bytes(lambda _: b""), "!!!", "error WTS003"),
    Case("weights cut off", "jumprelu", weights_bytes(lambda b: b[:-100]), "!!!", "error WTS003", quick=True),
    Case("cut off within the header", "jumprelu", weights_bytes(lambda b: b[:100]), "!!!", "error WTS003"),
    Case("bytes after the end", "jumprelu", weights_bytes(lambda b: b + b"\0" * 16), "!!!", "error WTS003"),
    Case("a header too large", "jumprelu", weights_bytes(lambda b: b"\xff" * 8 + b[8:]), "!!!", "error WTS003"),
    Case("a hole in the data", "jumprelu", weights_bytes(with_header(_hole)), "!!!", "error WTS003"),
    Case("a shape that contradicts its bytes", "jumprelu", weights_bytes(with_header(_shape)), "!!!", "error WTS003"),
    Case("an unknown dtype", "jumprelu", weights_bytes(with_header(lambda h: {**h, "b_enc": {**h["b_enc"], "dtype": "F31"}})), "!!!", "error WTS003"),
    Case("a tensor twice in the header", "jumprelu", weights_bytes(_twice), "===", "error WTS003"),
    Case("a tensor called ../b_enc", "jumprelu", rename(b_enc="../b_enc"), "!!!", "error WTS004, error WTS005"),
    Case("an HTML page instead of the weights", "jumprelu", weights_bytes(lambda _: b"<!doctype html><title>401</title>"), "!!!", "error WTS003"),
    Case("sparsity.safetensors with another key", "jumprelu", _sparsity("log_sparsity", 64), "==!", gap="SAELens reads it in from_pretrained only; hubkit has no rule for it"),
    Case("sparsity.safetensors of another length", "jumprelu", _sparsity("sparsity", 32), gap="returned beside the SAE and unused; hubkit has no rule for it"),
    Case("a folder of EleutherAI's sparsify", "topk, unit rows", _sparsify, "!!!", gap="another family's SAE, which a note (WTS015) names with its loader"),
    Case("weights of another SAE in the folder", "jumprelu", lambda d: d.tensors.update(W_enc=d.tensors["W_enc"].flip(1)), "~~~", gap="every random SAE looks like an SAE"),
]  # fmt: skip

CASES = [*TENSORS, *DTYPES, *VALUES, *FILES]
