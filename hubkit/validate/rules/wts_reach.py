"""WTS: what whole weights let an input reach, with `--deep`: latents that cannot fire, or cannot be kept from it, and inputs that change nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from hubkit.formats.sae import THRESHOLDED, TOPK, within
from hubkit.tensors.dtypes import CFG_NAMES
from hubkit.validate.deep import WholeWeights
from hubkit.validate.facts import SaeFacts
from hubkit.validate.finding import Found, Severity
from hubkit.validate.need import Need
from hubkit.validate.rule import sae_rule
from hubkit.validate.rules.thr_reach import BEYOND
from hubkit.validate.rules.thr_unlearned import thresholds
from hubkit.validate.rules.thr_values import NOTHING

REACH = 1e8
"""Norm of an input that none comes near to: the largest known, of massive activations, are some hundred thousand."""
SHARE = 1e-8
"""Of the norm of an encoder column: an input of norm 1 in a million dimensions still has pre-activations that are 10,000 times as large."""
ROUNDING = 2.0**-25
"""Of a value: half the distance to float32's next, at least."""
UNWRITTEN = 1e-12
"""Beside an input of norm 1: a ten-thousandth of float32's rounding, and far below what a transcoder's output is smaller than its input."""
RECTIFIED = THRESHOLDED | (TOPK - {"abstopk"}) | {"standard", "transcoder", "skip_transcoder", "gated"}
"""A latent whose pre-activation is negative is 0 in these. An AbsTopK keeps it."""
CHOOSING = frozenset(name for name in TOPK if not name.startswith("groupmax"))
"""They keep the k largest of a row, wherever these lie."""
DTYPES = {stated: dtype for dtype, stated in CFG_NAMES.items()}


@dataclass(frozen=True)
class _Path:
    """One line of pre-activations: a latent fires where `norms` (d_sae,) times an input's share along its column, plus `bias` (d_sae,), is above `bar`."""

    norms: Any
    bias: Any
    bar: Any = 0.0

    def highest(self, norm: float) -> Any:
        """(d_sae,) what no input of that norm gets above."""
        return self.bias + self.norms * norm

    def lowest(self, norm: float) -> Any:
        """(d_sae,) what no input of that norm gets below."""
        return self.bias - self.norms * norm


@sae_rule("WTS019", Severity.ERROR, Need.THRESHOLD | Need.WEIGHTS)
def out_of_reach(sae: SaeFacts) -> Iterator[Found]:
    """By its weights no latent can fire or be held back, no input changes what comes out, or nothing finite comes out.

    A pre-activation is at most the norm of the latent's encoder column times that of the input, plus its bias. Where that stays below the threshold (or 0, of a ReLU) for every input
    of a norm up to 1e8, a thousand times the largest known, the latent is 0 always: an encoder of zeros, a bias of -1e30; of a gated SAE its gate or its magnitude. All of them: the SAE gives b_dec for
    every input. A part of them may have been switched off on purpose; where more than half were, a note. The same the other way round: biases of 1e12, by which every latent
    fires for every input, or a TopK's by which the same k always win. A b_dec that leaves float32 no room for the input beside it, a decoder so short that nothing of its latents arrives,
    and an r_mag whose exponential is more than the format holds are errors too. A warning, where every threshold is below a hundred-millionth of its column's norm: it
    holds nothing back; where every gate is open always; and where every exponential of r_mag is 0. What the thresholds say by themselves is THR012's.
    """
    norms = sae.whole.norms("W_enc") if sae.whole else None
    if sae.whole is None or norms is None or not np.isfinite(norms).all():
        return
    yield from _lost(sae, sae.whole)
    factor = _magnitude(sae, sae.whole, norms)
    if factor is not None and (over := ~np.isfinite(norms * factor)).any():
        count, (dtype, _) = int(over.sum()), _computed_in(sae)
        yield Found(
            f"exp(r_mag) is more than {dtype} holds in {count:,} of {over.size:,} latents: NaN or infinity comes out",
            "save r_mag of the training again: a logarithm, near 0 as trained",
            **sae.in_weights("r_mag"),
            measured={"over": count, "n": int(over.size), "largest": float(sae.whole.vectors["r_mag"].max())},
            identity="magnitude",
        )
        return
    paths = _paths(sae, sae.whole, norms, factor)
    if not paths:
        return
    yield from _decided(sae, sae.whole, paths)
    yield from _unwritten(sae, sae.whole, paths[-1])
    if factor is not None and not factor.any() and (paths[-1].bias > 0).any():
        yield Found(
            f"exp(r_mag) is 0 in {_computed_in(sae)[0]} for all {factor.size:,} latents: an open one is its b_mag, whatever comes in",
            "save r_mag of the training again: a logarithm, near 0 as trained",
            **sae.in_weights("r_mag"),
            severity=Severity.WARNING,
            identity="magnitude",
        )


