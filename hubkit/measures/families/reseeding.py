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
from hubkit.measures.matching import SAME, Dictionary, agreement, firing_together, random_like, shared
from hubkit.measures.measure import Measure

if TYPE_CHECKING:
    from hubkit.measures.matching import Floats
    from hubkit.measures.measure import Split
    from hubkit.measures.subject import Subject

    Pair = Callable[[Dictionary, Dictionary], tuple[float, float | None]]
    """A value of two, and what it would be without an effect; None where that is no matter of the pair."""

MOST = 16_384
"""Latents of one dictionary: two of so many take 2 GB to be matched."""
COVARIANCE = "random directions of the activations' covariance"
ISOTROPIC = "random directions, as an SAE that nobody trained has them"


def reseeded(subject: Subject, _: Split, *, pair: Pair, null: str | None) -> Estimate | None:
    """The mean over all pairs of seeds; the seeds are the units. None where no other seed was trained."""
    found = subject.reseeded
    if found is None:
        return None
    seeds, rows = found
    sizes = [len(one.decoder) for one in seeds]
    if min(sizes) == 0:
        raise NotMeasured("an SAE of another seed has no latent that fires on these rows", len(seeds))
    if max(sizes) > MOST:
        raise NotMeasured(f"{max(sizes):,} latents fire, more than {MOST:,} are not matched", len(seeds))
    pairs = list(combinations(range(len(seeds)), 2))
    values = {(a, b): pair(seeds[a], seeds[b]) for a, b in pairs}
    own = {key: value for key, (value, _) in values.items()}
    beside = [chance for _, chance in values.values() if chance is not None]
    if null is None:
        reference = _chance(seeds, rows)
    else:
        reference = Null(null, float(np.mean(beside)) if beside else 0.0)
    return Estimate(
        float(np.mean(list(own.values()))),
        len(seeds),
        _interval(own, len(seeds)),
        reference,
        method="jackknife over seeds",
    )


def _chance(seeds: tuple[Dictionary, ...], rows: Floats) -> Null:
    """The larger of what two kinds of random dictionaries agree in, as many latents each as the SAEs have, a draw for each pair of seeds."""
    generator = np.random.default_rng(SEED)
    sizes = [(len(one.decoder), len(other.decoder)) for one, other in combinations(seeds, 2)]
    d = seeds[0].decoder.shape[1]
    drawn = {
        kind: [random_like(of, both, d, generator) for both in sizes]
        for kind, of in ((ISOTROPIC, None), (COVARIANCE, rows))
    }
    kind = max(drawn, key=lambda one: float(np.mean(drawn[one])))
    spread = float(np.std(drawn[kind], ddof=1)) if len(sizes) > 1 else None
    return Null(kind, float(np.mean(drawn[kind])), std=spread, n=len(sizes))


def _interval(values: dict[tuple[int, int], float], seeds: int) -> tuple[float, float] | None:
    """By leaving out one seed with all of its pairs; None below three."""
    from scipy.stats import t

    if seeds < 3:
        return None
    left = [np.mean([value for pair, value in values.items() if out not in pair]) for out in range(seeds)]
    error = math.sqrt((seeds - 1) / seeds * float(((np.array(left) - np.mean(left)) ** 2).sum()))
    middle, reach = float(np.mean(list(values.values()))), float(t.ppf((1 + LEVEL) / 2, seeds - 1)) * error
    return max(-1.0, middle - reach), min(1.0, middle + reach)


def _agreement(one: Dictionary, other: Dictionary) -> tuple[float, None]:
    return agreement(one, other), None


def _shared(one: Dictionary, other: Dictionary) -> tuple[float, None]:
    return shared(one, other), None


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
        compute=partial(reseeded, pair=_agreement, null=None),
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
        compute=partial(reseeded, pair=_shared, null="random directions: none has such a cosine"),
        without_effect="none: of random directions no pair is so near",
        cannot_say="how near the others are; 0.7 is a convention",
    ),
    Measure(
        name="seed_activation_agreement",
        version=1,
        title="Activations of matched latents",
        formula=f"mean Pearson correlation of activations on the training rows, {AMONG}; beside it the same with the latent that fires next more often than the counterpart",
        unit="1",
        lower=-1.0,
        upper=1.0,
        higher_is_better=True,
        source="Null-calibrated evaluation (ICML 2026): density-matched pairs as the null",
        splits=("train",),
        of_seeds=True,
        compute=partial(reseeded, pair=firing_together, null="latents that fire as often"),
        without_effect="the same with the latent that fires next more often than the counterpart",
        cannot_say="anything of other rows",
    ),
)
