"""How well an SAE says its input back, and with how many latents. Intervals are bootstraps over rows."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from hubkit.measures.bootstrap import RESAMPLES, normal_interval, percentile_interval
from hubkit.measures.measure import NO_NULL, UNSEEN, Measure, OnCard

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hubkit.measures.estimate import Estimate
    from hubkit.measures.measure import Compute, Split
    from hubkit.measures.reconstructed import Reconstructed
    from hubkit.measures.subject import Subject

    Floats = NDArray[np.float64]


def explained_variance(subject: Subject, split: Split) -> Estimate:
    """1 - sum ||x - x_hat||^2 / sum ||x - mean||^2; not a number where the rows do not vary."""
    rows = subject.reconstructed(split)
    total = sum(float((centred**2).sum()) for _, centred in rows.centred())
    value = 1.0 - float(rows.residuals.sum()) / total if total != 0 else math.nan
    return rows.estimate(value, percentile_interval(explained_resampled(rows)))


def explained_resampled(rows: Reconstructed) -> Floats:
    """Explained variance in each resample, around that resample's own mean.

    sum ||x - m||^2 = sum ||x||^2 - n ||m||^2, of rows less the mean of all, which keeps the two terms from cancelling.
    """
    sums, squares = np.zeros((RESAMPLES, rows.d_in)), np.zeros(RESAMPLES)
    for where, centred in rows.centred():
        counts = rows.counts[:, where].astype(np.float64)
        sums += counts @ centred
        squares += counts @ (centred**2).sum(axis=1)
    totals = squares - (sums**2).sum(axis=1) / rows.n
    with np.errstate(divide="ignore", invalid="ignore"):
        explained: Floats = 1.0 - rows.resampled(rows.residuals) / totals
    return explained


def mse(subject: Subject, split: Split) -> Estimate:
    """Mean over rows and dimensions."""
    rows = subject.reconstructed(split)
    return rows.mean(rows.residuals / rows.d_in)


def mse_sum(subject: Subject, split: Split) -> Estimate:
    """Mean over rows of the sum over dimensions."""
    rows = subject.reconstructed(split)
    return rows.mean(rows.residuals)


def cosine(subject: Subject, split: Split) -> Estimate:
    """Mean over rows; not a number where a row is said back as 0."""
    rows = subject.reconstructed(split)
    numbers = rows.by_row
    with np.errstate(invalid="ignore"):
        return rows.mean(numbers.products / (np.sqrt(numbers.squares) * np.sqrt(numbers.squares_hat)))


def l2_ratio(subject: Subject, split: Split) -> Estimate:
    """Mean over rows; a row of next to no length counts as one of length 1."""
    rows = subject.reconstructed(split)
    lengths = np.sqrt(rows.by_row.squares)
    return rows.mean(np.sqrt(rows.by_row.squares_hat) / np.where(lengths < NO_LENGTH, 1.0, lengths))


def relative_bias(subject: Subject, split: Split) -> Estimate:
    """E ||xhat||^2 / E x xhat over all rows at once."""
    rows = subject.reconstructed(split)
    squares, products = rows.by_row.squares_hat, rows.by_row.products
    with np.errstate(divide="ignore", invalid="ignore"):
        resampled = rows.resampled(squares) / rows.resampled(products)
        value = float(squares.sum() / products.sum())
    return rows.estimate(value, percentile_interval(resampled))


def l1(subject: Subject, split: Split) -> Estimate:
    """Mean sum of |activation|; it depends on the decoder's norms."""
    rows = subject.reconstructed(split)
    return rows.mean(rows.by_row.magnitude)


def l0(subject: Subject, split: Split) -> Estimate:
    """Mean number of non-zero latents."""
    rows = subject.reconstructed(split)
    return rows.mean(rows.by_row.active)


def dense_share(subject: Subject, split: Split) -> Estimate:
    """Share of the latents that fire on more than a tenth of the rows; over several parts their mean, weighted by rows."""
    return _share_of_latents(subject.reconstructed(split), DENSE)


def alive_share(subject: Subject, split: Split) -> Estimate:
    """Share of the latents that are non-zero on a row; over several parts their mean, weighted by rows."""
    return _share_of_latents(subject.reconstructed(split), 0.0)


def _share_of_latents(rows: Reconstructed, bound: float) -> Estimate:
    """Of those that fire on a larger share of the rows than `bound`; not a number where an activation is none."""
    value, resampled = 0.0, np.zeros(RESAMPLES)
    for one in rows.firing:
        weight = one.n / rows.n
        resampled += weight * (one.resampled > bound).mean(axis=1)
        value += weight * float((one.share > bound).mean()) if one.whole else math.nan
    return rows.estimate(value, normal_interval(value, resampled))


NO_LENGTH = 1e-4
"""As SAELens has it."""
DENSE = 0.1
"""Of the rows."""
EVERYWHERE = (*UNSEEN, "train")
SAELENS = "the same as SAELens 6.54 on the same rows"


