"""THR: the JumpReLU threshold.

The step function has no gradient in the threshold, so without a straight-through estimator it never leaves its initial value;
the SAE is then a plain ReLU with about half of its features active.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from hubkit.formats.sae import BATCH_TOPK, JUMPRELU, THRESHOLDED
from hubkit.tensors.dtypes import CFG_NAMES
from hubkit.validate.facts import WEIGHTS, SaeFacts
from hubkit.validate.finding import Found, Severity, mend
from hubkit.validate.need import Need
from hubkit.validate.rule import sae_rule

DEFAULT_INITS = (0.001, 0.01, -1.0)
"""SAELens 3 to 5; SAELens 6; dictionary_learning before threshold_start_step."""


def uniform(values: Any) -> bool:
    """Whether all values are the same. np.unique would sort, and import numpy.ma."""
    return bool((values == values[0]).all())


def thresholds(sae: SaeFacts) -> Any:
    """The finite thresholds of an SAE whose inference compares with them, or None; (1,) where one stands for all latents."""
    if sae.thresholds is None or sae.architecture not in THRESHOLDED or not np.isfinite(sae.thresholds).all():
        return None
    return sae.thresholds


def set_not_learned(sae: SaeFacts) -> bool:
    """Whether one threshold for all latents is right: that of a BatchTopK, or of a family that stores one number."""
    one_number = sae.sae.threshold is not None and sae.sae.threshold.kind == "scalar"
    return one_number or sae.sae.trained_as in BATCH_TOPK


def known_init(sae: SaeFacts) -> float | None:
    """The initial threshold that is stated, or that the family's code starts from."""
    return sae.sae.training.threshold_init


def as_loaded(sae: SaeFacts) -> str:
    """` in float32, in which they are loaded (...)`, where what is stored is something else; else nothing."""
    threshold, values = sae.sae.threshold, sae.stored_thresholds
    if threshold is None or values is None:
        return ""
    stored = np.abs(values[(values != sae.thresholds) & ~np.isnan(values)])
    if not stored.size:
        return ""
    dtype = CFG_NAMES.get(threshold.loaded_as, threshold.loaded_as)
    return f" in {dtype}, in which they are loaded (stored are {stored.min():.3g} to {stored.max():.3g})"


def amount(values: Any) -> str:
    """`all 2,304 thresholds are`, `the threshold is`."""
    return f"all {values.size:,} thresholds are" if values.size > 1 else "the threshold of all latents is"


def measured(sae: SaeFacts, init: float | None = None) -> dict[str, Any]:
    """The evidence of every THR finding."""
    values = sae.thresholds
    assert values is not None  # noqa: S101 - the rules ask only where it was read
    return {
        "min": float(values.min()),
        "max": float(values.max()),
        "mean": float(values.mean()),
        "std": float(values.std()),
        "zero_share": float((values == 0).mean()),
        "init_share": None if init is None else float(equals(values, init).mean()),
        "unique": int(np.unique(values).size),
        "dtype": sae.sae.threshold.dtype if sae.sae.threshold else None,
        "n": int(values.size),
    }


def equals(values: Any, init: float) -> Any:
    """Which of `values` are `init` after the rounding of any stored dtype: float32, float16 or bfloat16, or of its logarithm in float32."""
    rounded = {
        np.float64(np.float32(init)),
        np.float64(np.float16(init)),
        np.float64(_bfloat16(init)),
        np.float64(init),
    }
    return np.isin(values, list(rounded)) | np.isclose(values, init, rtol=1e-6, atol=0)


def _bfloat16(value: float) -> np.float32:
    bits = np.float32(value).view(np.uint32)
    rounded = (int(bits) + 0x7FFF + ((int(bits) >> 16) & 1)) & 0xFFFF0000
    return np.uint32(rounded).view(np.float32)


def found(sae: SaeFacts, message: str, hint: str, **more: Any) -> Found:
    return Found(
        message,
        hint,
        **sae.at_threshold(),
        measured=measured(sae, more.pop("init", known_init(sae))),
        **more,
    )


@sae_rule("THR001", Severity.ERROR, Need.THRESHOLD, fix="unsafe")
def all_zero(sae: SaeFacts) -> Iterator[Found]:
    """Every threshold is 0: this JumpReLU computes a plain ReLU.

    The step H(z - threshold) has no gradient in the threshold. Without a straight-through estimator (Rajamanoharan et al. 2024,
    arXiv:2407.14435) it stays at its initial 0, and about half of the latents fire on every input. The published numbers are then those of a ReLU SAE.
    """
    values = thresholds(sae)
    if values is None or values.any():
        return
    cause, hint = _cause(sae)
    yield found(
        sae,
        f"{amount(values)} 0{as_loaded(sae)}: this {_called(sae)} computes a plain ReLU; {cause}",
        hint,
        fix="unsafe" if _rewritable(sae) else None,
    )


def _rewritable(sae: SaeFacts) -> bool:
    return sae.is_saelens and sae.weights is not None and sae.weights.name == WEIGHTS


def _called(sae: SaeFacts) -> str:
    return "JumpReLU" if sae.architecture in JUMPRELU else str(sae.architecture)


def _cause(sae: SaeFacts) -> tuple[str, str]:
    """Why a threshold is 0, and what helps."""
    if as_loaded(sae):
        return (
            "what is stored is smaller than that format holds",
            "save them in the unit of the activations, in a format that holds them, and name it as dtype"
            + _or_rewrite(sae),
        )
    if sae.sae.trained_as in BATCH_TOPK:
        return (
            "the running BatchTopK threshold never rose: the run was too short",
            "train longer, or with a larger topk_threshold_lr, and export again" + _or_rewrite(sae),
        )
    if not sae.is_saelens:
        return (
            "it never had a gradient",
            "train with a straight-through estimator, or publish it as what it computes: a ReLU SAE",
        )
    return (
        "it never had a gradient",
        "train with a straight-through estimator (SAELens 6.48 or later: jumprelu_ste_to_input, a target L0)"
        + _or_rewrite(sae),
    )


