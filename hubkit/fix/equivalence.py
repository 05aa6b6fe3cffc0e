"""What an SAE computes, as far as a fix could change it: the configuration keys that count, the tensors as loaded, and outputs in numpy.

Source of the formulas: sae_lens 6.54.12, saes/standard_sae.py, jumprelu_sae.py, transcoder.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from hubkit.fix.content import widened
from hubkit.formats import architectures, saelens
from hubkit.tensors.dtypes import BITS, CFG_NAMES
from hubkit.validate.facts import WEIGHTS, SaeFacts
from hubkit.validate.rules.vocabulary import keys_of

if TYPE_CHECKING:
    import numpy.typing as npt

    from hubkit.repo.view import RepoView
    from hubkit.tensors.header import TensorInfo

Array = Any
DEFAULTS = {"apply_b_dec_to_input": True, "normalize_activations": "none", "reshape_activations": "none"}
NOT_COMPUTED = {"metadata", "device", "dtype"}
RELU = {"standard", "transcoder", "skip_transcoder"} | architectures.JUMPRELU
"""The architectures whose outputs `outputs` computes."""
ROWS = 16
ENDING = ".safetensors"
PART = 8 << 20
"""Bytes compared at a time."""
WIDE = {"float32": np.float32, "float64": np.float64, "float16": np.float16}


def loads(sae: SaeFacts) -> bool:
    """Whether SAELens's strict loading would take configuration and tensors as they are."""
    cfg, header = sae.cfg, sae.header
    if (
        cfg is None
        or header is None
        or sae.architecture is None
        or sae.weights is None
        or sae.weights.name != WEIGHTS
    ):
        return False
    if dtype_of(sae) not in saelens.DTYPES or "dtype" not in sae.raw:
        return False
    if sae.architecture in architectures.TRANSCODERS and cfg.effective.get("apply_b_dec_to_input", True):
        return False
    found = {name: info.shape for name, info in header.tensors.items() if name != "scaling_factor"}
    return saelens.shapes_of(cfg) == found


def dtype_of(sae: SaeFacts) -> str:
    """The dtype that cfg states, without `torch.`."""
    return str(sae.cfg.effective.get("dtype")).removeprefix("torch.") if sae.cfg else ""


def keys_that_count(sae: SaeFacts) -> dict[str, Any]:
    """What of the configuration decides the computation, as SAELens has it after its defaulting."""
    cfg = sae.cfg
    if cfg is None or sae.architecture is None:
        return {}
    counted = keys_of(sae.architecture) - NOT_COMPUTED
    given = {key: cfg.effective[key] for key in counted if key in cfg.effective}
    extras = {"rescale_acts_by_decoder_norm": False} if sae.architecture in architectures.TOPK else {}
    return {**DEFAULTS, **extras, **given, "dtype": dtype_of(sae)}


def same_tensors(before: RepoView, old: SaeFacts, after: RepoView, new: SaeFacts) -> bool:
    """Whether both files give the same bits on both ways of loading: cast to cfg's dtype, and cast to float32.

    A tensor whose dtype is kept is compared byte for byte; one that was widened must hold the same numbers, and must be no wider than both casts
    make it, so that nothing is rounded twice.
    """
    if old.header is None or new.header is None or old.header.tensors.keys() != new.header.tensors.keys():
        return False
    for name, info in old.header.tensors.items():
        other = new.header.tensors[name]
        if info.shape != other.shape:
            return False
        raw, now = _raw(before, old, info), _raw(after, new, other)
        if info.dtype != other.dtype:
            if not {info.dtype, other.dtype} <= CFG_NAMES.keys() or BITS[info.dtype] >= BITS[other.dtype]:
                return False
            if CFG_NAMES[other.dtype] != dtype_of(new):
                return False
            raw = widened(raw, info.dtype, other.dtype)
        if raw != now:
            return False
    return True


def other_bits(before: RepoView, old: SaeFacts, after: RepoView, new: SaeFacts) -> str | None:
    """Which tensor would have other bits under its SAELens name, or None.

    For weights that SAELens could not load, so that only values can be compared: of the tensors of a safetensors file that keep their format, their
    number of values and the order of those. One that is turned round, widened or repeated is what the fix is about.
    """
    for name, tensor in old.sae.tensors.items():
        other = new.sae.tensors.get(name)
        if other is None or not tensor.path.endswith(ENDING) or not other.path.endswith(ENDING):
            continue
        mine, theirs = tensor.info, other.info
        turned = mine.shape != theirs.shape and mine.shape == theirs.shape[::-1] and len(mine.shape) > 1
        if mine.dtype != theirs.dtype or mine.count != theirs.count or turned:
            continue
        for start in range(0, mine.stop - mine.start, PART):
            stop = min(start + PART, mine.stop - mine.start)
            one = before.read_range(tensor.path, mine.start + start, mine.start + stop)
            if one != after.read_range(other.path, theirs.start + start, theirs.start + stop):
                return f"{name} would have other bits"
    return None


