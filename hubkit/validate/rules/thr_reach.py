"""THR: thresholds that no pre-activation is near to, so that the comparison decides nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

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