def _or_rewrite(sae: SaeFacts) -> str:
    """The fix that says what it is, without training anything."""
    return (
        f"; or {mend('THR001', unsafe=True)} publishes it as the ReLU SAE that it computes"
        if _rewritable(sae)
        else ""
    )


@sae_rule("THR002", Severity.ERROR, Need.CFG | Need.THRESHOLD)
def never_learned(sae: SaeFacts) -> Iterator[Found]:
    """Every threshold equals its initial value: never learned.

    The initial value is the configuration's `jumprelu_init_threshold`, else one of the defaults 0.001, 0.01 and -1, each as the tensor's own dtype rounds it
    (1.1 in bfloat16 is 1.1015625). Any other single value counts where the metadata says that it was trained as a JumpReLU: no training leaves all latents
    at one number. An error where anything says that the SAE was trained, else a warning. One value for all latents is right for an export of BatchTopK
    and for a family that stores one number; there it is an error only where it still is the -1 that the training begins with.
    """
    values, stated = thresholds(sae), known_init(sae)
    if values is None or not values.any() or not uniform(values):
        return
    if set_not_learned(sae) and not (sae.sae.trained_as in BATCH_TOPK and stated is not None):
        return
    inits = [stated] if stated is not None else DEFAULT_INITS
    init = next((i for i in inits if equals(values, i).all()), None)
    if init is None and sae.sae.training.architecture not in JUMPRELU:
        return
    value = float(values[0]) if init is None else init
    source = (
        "one value for every latent"
        if init is None
        else "its initial value"
        if stated is not None and sae.sae.trained_as in BATCH_TOPK
        else "the configuration's initial value"
        if stated is not None
        else "a default initial value"
    )
    trained = sae.sae.training.evidence
    yield found(
        sae,
        f"{amount(values)} {value:g}, {source}: never learned",
        "train again for more steps than threshold_start_step: the run ended before the threshold was first set"
        if sae.sae.trained_as in BATCH_TOPK
        else "train again, for no gradient reached them: more steps, a larger learning rate, or an initial value within the scale of the pre-activations",
        severity=Severity.ERROR if trained else Severity.WARNING,
        confidence="high" if trained else "medium",
        init=value,
        title="One value for every latent's threshold: never learned." if init is None else "",
    )


@sae_rule("THR004", Severity.WARNING, Need.THRESHOLD)
def negative(sae: SaeFacts) -> Iterator[Found]:
    """Thresholds are negative: those latents act as a plain ReLU.

    SAELens's inference applies the ReLU first, so a negative threshold never holds anything back (in its training form negatives pass).
    Between -0.01 and 0 a note: its training clamps at the next step only. All negative: an error, as THR001.
    """
    values = thresholds(sae)
    if values is None or not (values < 0).any():
        return
    count, low = int((values < 0).sum()), float(values.min())
    severity = Severity.ERROR if count == values.size else Severity.WARNING if low <= -0.01 else Severity.NOTE
    which = (
        f"{count:,} of {values.size:,} thresholds are"
        if values.size > 1
        else "the threshold of all latents is"
    )
    yield found(
        sae,
        f"{which} negative (down to {low:.4g}): those latents compute a plain ReLU",
        "save their exponential if they are log-thresholds; else save 0 for those below it, which computes the same",
        severity=severity,
    )


@sae_rule("THR005", Severity.ERROR, Need.THRESHOLD)
def not_finite(sae: SaeFacts) -> Iterator[Found]:
    """A threshold is NaN or infinite: that latent never fires, and nothing says so."""
    if sae.thresholds is None or np.isfinite(sae.thresholds).all():
        return
    bad = ~np.isfinite(sae.thresholds)
    first = int(np.flatnonzero(bad)[0])
    message = f"{int(bad.sum()):,} of {bad.size:,} thresholds are NaN or infinite{as_loaded(sae)}, the first at index {first}"
    yield Found(
        message,
        "save them in the unit of the activations, in a format that holds them, and name it as dtype"
        if as_loaded(sae)
        else "the training diverged: train again with a smaller learning rate, or save an earlier checkpoint",
        **sae.at_threshold(),
        measured={"count": int(bad.sum()), "first": first, "n": int(bad.size)},
    )


@sae_rule("THR010", Severity.WARNING, Need.CFG | Need.THRESHOLD)
def barely_moved(sae: SaeFacts) -> Iterator[Found]:
    """The thresholds barely moved from their initial value.

    Spread under 5 % of the mean, and the mean within half of the initial value: the mark of the log-threshold of SAELens before 6.48,
    which Adam moves by about learning rate x threshold a step (SAELens issue 494, PR 718): .0108 to .0118 from an initial .01.
    """
    values = thresholds(sae)
    if values is None or uniform(values) or set_not_learned(sae) or values.mean() <= 0:
        return
    stated = known_init(sae)
    inits = [stated] if stated else [i for i in DEFAULT_INITS if i > 0]
    init = next((i for i in inits if abs(values.mean() / i - 1) < 0.5), None)
    if init is None or values.std() / values.mean() >= 0.05:
        return
    yield found(
        sae,
        f"the thresholds lie between {values.min():.4g} and {values.max():.4g}, all beside the initial {init:g}: they hardly learned",
        "train with SAELens 6.48 or later, whose threshold is not kept in log space, or for more steps",
        init=init,
        confidence="high" if stated else "medium",
    )