def _computed_in(sae: SaeFacts) -> tuple[str, str]:
    """The format of the latents as a configuration writes it, and as safetensors does: what the configuration says, else that of the encoder."""
    stored = sae.sae.tensors["W_enc"].info.dtype if "W_enc" in sae.sae.tensors else "F32"
    dtype = DTYPES.get(str(sae.sae.dtype), stored)
    return CFG_NAMES.get(dtype, "float32"), dtype


def _magnitude(sae: SaeFacts, whole: WholeWeights, norms: Any) -> Any:
    """(d_sae,) exp(r_mag) of a gated SAE in the format that it is computed in; infinite too where its product with the column is. None for others."""
    r_mag = whole.vectors.get("r_mag")
    if sae.architecture != "gated" or r_mag is None or r_mag.shape != norms.shape:
        return None
    if not np.isfinite(r_mag).all():  # WTS011
        return None
    dtype = _computed_in(sae)[1]
    with np.errstate(over="ignore"):
        factor = within(np.exp(r_mag), dtype)
        return np.where(np.isinf(within(norms * factor, dtype)) & (norms > 0), np.inf, factor)


def _paths(sae: SaeFacts, whole: WholeWeights, norms: Any, factor: Any) -> list[_Path]:
    """What a latent must be above to fire: its gate and its magnitude where it is gated, else the one that there is. Empty where the weights do not say."""
    if sae.architecture not in RECTIFIED | TOPK:
        return []
    if sae.architecture == "gated":
        gate, magnitude = whole.vectors.get("b_gate"), whole.vectors.get("b_mag")
        if factor is None or gate is None or magnitude is None:
            return []
        paths = [_Path(norms, gate), _Path(norms * factor, magnitude)]
    else:
        bias = whole.vectors.get("b_enc")
        values = thresholds(sae) if sae.architecture in THRESHOLDED else np.zeros(1)
        if bias is None or values is None or values.size not in {1, norms.size}:
            return []
        paths = [_Path(norms, bias, np.maximum(values, 0))]
    return paths if all(path.bias.shape == norms.shape for path in paths) else []


def _decided(sae: SaeFacts, whole: WholeWeights, paths: list[_Path]) -> Iterator[Found]:
    """Latents on which the weights decide, and not the input."""
    path = paths[-1]
    size, compared = int(path.norms.size), sae.architecture in THRESHOLDED
    before = whole.vectors.get("b_dec")
    norm = REACH + (
        float(np.linalg.norm(before)) if before is not None else 0.0
    )  # where b_dec is taken off first
    rectified = sae.architecture in RECTIFIED
    never = int(np.logical_or.reduce([one.highest(REACH) <= one.bar for one in paths]).sum()) * rectified
    always = np.logical_and.reduce([(one.lowest(norm) > one.bar) & (one.norms > 0) for one in paths])
    fires = int(always.sum()) * rectified
    place, values = sae.in_weights("W_enc"), path.bar
    measured = {
        "never": never,
        "n": size,
        "largest_norm": float(path.norms.max()),
        **({"largest_bias": float(path.bias.max())} if np.isfinite(path.bias).all() else {}),
    }
    told = compared and (values > BEYOND).mean() > 1 / 2  # by THR012
    if never * 2 > size and not told:
        all_of_them = never == size
        yield Found(
            f"no latent can fire: all {never:,} stay at 0 for every input of a norm up to {REACH:g}"
            if all_of_them
            else f"{never:,} of {size:,} latents cannot fire: they stay at 0 for every input of a norm up to {REACH:g}",
            "save the encoder, its bias and the thresholds of the training again"
            if all_of_them
            else "count them as dead in the card, or save the SAE without them (and with a smaller d_sae)",
            severity=None if all_of_them else Severity.NOTE,
            **place,
            measured=measured,
            identity="never",
        )
    elif _chosen_before(sae, whole, path, norm):
        yield Found(
            f"the biases choose the same {sae.sae.k:,} latents for every input of a norm up to {REACH:g}: no other is ever among the largest",
            "save the encoder and its bias of the training again",
            **sae.in_weights("b_enc"),
            measured=measured,
            identity="chosen",
        )
    elif fires == size or (fires * 2 > size and sae.architecture not in TOPK):
        yield Found(
            f"{fires:,} of {size:,} latents are above {'their thresholds' if compared else '0'} for every input of a norm up to {REACH:g}: their biases outweigh whatever comes in",
            "save the encoder, its bias and the thresholds of the training again"
            if fires == size
            else "say in the card that they are always on, or save the SAE without them (and with a smaller d_sae)",
            severity=None if fires == size else Severity.NOTE,
            **sae.in_weights("b_mag" if sae.architecture == "gated" else "b_enc"),
            measured=measured | {"always": fires},
            identity="always",
        )
    elif len(paths) > 1 and (paths[0].lowest(norm) > 0).all():
        yield Found(
            f"every gate is open for every input of a norm up to {REACH:g}: this computes a plain ReLU",
            "save the encoder and b_gate of the training again",
            severity=Severity.WARNING,
            **sae.in_weights("b_gate"),
            measured=measured,
            identity="held back",
        )
    elif compared and values.max() >= NOTHING and ((values > 0) & (values <= SHARE * path.norms)).all():
        yield Found(
            f"every threshold is below {SHARE:g} of the norm of its encoder column: it holds nothing back, and this computes a plain ReLU",
            "save the thresholds in the unit of the pre-activations; else train them again",
            severity=Severity.WARNING,
            confidence="medium",
            **sae.at_threshold(),
            measured=measured,
            identity="held back",
        )


