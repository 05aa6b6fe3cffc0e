"""How well an SAE says its input back, and with how many latents. Intervals are bootstraps over rows."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from hubkit.measures.bootstrap import normal_interval, percentile_interval
from hubkit.measures.measure import UNSEEN, Measure, OnCard

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hubkit.measures.estimate import Estimate
    from hubkit.measures.measure import Split
    from hubkit.measures.reconstructed import Encoded, Reconstructed
    from hubkit.measures.subject import Subject

    Floats = NDArray[np.float64]


def explained_variance(subject: Subject, split: Split) -> Estimate:
    """1 - sum ||x - x_hat||^2 / sum ||x - mean||^2; not a number where the rows do not vary."""
    rows = subject.reconstructed(split)
    centred = rows.x - rows.x.mean(axis=0)
    total = float((centred**2).sum())
    value = 1.0 - float(rows.residuals.sum()) / total if total != 0 else math.nan
    return rows.estimate(value, percentile_interval(explained_resampled(rows, centred)))


def explained_resampled(rows: Reconstructed, centred: Floats) -> Floats:
    """Explained variance in each resample, around that resample's own mean.

    sum ||x - m||^2 = sum ||x||^2 - n ||m||^2; `centred` rows keep the two terms from cancelling.
    """
    means = rows.counts @ centred / rows.n
    totals = rows.counts @ (centred**2).sum(axis=1) - rows.n * (means**2).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        explained: Floats = 1.0 - rows.counts @ rows.residuals / totals
    return explained


def l0(subject: Subject, split: Split) -> Estimate:
    """Mean number of non-zero latents."""
    rows = subject.reconstructed(split)
    return rows.mean(rows.active)


def alive_share(subject: Subject, split: Split) -> Estimate:
    """Share of the latents that are non-zero on a row; over several parts their mean, weighted by rows."""
    rows = subject.reconstructed(split)
    value, resampled, start = 0.0, np.zeros(len(rows.counts)), 0
    for part in rows.parts:
        n, weight = len(part.x), len(part.x) / rows.n
        drawn = (rows.counts[:, start : start + n] > 0).astype(np.float32)
        resampled += weight * (drawn @ (part.acts != 0).astype(np.float32) > 0).mean(axis=1)
        value += weight * _alive(part)
        start += n
    return rows.estimate(value, normal_interval(value, resampled))


def _alive(part: Encoded) -> float:
    return float(np.nan if np.isnan(part.acts).any() else (part.acts != 0).any(axis=0).mean())


MEASURES = (
    Measure(
        name="explained_variance",
        version=1,
        title="Explained variance",
        formula="1 - sum_i ||x_i - xhat_i||^2 / sum_i ||x_i - mean(x)||^2, mean over the evaluated rows, float64",
        unit="share",
        lower=None,
        upper=1.0,
        higher_is_better=True,
        source="Coefficient of determination over all dimensions; the same as SAELens 6.54 `explained_variance`",
        splits=(*UNSEEN, "train"),
        on_card=OnCard(("saes", "quality", "index"), order=10, quoted_as="explained_variance"),
        columns_elsewhere=r"(?:mean |average |fraction of )?(?:explained[ _]var(?:iance|\.)?|variance explained)|EV|var_exp|VE|FVE",
        sentences_elsewhere=(
            r"explain(?:s|ed|ing)? (?:an? (?:share|fraction) of |about |roughly |~)?{n} of (?:the |its )?(?:\w+ )?variance",
            r"{n} of (?:the |its )?(?:\w+ )?variance (?:is|was|are|being) explained",
            r"{n} explained variance",
        ),
        compute=explained_variance,
    ),
    Measure(
        name="l0",
        version=1,
        title="L0",
        formula="mean over rows of the number of latents != 0",
        unit="latents",
        lower=0.0,
        upper="d_sae",
        higher_is_better=None,
        source="Bricken et al. 2023, https://transformer-circuits.pub/2023/monosemantic-features",
        splits=(*UNSEEN, "train"),
        on_card=OnCard(("saes", "quality", "index"), order=20, quoted_as="l0"),
        columns_elsewhere=r"(?:mean |average |avg\.? )?L0(?: (?:norm|sparsity))?(?: \(.{1,30}\))?",
        sentences_elsewhere=(
            r"on average,? (?:about |roughly |~)?{n} (?:of (?:the |its )?\S{1,8} )?(?:active |non-?zero )?(?:latents|features)\b",
            r"(?:average|mean) (?:of |number of active (?:latents|features) (?:is|of) )(?:about |roughly |~)?{n}(?! ?%)(?= (?:active |non-?zero )?(?:latents|features)|[.,;)]|$)",
        ),
        compute=l0,
    ),
    Measure(
        name="alive_share",
        version=1,
        title="Alive latents",
        formula="share of the d_sae latents that are != 0 on at least one evaluated row; crossfit: mean over the folds, by rows",
        unit="share",
        lower=0.0,
        upper=1.0,
        higher_is_better=True,
        source="Depends on n: compare only between equal numbers of rows",
        splits=("train", *UNSEEN),
        on_card=OnCard(("saes", "quality"), order=30, quoted_as="alive_share"),
        columns_elsewhere=r"alive share",
        compute=alive_share,
    ),
    Measure(
        name="mse",
        version=1,
        title="Mean squared error",
        formula="mean over rows and dimensions of (x - xhat)^2",
        unit="activation units squared",
        lower=0.0,
        upper=None,
        higher_is_better=False,
        source="Depends on the scale of the activations: compare only at one hook of one model",
        splits=(*UNSEEN, "train"),
        on_card=OnCard(("quality",), order=40),
    ),
)
