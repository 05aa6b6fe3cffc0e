"""THR: thresholds that no pre-activation is near to, so that the comparison decides nothing; and with `--deep` the same of latents by their weights."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from hubkit.formats.sae import THRESHOLDED, TOPK
from hubkit.validate.facts import SaeFacts
from hubkit.validate.finding import Found, Severity
from hubkit.validate.need import Need
from hubkit.validate.rule import sae_rule
from hubkit.validate.rules.thr_unlearned import found, set_not_learned, thresholds
from hubkit.validate.rules.thr_values import MOSTLY, NOTHING

ZERO = 1e-12
"""Below this no scale of activations helps."""
BEYOND = 1e12
"""Larger than any activation of any model, massive ones included, a million times over."""
REACH = 1e8
"""Norm of an input that none comes near to: the largest known, of massive activations, are some hundred thousand."""
SHARE = 1e-8
"""Of the norm of an encoder column: an input of norm 1 in a million dimensions still has pre-activations that are 10,000 times as large."""
RECTIFIED = THRESHOLDED | (TOPK - {"abstopk"}) | {"standard", "transcoder", "skip_transcoder"}
"""A latent whose pre-activation is negative is 0 in these. An AbsTopK keeps it."""


@sae_rule("THR012", Severity.ERROR, Need.THRESHOLD)
def decides_nothing(sae: SaeFacts) -> Iterator[Found]:
    """The thresholds are so small, or so large, that comparing with them decides nothing.

    All below 1e-7: in all but name a plain ReLU, as with thresholds of 0 (THR001); a warning down to 1e-12, for activations of a scale that nobody has seen are not
    impossible. All above 1e12: no latent ever fires, and the SAE gives b_dec for every input. Larger ones are also a way to switch latents off: where
    more than half are so, a note, and a warning beyond three quarters. Usually a logarithm was taken, or undone, once too often, or the scale of the activations too.
    """
    values = thresholds(sae)
    if values is None:
        return
    high, off = float(values.max()), int((values > BEYOND).sum())
    if 0 < high < NOTHING:
        yield found(
            sae,
            f"{_range(values)}, below every pre-activation that is not 0: a plain ReLU in all but name",
            "train longer, or with a smaller k: the running threshold is the smallest activation that was kept"
            if set_not_learned(sae)
            else "save the thresholds in the unit of the pre-activations, once and not as an exponential of an exponential; else train them again",
            severity=None if high < ZERO else Severity.WARNING,
            confidence="high" if high < ZERO else "medium",
        )
    elif off == values.size:
        yield found(
            sae,
            f"{_range(values)}, above every pre-activation: no latent ever fires",
            "save the thresholds in the unit of the pre-activations, not as an exponential of what were no logarithms; else train them again",
        )
    elif off * 2 > values.size:
        yield found(
            sae,
            f"{off:,} of {values.size:,} thresholds are above {BEYOND:g}: those latents never fire",
            "save the SAE without those latents (and with a smaller d_sae), or train their thresholds again",
            severity=Severity.WARNING if off > MOSTLY * values.size else Severity.NOTE,
        )


def _range(values: Any) -> str:
    """`all 2,304 thresholds lie between 1e-09 and 3e-09`."""
    low, high = float(values.min()), float(values.max())
    if values.size == 1:
        return f"the threshold of all latents is {high:.3g}"
    return f"all {values.size:,} thresholds " + (
        f"are {high:.3g}" if low == high else f"lie between {low:.3g} and {high:.3g}"
    )


@sae_rule("WTS019", Severity.ERROR, Need.THRESHOLD | Need.WEIGHTS)
def out_of_reach(sae: SaeFacts) -> Iterator[Found]:
    """By its weights no latent can fire, or no threshold can hold one back.

    A pre-activation is at most the norm of the latent's encoder column times that of the input, plus its bias. Where that stays below the threshold (or 0, of a ReLU) for every input
    of a norm up to 1e8, a thousand times the largest known, the latent is 0 always: an encoder of zeros, a bias of -1e30. All of them: the SAE gives b_dec for
    every input. A part of them may have been switched off on purpose; where more than half were, a note. A warning, where every threshold is below a
    hundred-millionth of its column's norm: it holds nothing back. What the thresholds say by themselves is THR012's.
    """
    norms = sae.whole.norms("W_enc") if sae.whole else None
    bias = sae.whole.bias if sae.whole else None
    if norms is None or bias is None or sae.architecture not in RECTIFIED or not np.isfinite(norms).all():
        return
    compared = sae.architecture in THRESHOLDED
    values = thresholds(sae) if compared else np.zeros(1)
    if values is None or bias.shape != norms.shape or values.size not in {1, norms.size}:
        return
    never = int((norms * REACH + bias <= np.maximum(values, 0)).sum())
    place = sae.in_weights("W_enc")
    measured = {
        "never": never,
        "n": int(norms.size),
        "largest_norm": float(norms.max()),
        "largest_bias": float(bias.max()),
    }
    told = compared and (values > BEYOND).mean() > 1 / 2  # by THR012
    if never * 2 > norms.size and not told:
        all_of_them = never == norms.size
        yield Found(
            f"no latent can fire: all {never:,} stay at 0 for every input of a norm up to {REACH:g}"
            if all_of_them
            else f"{never:,} of {norms.size:,} latents cannot fire: they stay at 0 for every input of a norm up to {REACH:g}",
            "save the encoder, its bias and the thresholds of the training again"
            if all_of_them
            else "count them as dead in the card, or save the SAE without them (and with a smaller d_sae)",
            severity=None if all_of_them else Severity.NOTE,
            **place,
            measured=measured,
            identity="never",
        )
    elif compared and values.max() >= NOTHING and ((values > 0) & (values <= SHARE * norms)).all():
        yield Found(
            f"every threshold is below {SHARE:g} of the norm of its encoder column: it holds nothing back, and this computes a plain ReLU",
            "save the thresholds in the unit of the pre-activations; else train them again",
            severity=Severity.WARNING,
            confidence="medium",
            **sae.at_threshold(),
            measured=measured,
            identity="held back",
        )
