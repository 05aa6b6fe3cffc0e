"""Do an SAE's latents come back when it is trained from another seed? Those that do not are a way of training, not a thing in the activations."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from hubkit.measures.bootstrap import SEED
from hubkit.measures.estimate import Estimate, NotMeasured, Null
from hubkit.measures.inference import LEVEL
from hubkit.measures.matching import (
    SAME,
    Dictionary,
    agreement,
    correlated,
    firing_together,
    matched,
    random_dictionary,
    random_like,
    shared,
)
from hubkit.measures.measure import Measure

if TYPE_CHECKING:
    from hubkit.measures.matching import Reseeded
    from hubkit.measures.measure import Split
    from hubkit.measures.subject import Subject

    Pair = Callable[[Dictionary, Dictionary], float]

MOST = 16_384
"""Latents of one dictionary: two of so many take 2 GB to be matched."""
FEWEST = 3
"""Rows of which two activations can correlate by anything but 1."""
COVARIANCE = "random directions of the activations' covariance"
ISOTROPIC = "random directions, as an SAE that nobody trained has them"
AS_OFTEN = "latents that fire as often"
CROSSFIT: Split = "crossfit"
"""Of rows that no seed has seen: those of one fold, by SAEs that were trained without it."""


def reseeded(subject: Subject, _: Split, *, pair: Pair, null: Callable[[Reseeded], Null]) -> Estimate | None:
    """The mean over all pairs of seeds; the seeds are the units. None where no other seed was trained."""
    if (found := subject.reseeded) is None:
        return None
    return _estimate(_every(found, pair), found, null)


def activations(subject: Subject, split: Split) -> Estimate | None:
    """The same of the activations: on rows that no seed has seen, where every seed was trained without them as well, else on those that all of them saw."""
    unseen = subject.reseeded_unseen
    if (split == CROSSFIT) != (unseen is not None):
        return None
    if (found := unseen or subject.reseeded) is None:
        return None
    if (n := len(found.rows)) < FEWEST:
        raise NotMeasured(f"{n} rows that no seed has seen: too few to correlate on", len(found.seeds))
    values = _every(found, lambda one, other: firing_together(one, other)[0])
    if np.isnan(list(values.values())).any():
        raise NotMeasured(f"no matched latent fires on the {n} rows that no seed has seen", len(found.seeds))
    return _estimate(values, found, _chance_together)


def _every(found: Reseeded, pair: Pair) -> dict[tuple[int, int], float]:
    """A value of each pair of seeds. Raises NotMeasured where there is nothing to match, or too much."""
    seeds = found.seeds
    sizes = [len(one.decoder) for one in seeds]
    if min(sizes) == 0:
        raise NotMeasured("an SAE of another seed has no latent that fires on these rows", len(seeds))
    if max(sizes) > MOST:
        raise NotMeasured(f"{max(sizes):,} latents fire, more than {MOST:,} are not matched", len(seeds))
    return {(a, b): pair(seeds[a], seeds[b]) for a, b in combinations(range(len(seeds)), 2)}


def _estimate(
    values: dict[tuple[int, int], float], found: Reseeded, null: Callable[[Reseeded], Null]
) -> Estimate:
    n, mean = len(found.seeds), float(np.mean(list(values.values())))
    return Estimate(mean, n, _interval(values, n), null(found), method="jackknife over seeds")


def _none_so_near(_: Reseeded) -> Null:
    """Known without drawing: 0.7 is far beyond what the nearest of many random directions reach in any width of a model."""
    return Null("random directions: none has such a cosine", 0.0)


def _chance(found: Reseeded) -> Null:
    """The larger of what two kinds of random dictionaries agree in, as many latents each as the SAEs have, a draw for each pair of seeds."""
    generator = np.random.default_rng(SEED)
    sizes = [(len(one.decoder), len(other.decoder)) for one, other in combinations(found.seeds, 2)]
    d = found.trained.shape[1]
    return _largest(
        {
            kind: [random_like(of, both, d, generator) for both in sizes]
            for kind, of in ((ISOTROPIC, None), (COVARIANCE, found.trained))
        }
    )


def _chance_together(found: Reseeded) -> Null:
    """The largest of three: the latent that fires next more often than the counterpart, and two kinds of random dictionaries that fire as often, a draw for each pair of seeds."""
    generator, pairs = np.random.default_rng(SEED), list(combinations(found.seeds, 2))
    drawn = {AS_OFTEN: [firing_together(one, other)[1] for one, other in pairs]}
    for kind, of in ((ISOTROPIC, None), (COVARIANCE, found.trained)):
        random = ([random_dictionary(one, of, found, generator) for one in pair] for pair in pairs)
        drawn[kind] = [correlated(one, other, matched(one.decoder, other.decoder)) for one, other in random]
    return _largest(drawn)


def _largest(drawn: dict[str, list[float]]) -> Null:
    """The kind with the largest mean."""
    kind = max(drawn, key=lambda one: float(np.mean(drawn[one])))
    values = drawn[kind]
    spread = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return Null(kind, float(np.mean(values)), std=spread, n=len(values))


def _interval(values: dict[tuple[int, int], float], seeds: int) -> tuple[float, float] | None:
    """By leaving out one seed with all of its pairs; None below three."""
    from scipy.stats import t

    if seeds < 3:
        return None
    left = [np.mean([value for pair, value in values.items() if out not in pair]) for out in range(seeds)]
    error = math.sqrt((seeds - 1) / seeds * float(((np.array(left) - np.mean(left)) ** 2).sum()))
    middle, reach = float(np.mean(list(values.values()))), float(t.ppf((1 + LEVEL) / 2, seeds - 1)) * error
    return max(-1.0, middle - reach), min(1.0, middle + reach)


AMONG = "over all pairs of seeds of the SAE, latents that fire on its training rows alone, matched one to one so that decoder cosines have the largest sum"
MEASURES = (
    Measure(
        name="seed_agreement",
        version=1,
        title="Agreement over seeds",
        formula=f"mean cosine of matched decoders (PW-MCC), {AMONG}; beside it the larger mean of random dictionaries, isotropic ones or of the activations' covariance",
        unit="1",
        lower=-1.0,
        upper=1.0,
        higher_is_better=True,
        source="arXiv 2505.20254; nulls as arXiv 2606.12138 and the null-calibrated evaluation of ICML 2026 ask for. The seed is the unit: interval by jackknife over seeds",
        splits=("train",),
        of_seeds=True,
        compute=partial(reseeded, pair=agreement, null=_chance),
        without_effect="as many random directions, matched alike",
        cannot_say="whether latents that come back are true of the model: the same rows were seen by all seeds",
    ),
    Measure(
        name="seed_shared",
        version=1,
        title="Latents shared by seeds",
        formula=f"share of pairs that decoders and encoders match alike, both with a cosine of {SAME} or more, {AMONG}",
        unit="share",
        lower=0.0,
        upper=1.0,
        higher_is_better=True,
        source="Paulo & Belrose 2025 (arXiv 2501.16615): 30 % of 131k latents on Llama 3 8B, 42 % of 32k on Pythia 160M. Random directions of any width here share none",
        splits=("train",),
        of_seeds=True,
        compute=partial(reseeded, pair=shared, null=_none_so_near),
        without_effect="none: of random directions no pair is so near",
        cannot_say="how near the others are; 0.7 is a convention",
    ),
    Measure(
        name="seed_activation_agreement",
        version=2,
        title="Activations of matched latents",
        formula=f"mean Pearson correlation of activations, {AMONG}, pairs that fire on none of the rows left out; on the rows of the first fold, by the same settings trained "
        "without it from each seed, or (split train) on the training rows; beside it the largest of three: the same with the latent that fires next more often than the "
        "counterpart, of isotropic random dictionaries, and of such of the activations' covariance, both firing as often",
        unit="1",
        lower=-1.0,
        upper=1.0,
        higher_is_better=True,
        source="Null-calibrated evaluation (ICML 2026): held-out activations, density-matched pairs and random dictionaries as nulls. Interval by jackknife over seeds",
        splits=("train", CROSSFIT),
        of_seeds=True,
        compute=activations,
        without_effect="the same with a latent that fires as often, or of random dictionaries, whichever correlate more",
        cannot_say="which of the latents come back: it is a mean over all pairs",
    ),
)
