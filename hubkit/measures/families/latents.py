"""How far single latents tell the labels apart, beside what the furthest of as many latents does where labels mean nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hubkit.measures.bootstrap import SEED
from hubkit.measures.design import permuted
from hubkit.measures.estimate import Estimate, NotMeasured, Null
from hubkit.measures.inference import Z
from hubkit.measures.measure import UNSEEN, Measure, OnCard
from hubkit.measures.separation import effect_of_each, largest

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hubkit.measures.design import Booleans
    from hubkit.measures.measure import Split, Told
    from hubkit.measures.probed import Values
    from hubkit.measures.separation import Labelled
    from hubkit.measures.subject import Subject

DRAWS = 999
KIND = "the same maximum, labels permuted within scenarios"
CHOSEN = "Hedges and Olkin 1985, of that latent as if it had been chosen beforehand"


def d_max(subject: Subject, split: Split) -> Estimate | None:
    """The largest |d|. Over several parts, SAEs of the folds on the rows that they did not see, the mean of theirs."""
    parts = subject.labelled(split)
    return None if parts is None else _furthest(parts)


def between_wordings(subject: Subject, split: Split) -> Iterable[Told]:
    """The same between the prompts of one wording and those of another: an SAE whose latents tell inputs apart further than labels knows the inputs."""
    for contrast, parts in subject.worded(split):
        try:
            yield contrast, _furthest(parts)
        except NotMeasured as why:
            yield contrast, why


def _furthest(parts: tuple[Labelled, ...]) -> Estimate:
    several = [_largest(part) for part in _telling(parts)]
    n = sum(len(part.positive) for part in parts)
    if not several:
        raise NotMeasured(
            "too few rows of one label, none to permute, or no latent that fires on enough rows", n
        )
    share = np.array([rows for _, rows, _ in several]) / sum(rows for _, rows, _ in several)
    draws = share @ np.abs([found for found, _, _ in several])
    value, reach = float(draws[0]), Z * float(np.sqrt((share**2 * [error**2 for *_, error in several]).sum()))
    return Estimate(value, n, (max(0.0, value - reach), value + reach), _null(draws, KIND), method=CHOSEN)


def d_unseen(subject: Subject, _: Split) -> Estimate | None:
    """d on each fold's rows of the latent that tells the labels apart furthest on the other rows, with the sign that it has there."""
    folds = subject.labelled_folds()
    if folds is None:
        return None
    kept = [(train, test) for train, test in folds if train.tells and test.tells and len(train.looked_at())]
    n = sum(len(test.positive) for _, test in folds)
    if not kept:
        raise NotMeasured("too few rows of one label, or none to permute, in every fold", n)
    found = [_carried(train, test, number) for number, (train, test) in enumerate(kept)]
    share = np.array([len(test.positive) for _, test in kept]) / sum(len(test.positive) for _, test in kept)
    draws = share @ np.array(found)
    value = float(draws[0])
    errors = [_error(float(values[0]), test) for values, (_, test) in zip(found, kept, strict=True)]
    reach = Z * float(np.sqrt((share**2 * np.array(errors) ** 2).sum()))
    kind = "the same choice and value, labels permuted within scenarios and folds"
    return Estimate(value, n, (value - reach, value + reach), _null(draws, kind), method=CHOSEN)


def _telling(parts: tuple[Labelled, ...]) -> list[Labelled]:
    return [part for part in parts if part.tells and len(part.looked_at())]


def _largest(part: Labelled) -> tuple[Values, int, float]:
    """(1 + DRAWS,) largest d of the labels and of their permutations; the rows; the standard error of the first."""
    columns = _columns(part, 0)
    found, _ = largest(part.acts[:, part.looked_at()], columns)
    return found, len(part.positive), _error(float(found[0]), part)


def _carried(train: Labelled, test: Labelled, number: int) -> Values:
    """(1 + DRAWS,) d on `test` of the latent chosen on `train`, with its sign, for the labels and for their permutations."""
    latents = train.looked_at()
    chosen, which = largest(train.acts[:, latents], _columns(train, 2 * number))
    carried: Values = np.sign(chosen) * effect_of_each(
        test.acts[:, latents], _columns(test, 2 * number + 1), which
    )
    return carried


def _columns(part: Labelled, number: int) -> Booleans:
    """(n, 1 + DRAWS) the labels, and their permutations."""
    generator = np.random.default_rng([SEED, number])
    columns: Booleans = np.c_[part.positive, permuted(part.positive, part.strata, DRAWS, generator)]
    return columns


def _null(draws: Values, kind: str) -> Null:
    """Of `draws` after the first, which is the value; p counts those that are as large."""
    null = draws[1:]
    tail = int((null >= draws[0] - 1e-12).sum())
    quantiles = {
        "0.5": float(np.quantile(null, 0.5)),
        "0.95": float(np.quantile(null, 0.95, method="weibull")),
    }
    return Null(
        kind, float(null.mean()), float(null.std(ddof=1)), quantiles, len(null), (1 + tail) / (1 + len(null))
    )


def _error(d: float, part: Labelled) -> float:
    n1 = float(part.positive.sum())
    n0 = len(part.positive) - n1
    return float(np.sqrt((n1 + n0) / (n1 * n0) + d**2 / (2 * (n1 + n0))))


MEASURES = (
    Measure(
        name="d",
        version=1,
        title="Cohen's d",
        formula="(mean_1 - mean_0) / sqrt(((n1 - 1) s1^2 + (n0 - 1) s0^2) / (n1 + n0 - 2)) of one latent's activations",
        unit="1",
        lower=None,
        upper=None,
        higher_is_better=None,
        source="Cohen 1988, pooled standard deviation",
        splits=("train", *UNSEEN),
    ),
    Measure(
        name="d_max",
        version=1,
        title="Largest effect d_max",
        formula="maximum of |d| over the latents that are not constant on the rows and not zero on all but four; crossfit: mean over the folds, by rows. With a contrast: between two wordings of the same scenarios in the place of the labels",
        unit="1",
        lower=0.0,
        upper=None,
        higher_is_better=None,
        source="A maximum over thousands of latents: it means something only above the 95 % point of the same maximum without an effect (Westfall & Young 1993)",
        splits=("train", *UNSEEN),
        on_card=OnCard(("saes",), order=80),
        of_labels=True,
        compute=d_max,
        contrasts=between_wordings,
    ),
    Measure(
        name="d_unseen",
        version=1,
        title="Effect of the best latent, on other rows",
        formula="d on the rows of a fold of the latent with the largest |d| on the other rows, with the sign that it has there, by the SAE without the fold; mean over folds, by rows",
        unit="1",
        lower=None,
        upper=None,
        higher_is_better=None,
        source="What is left of d_max once the latent is chosen on rows that it is not measured on (Kriegeskorte et al. 2009)",
        splits=UNSEEN,
        on_card=OnCard(("saes",), order=85),
        of_labels=True,
        compute=d_unseen,
    ),
    Measure(
        name="d_above_1",
        version=1,
        title="Latents with |d| > 1",
        formula="number of latents whose |d| is above 1",
        unit="latents",
        lower=0.0,
        upper="d_sae",
        higher_is_better=None,
        source="As d_max",
        splits=("train", *UNSEEN),
    ),
)