def _declared(
    name: str, title: str, formula: str, unit: str, source: str, compute: Compute, **bounds: Any
) -> Measure:
    return Measure(
        name=name, version=1, title=title, formula=formula, unit=unit, source=source, splits=EVERYWHERE, compute=compute,
        **{"lower": 0.0, "upper": None, "higher_is_better": None} | bounds,
    )  # fmt: skip


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
        rest_elsewhere=r"(?:mean |average )?(?:(?:fraction of (?:the )?)?(?:variance unexplained|unexplained[ _]variance)(?: \(FVU\))?|FVU|frac_variance_unexplained)",
        rest_sentences=(r"{n} of (?:the |its )?(?:\w+ )?variance (?:is |was |remains |stays |being )?unexplained", r"{n} unexplained variance"),
        compute=explained_variance,
        by_label=True,
        without_effect=NO_NULL,
        cannot_say="whether what is explained matters to the model: a few directions of large variance can carry it",
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
        by_label=True,
        without_effect=NO_NULL,
        cannot_say="whether the latents that fire mean anything; it depends on the rows",
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
        columns_elsewhere=r"(?:share of )?alive(?: (?:share|features|latents|fraction|neurons))?|(?:fraction|percentage) of alive (?:features|latents)",
        sentences_elsewhere=(r"{n} of (?:the |its |all )?(?:features|latents) are alive", r"{n} alive (?:features|latents)"),
        loosely_elsewhere=True,
        rest_elsewhere=r"(?:share of )?dead(?: (?:share|features|latents|fraction|neurons))?|(?:fraction|percentage) of dead (?:features|latents)",
        rest_sentences=(r"{n} of (?:the |its |all )?(?:features|latents) are dead", r"{n} dead (?:features|latents)"),
        compute=alive_share,
        without_effect=NO_NULL,
        cannot_say="whether a latent is dead: with few rows a rare one is never seen. Compare between equal n alone",
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
        columns_elsewhere=r"(?:mean |average |reconstruction |final |test )?(?:MSE|mean squared error|squared error|reconstruction error)(?: \(MSE\))?",
        loosely_elsewhere=True,
        compute=mse,
        by_label=True,
        without_effect=NO_NULL,
        cannot_say="anything across models or hooks: it has the scale of the activations. Others' `mse` may be the sum over dimensions (`mse_sum`)",
    ),
    _declared(
        "mse_sum", "Squared error of a row", "mean over rows of sum_j (x_j - xhat_j)^2", "activation units squared",
        f"`mse` of SAELens: {SAELENS}; mse times d_in", mse_sum, higher_is_better=False,
        columns_elsewhere=r"mse_sum",
        without_effect=NO_NULL,
        cannot_say="anything across models or hooks: it grows with d_in as well as with the scale",
    ),
    _declared(
        "cosine", "Cosine of row and reconstruction", "mean over rows of x xhat / (||x|| ||xhat||)", "1",
        f"`cossim` of SAELens: {SAELENS}, but for rows that are said back as 0", cosine, lower=-1.0, upper=1.0, higher_is_better=True,
        columns_elsewhere=r"(?:mean |average )?(?:reconstruction )?(?:cosine(?: similarity)?|cos(?:ine)?[ _]sim|cossim)",
        without_effect=NO_NULL,
        cannot_say="anything of the length of the reconstruction",
    ),
    _declared(
        "l2_ratio", "Length of the reconstruction", "mean over rows of ||xhat|| / ||x||, ||x|| < 1e-4 taken as 1", "1",
        f"`l2_ratio` of SAELens: {SAELENS}; below 1 the SAE shrinks", l2_ratio,
        without_effect=NO_NULL,
        cannot_say="anything of its direction",
    ),
    _declared(
        "relative_bias", "Relative reconstruction bias", "E ||xhat||^2 / E x xhat, over all rows at once", "1",
        "arXiv:2404.16014, equation 10; SAELens takes the mean over its batches", relative_bias, lower=None,
        without_effect=NO_NULL,
        cannot_say="how large the error is: only whether the reconstruction is too short or too long",
    ),
    _declared("l1", "L1", "mean over rows of sum |latent|", "activation units", f"`l1` of SAELens: {SAELENS}; depends on the decoder's norms", l1,
        without_effect=NO_NULL,
        cannot_say="anything where decoder rows are not of unit length: halve the latents, double the decoder, and it halves",
    ),
    _declared(
        "dense_share", "Dense latents", "share of the d_sae latents that are != 0 on more than 10 % of the rows; crossfit: mean over the folds, by rows",
        "share", "Latents that fire so often say little about a row", dense_share, upper=1.0, higher_is_better=False,
        without_effect=NO_NULL,
        cannot_say="what the dense latents do; a tenth is a convention",
    ),
)  # fmt: skip
