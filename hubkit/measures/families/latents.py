"""How far single latents tell the labels apart, beside what the furthest of as many latents does where labels mean nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from hubkit.measures.bootstrap import SEED
from hubkit.measures.design import permuted
from hubkit.measures.estimate import Estimate, NotMeasured, Null
from hubkit.measures.inference import Z, scored_interval
from hubkit.measures.measure import UNSEEN, Measure, OnCard
from hubkit.measures.separation import count_beyond, effect_of_each, effects, largest, largest_auroc

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from hubkit.measures.design import Booleans
    from hubkit.measures.measure import Split, Told
    from hubkit.measures.probed import Values
    from hubkit.measures.separation import Labelled, Latents
    from hubkit.measures.subject import Subject

DRAWS = 999
KIND = "the same maximum, labels permuted within scenarios"
COUNT = "the same count, labels permuted within scenarios"
UNTOLD = "too few rows of one label, none to permute, or no latent that fires on enough rows"
BEYOND = 1.0
OF_EACH = (
    "latents whose own interval (Hedges and Olkin 1985) lies beyond 1, and those whose interval reaches it"
)
RANKED = "score interval of Mann and Whitney's scatter, of that latent as if it had been chosen beforehand"
CHOSEN = "Hedges and Olkin 1985, of that latent as if it had been chosen beforehand"


def d_max(subject: Subject, split: Split) -> Estimate | None:
    """The largest |d|. Over several parts, SAEs of the folds on the rows that they did not see, the mean of theirs."""
    parts = subject.labelled(split)
    return None if parts is None else furthest(parts)


def d_above_1(subject: Subject, split: Split) -> Estimate | None:
    """How many latents have |d| > 1. Over several parts the mean of theirs."""
    parts = subject.labelled(split)
    found = _over_parts(parts, lambda acts, columns: count_beyond(acts, columns, BEYOND), COUNT)
    if found is None or parts is None:
        return None
    kept = _telling(parts)
    share = np.array([len(part.positive) for part in kept]) / sum(len(part.positive) for part in kept)
    low, high = share @ [_surely_and_perhaps(part) for part in kept]
    return replace(found, interval=(float(low), float(high)), method=OF_EACH)


def _surely_and_perhaps(part: Labelled) -> tuple[int, int]:
    """How many latents' own intervals lie beyond the bound, and how many reach it."""
    blocks = effects(part.acts[:, part.looked_at()], part.positive[:, None])
    d = np.abs(np.nan_to_num(np.concatenate([found[0] for _, found in blocks]), posinf=0.0))
    n1 = float(part.positive.sum())
    n0 = len(part.positive) - n1
    reach = Z * np.sqrt((n1 + n0) / (n1 * n0) + d**2 / (2 * (n1 + n0)))
    return int((d - reach > BEYOND).sum()), int((d + reach > BEYOND).sum())


def auroc_max(subject: Subject, split: Split) -> Estimate | None:
    """The largest AUROC of one latent, of either sign. Over several parts the mean of theirs."""
    parts = subject.labelled(split)
    found = _over_parts(parts, largest_auroc, KIND)
    if found is None or parts is None:
        return None
    variances = np.array([_rank_variance(part) * len(part.positive) ** 2 for part in _telling(parts)])
    rows = sum(len(part.positive) for part in _telling(parts))
    reach = Z * float(np.sqrt(variances.sum())) / rows
    return replace(found, interval=scored_interval(found.value, 0.5, reach, reach), method=RANKED)


def _over_parts(
    parts: tuple[Labelled, ...] | None, statistic: Callable[[Latents, Booleans], Values], kind: str
) -> Estimate | None:
    """The mean over the parts, by rows, of a statistic of all latents that are looked at, with its null; None where the label chose the rows."""
    if parts is None:
        return None
    kept, n = _telling(parts), sum(len(part.positive) for part in parts)
    if not kept:
        raise NotMeasured(UNTOLD, n)
    share = np.array([len(part.positive) for part in kept]) / sum(len(part.positive) for part in kept)
    draws = share @ [statistic(part.acts[:, part.looked_at()], _columns(part, 0)) for part in kept]
    return Estimate(float(draws[0]), n, null=_null(draws, kind))


def _rank_variance(part: Labelled) -> float:
    n1 = float(part.positive.sum())
    n0 = len(part.positive) - n1
    return (n1 + n0 + 1) / (12 * n1 * n0)


def between_wordings(subject: Subject, split: Split) -> Iterable[Told]:
    """The same between the prompts of one wording and those of another: an SAE whose latents tell inputs apart further than labels knows the inputs."""
    for contrast, parts in subject.worded(split):
        try:
            yield contrast, furthest(parts)
        except NotMeasured as why:
            yield contrast, why


def furthest(parts: tuple[Labelled, ...]) -> Estimate:
    """The largest |d| of some rows with its null; over several parts the mean of theirs. Raises NotMeasured."""
    several = [_largest(part) for part in _telling(parts)]
    n = sum(len(part.positive) for part in parts)
    if not several:
        raise NotMeasured(UNTOLD, n)
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
        without_effect="none of its own: `d_max` has it",
        cannot_say="anything of a latent that was chosen because its d is large",
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
        without_effect="the 95 % point of the same maximum, labels permuted within scenarios (999 times)",
        cannot_say="anything by itself: of thousands of latents some are far apart by chance. An SAE whose wordings differ further than its labels knows its inputs",
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
        without_effect="0: the latent and its sign were chosen on other rows",
        cannot_say="whether another latent is better: it is of the one that was chosen in each fold",
    ),
    Measure(
        name="d_above_1",
        version=1,
        title="Latents with |d| > 1",
        formula="number of latents whose |d| is above 1, of those that d_max looks at; crossfit: mean over the folds, by rows",
        unit="latents",
        lower=0.0,
        upper="d_sae",
        higher_is_better=None,
        source="As d_max: with few rows some latents are beyond 1 by chance, so that it is read beside the same count of permuted labels",
        splits=("train", *UNSEEN),
        of_labels=True,
        compute=d_above_1,
        without_effect="the same count, labels permuted within scenarios",
        cannot_say="which latents: with few rows some are beyond 1 by chance",
    ),
    Measure(
        name="auroc_max",
        version=1,
        title="Largest AUROC of a latent",
        formula="maximum of AUROC and 1 - AUROC, ties half, over the latents that d_max looks at; crossfit: mean over the folds, by rows",
        unit="share",
        lower=0.5,
        upper=1.0,
        higher_is_better=None,
        source="As d_max, and blind to how far apart values are (Hanley & McNeil 1982); sparse_probe_1 is that of one latent on rows that did not choose it",
        splits=("train", *UNSEEN),
        of_labels=True,
        compute=auroc_max,
        without_effect="the same maximum, labels permuted within scenarios",
        cannot_say="how far apart the values are, and anything without its null",
    ),
)
