"""THR: the JumpReLU threshold.

The step function has no gradient in the threshold, so without a straight-through estimator it never leaves its initial value;
the SAE is then a plain ReLU with about half of its features active.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from hubkit.formats import saelens
from hubkit.validate.facts import SaeFacts
from hubkit.validate.finding import Found, Severity
from hubkit.validate.rule import sae_rule

DEFAULT_INITS = (0.001, 0.01, -1.0)
"""SAELens 3 to 5; SAELens 6; dictionary_learning before threshold_start_step."""
SET_NOT_LEARNED = {"batchtopk", "matryoshka_batchtopk"}
"""Training architectures whose export has one threshold for all latents, rightly."""


def uniform(values: Any) -> bool:
    """Whether all values are the same. np.unique would sort, and import numpy.ma."""
    return bool((values == values[0]).all())


def thresholds(sae: SaeFacts) -> Any:
    """The finite thresholds of a JumpReLU, or None."""
    if (
        sae.threshold is None
        or sae.architecture not in saelens.JUMPRELU
        or not np.isfinite(sae.threshold).all()
    ):
        return None
    return sae.threshold


def _details(sae: SaeFacts) -> Mapping[str, Any]:
    found = sae.cfg.metadata.get("training_architecture_details") if sae.cfg else None
    return found if isinstance(found, Mapping) else {}


def training_architecture(sae: SaeFacts) -> str | None:
    """What the metadata says the SAE was trained as."""
    return sae.cfg.text("training_architecture") if sae.cfg else None


def known_init(sae: SaeFacts) -> float | None:
    """The initial threshold that the configuration states, or None."""
    for source in (sae.raw, _details(sae)):
        value = source.get("jumprelu_init_threshold")
        if isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
    return None


def was_trained(sae: SaeFacts) -> bool:
    """Whether anything says that this SAE went through a training: training details, measured results, a training version, metrics."""
    if sae.cfg is None:
        return False
    metadata = sae.cfg.metadata
    marks = (
        "training_architecture",
        "training_architecture_details",
        "l0",
        "num_dead_features",
        "sae_lens_training_version",
        "training_condition",
    )
    return any(metadata.get(key) is not None for key in marks) or "metrics.json" in sae.files


def measured(sae: SaeFacts, init: float | None = None) -> dict[str, Any]:
    """The evidence of every THR finding."""
    values = sae.threshold
    assert values is not None  # noqa: S101 - the rules ask only where it was read
    info = sae.header.tensors["threshold"] if sae.header else None
    return {
        "min": float(values.min()),
        "max": float(values.max()),
        "mean": float(values.mean()),
        "std": float(values.std()),
        "zero_share": float((values == 0).mean()),
        "init_share": None if init is None else float(_equals(values, init).mean()),
        "unique": int(np.unique(values).size),
        "dtype": info.dtype if info else None,
        "n": int(values.size),
    }


def _equals(values: Any, init: float) -> Any:
    """Equal after the rounding of any stored dtype: float32, float16 or bfloat16."""
    rounded = {
        np.float64(np.float32(init)),
        np.float64(np.float16(init)),
        np.float64(_bfloat16(init)),
        np.float64(init),
    }
    return np.isin(values, list(rounded))


def _bfloat16(value: float) -> np.float32:
    bits = np.float32(value).view(np.uint32)
    rounded = (int(bits) + 0x7FFF + ((int(bits) >> 16) & 1)) & 0xFFFF0000
    return np.uint32(rounded).view(np.float32)


def found(sae: SaeFacts, message: str, hint: str, **more: Any) -> Found:
    return Found(
        message,
        hint,
        **sae.in_weights("threshold"),
        measured=measured(sae, more.pop("init", known_init(sae))),
        **more,
    )


@sae_rule("THR001", Severity.ERROR, "S", fix="unsafe")
def all_zero(sae: SaeFacts) -> Iterator[Found]:
    """Every threshold is 0: this JumpReLU computes a plain ReLU.

    The step H(z - threshold) has no gradient in the threshold. Without a straight-through estimator (Rajamanoharan et al. 2024,
    arXiv:2407.14435) it stays at its initial 0, and about half of the latents fire on every input. The published numbers are then those of a ReLU SAE.
    """
    values = thresholds(sae)
    if values is None or values.any():
        return
    if training_architecture(sae) in SET_NOT_LEARNED:
        cause, hint = (
            "the running BatchTopK threshold never rose: the run was too short",
            "train longer, or with a larger topk_threshold_lr, and export again",
        )
    else:
        cause = "it never had a gradient"
        hint = "train with a straight-through estimator (SAELens 6.48 or later: jumprelu_ste_to_input, a target L0), or publish it as what it computes: `standard`"
    yield found(
        sae,
        f"all {values.size:,} thresholds are 0: this JumpReLU computes a plain ReLU; {cause}",
        hint,
        fix="unsafe",
    )


@sae_rule("THR002", Severity.ERROR, "S C")
def never_learned(sae: SaeFacts) -> Iterator[Found]:
    """Every threshold equals its initial value: never learned.

    The initial value is the configuration's `jumprelu_init_threshold`, else one of the defaults 0.001, 0.01 and -1. An error where
    anything says that the SAE was trained, else a warning. One value for all latents is right for an export of BatchTopK.
    """
    values = thresholds(sae)
    if (
        values is None
        or not values.any()
        or not uniform(values)
        or training_architecture(sae) in SET_NOT_LEARNED
    ):
        return
    stated = known_init(sae)
    init = next(
        (i for i in ([stated] if stated is not None else DEFAULT_INITS) if _equals(values, i).all()), None
    )
    if init is None:
        return
    source = "the configuration's initial value" if stated is not None else "a default initial value"
    trained = was_trained(sae)
    yield found(
        sae,
        f"all {values.size:,} thresholds are {init:g}, {source}: they were never learned",
        "no gradient reached them: more steps, a larger learning rate, or an initial value within the scale of the pre-activations",
        severity=Severity.ERROR if trained else Severity.WARNING,
        confidence="high" if trained else "medium",
        init=init,
    )


@sae_rule("THR004", Severity.WARNING, "S")
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
    yield found(
        sae,
        f"{count:,} of {values.size:,} thresholds are negative (down to {low:.4g}): those latents compute a plain ReLU",
        "clamp them at 0 before saving; if they are log-thresholds, save their exponential",
        severity=severity,
    )


@sae_rule("THR005", Severity.ERROR, "S")
def not_finite(sae: SaeFacts) -> Iterator[Found]:
    """A threshold is NaN or infinite: that latent never fires, and nothing says so."""
    if sae.threshold is None or np.isfinite(sae.threshold).all():
        return
    bad = ~np.isfinite(sae.threshold)
    first = int(np.flatnonzero(bad)[0])
    message = f"{int(bad.sum()):,} of {bad.size:,} thresholds are NaN or infinite, the first at index {first}"
    yield Found(
        message,
        "the training diverged: train again",
        **sae.in_weights("threshold"),
        measured={"count": int(bad.sum()), "first": first, "n": int(bad.size)},
    )


@sae_rule("THR010", Severity.WARNING, "S C")
def barely_moved(sae: SaeFacts) -> Iterator[Found]:
    """The thresholds barely moved from their initial value.

    Spread under 5 % of the mean, and the mean within half of the initial value: the mark of the log-threshold of SAELens before 6.48,
    which Adam moves by about learning rate x threshold a step (SAELens issue 494, PR 718): .0108 to .0118 from an initial .01.
    """
    values = thresholds(sae)
    if (
        values is None
        or uniform(values)
        or training_architecture(sae) in SET_NOT_LEARNED
        or values.mean() <= 0
    ):
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