def same_outputs(
    before: RepoView, old: SaeFacts, after: RepoView, new: SaeFacts, rows: int = ROWS
) -> bool | None:
    """Whether latents and reconstructions are the same bits on random inputs, and on zeros of both signs; None where numpy has no form of it.

    The inputs are scaled so that some of the pre-activations are tiny and some large.
    """
    if not {old.architecture, new.architecture} <= RELU or old.cfg is None:
        return None
    d_in = old.cfg.integer("d_in") or 0
    generator = np.random.default_rng(0)
    x = generator.standard_normal((rows, d_in)) * np.logspace(-6, 3, rows)[:, None]
    x = np.concatenate([x, np.zeros((1, d_in)), -np.zeros((1, d_in))])
    pairs = zip(outputs(before, old, x), outputs(after, new, x), strict=True)
    return all(a.dtype == b.dtype and a.tobytes() == b.tobytes() for a, b in pairs)


def outputs(view: RepoView, sae: SaeFacts, x: npt.NDArray[np.float64]) -> tuple[Array, Array]:
    """Latents (n, d_sae) and reconstruction (n, d_out) of the ReLU and JumpReLU families.

    relu(pre) for standard and transcoder, relu(pre) * (pre > threshold) for the jumprelu ones; pre = (x - b_dec) @ W_enc + b_enc. bfloat16 is
    computed in float32 and rounded where SAELens stores it: at the pre-activations, on which relu and mask are exact.
    """
    counted = keys_that_count(sae)
    form = WIDE.get(dtype_of(sae), np.float32)
    w = {
        name: _values(view, sae, info).astype(form)
        for name, info in (sae.header.tensors if sae.header else {}).items()
    }
    sae_in, undo = _normalised(x.astype(form), str(counted["normalize_activations"]))
    if counted["apply_b_dec_to_input"] and sae.architecture not in architectures.TRANSCODERS:
        sae_in = sae_in - w["b_dec"]
    pre = _stored(sae_in @ w["W_enc"] + w["b_enc"], sae)
    acts = activation(pre, w.get("threshold") if sae.architecture in architectures.JUMPRELU else None)
    out = acts @ w["W_dec"] + w["b_dec"]
    if "W_skip" in w:
        out = out + x.astype(form) @ w["W_skip"].T
    return acts, out if sae.architecture in architectures.TRANSCODERS else undo(out)


def activation(pre: Array, threshold: Array | None) -> Array:
    """relu(pre), and times (pre > threshold) where there is one. NaN stays NaN in both.

    With a threshold of 0 the two are the same bits: for pre > 0 the mask is 1 and x * 1 is x; for pre <= 0, and for -0.0, relu gives a zero and zero
    times 0 is that zero. relu(NaN) is NaN, its mask is 0, and NaN * 0 is NaN (its payload may differ: torch drops it in some of its bfloat16
    loops). A threshold of -0.0 compares as 0.0. The tests try every float16 and bfloat16, in numpy and in torch.
    """
    relu = np.maximum(pre, pre.dtype.type(0))
    return relu if threshold is None else relu * (pre > threshold).astype(pre.dtype)


def _normalised(x: Array, kind: str) -> tuple[Array, Any]:
    if kind == "layer_norm":
        mean = x.mean(-1, keepdims=True)
        std = x.std(-1, keepdims=True, ddof=1)
        return (x - mean) / (std + x.dtype.type(1e-5)), lambda out: out * std + mean
    if kind == "constant_norm_rescale":
        norms = np.linalg.norm(x, axis=-1, keepdims=True)
        scale = x.dtype.type(x.shape[-1] ** 0.5) / np.where(norms == 0, 1, norms).astype(x.dtype)
        return x * scale, lambda out: out / scale
    return x, lambda out: out


def _stored(values: Array, sae: SaeFacts) -> Array:
    """Rounded to bfloat16, ties to even, where the SAE is computed in it."""
    if dtype_of(sae) != "bfloat16":
        return values
    bits = values.astype(np.float32).view(np.uint32)
    rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) & np.uint32(0xFFFF0000)
    return np.where(np.isnan(values), values, rounded.astype(np.uint32).view(np.float32))


def _raw(view: RepoView, sae: SaeFacts, info: TensorInfo) -> bytes:
    return view.read_range(sae.weights.path if sae.weights else "", info.start, info.stop)


def _values(view: RepoView, sae: SaeFacts, info: TensorInfo) -> Array:
    raw = _raw(view, sae, info)
    if info.dtype == "BF16":
        return np.frombuffer(widened(raw, "BF16", "F32"), "<f4").reshape(info.shape)
    return np.frombuffer(raw, {"F64": "<f8", "F32": "<f4", "F16": "<f2"}[info.dtype]).reshape(info.shape)


def differing(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """The keys on which two configurations differ, types included."""
    return sorted(
        key
        for key in old.keys() | new.keys()
        if key not in old or key not in new or old[key] != new[key] or type(old[key]) is not type(new[key])
    )