def _chosen_before(sae: SaeFacts, whole: WholeWeights, path: _Path, norm: float) -> bool:
    """Whether k latents of a TopK are above all others whatever comes in, with and without the decoder's norms, by which some choose."""
    k, decoder = sae.sae.k, whole.norms("W_dec")
    if sae.architecture not in CHOOSING or k is None or not 1 <= k < path.norms.size or not path.norms.any():
        return False  # columns of zeros are WTS013's
    low, high = path.lowest(norm), path.highest(norm)
    if "abstopk" in str(sae.architecture):
        low, high = np.abs(path.bias) - path.norms * norm, np.abs(path.bias) + path.norms * norm
    weights = [1.0] if decoder is None or decoder.shape != low.shape else [1.0, decoder]
    return all(_apart(low * weight, high * weight, k) for weight in weights)


def _apart(low: Any, high: Any, k: int) -> bool:
    """Whether the k largest of `low` are above every other `high`, and above 0."""
    order = np.argsort(low)
    first, others = low[order[-k]], high[order[:-k]]
    return bool(np.isfinite(first) and first > max(0.0, float(others.max())))


def _lost(sae: SaeFacts, whole: WholeWeights) -> Iterator[Found]:
    """A b_dec beside which float32 keeps nothing of an input, neither taken off nor put back."""
    before = whole.vectors.get("b_dec")
    if before is None or _computed_in(sae)[1] == "F64":
        return
    lost = int((np.isfinite(before) & (np.abs(before) * ROUNDING > REACH)).sum())
    if lost:
        yield Found(
            f"b_dec has {lost:,} of {before.size:,} values beyond {REACH / ROUNDING:.2g}: beside them float32 keeps nothing of an input of a norm up to {REACH:g}",
            "save b_dec of the training again, in the unit of the activations",
            **sae.in_weights("b_dec"),
            measured={"lost": lost, "n": int(before.size)},
            identity="lost",
        )


def _unwritten(sae: SaeFacts, whole: WholeWeights, path: _Path) -> Iterator[Found]:
    """A decoder whose rows are not 0 and might as well be."""
    decoder = whole.norms("W_dec")
    if decoder is None or decoder.shape != path.norms.shape or not decoder.any():  # zeros are WTS012's
        return
    written = float((decoder * (path.norms + np.abs(path.bias))).sum())
    if written <= UNWRITTEN and path.norms.any():
        yield Found(
            f"the decoder's rows are too short to write anything: an input of norm 1 adds at most {written:.2g} to b_dec",
            "save the decoder of the training again",
            **sae.in_weights("W_dec"),
            measured={"written": written, "largest_row": float(decoder.max())},
            identity="unwritten",
        )
