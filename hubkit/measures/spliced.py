"""What a base model loses where an SAE stands in the place of its activations: sums of each document, so that documents can be drawn again. numpy alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from hubkit.measures.bootstrap import RESAMPLES, SEED, percentile_interval
from hubkit.measures.estimate import Estimate, NotMeasured, Null

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

CLEAN, SAE, ZERO, MEAN = "clean", "sae", "zero", "mean"
"""The model as it is; with the SAE's reconstruction; with 0; with the mean activation of these texts."""
RUNS = (CLEAN, SAE, ZERO, MEAN)
ABLATED = {ZERO: "zeros in the place of the activations", MEAN: "their mean in the place of the activations"}
METHOD = "bootstrap over documents"
FEWEST = 1e-6
"""Nats a token: an ablation that costs less is no scale."""


@dataclass(frozen=True)
class Spliced:
    """One SAE in a base model, on some documents. All arrays (documents,)."""

    ce: Mapping[str, Floats]
    """Sum over tokens of the cross entropy of the next one, in nats, of each of RUNS."""
    kl: Mapping[str, Floats]
    """Sum over tokens of KL(clean || run), of all RUNS but the clean one."""
    tokens: Floats
    """That have a next one and are counted, for `ce`."""
    places: Floats
    """That are counted, the last of a document too, for `kl`."""

    @property
    def documents(self) -> int:
        """How many."""
        return len(self.tokens)

    @cached_property
    def drawn(self) -> Floats:
        """(B, documents) how often each is drawn in each resample."""
        generator = np.random.default_rng([SEED, self.documents])
        share = np.full(self.documents, 1 / self.documents)
        return generator.multinomial(self.documents, share, size=RESAMPLES).astype(np.float64)

    def estimate(
        self, value: Callable[[Callable[[Floats], Floats]], Floats], zero: str | None = None
    ) -> Estimate:
        """`value` of sums: it is given what sums (documents,), once over all of them and once over each resample. Not below two documents an interval. `zero`: what would give 0,
        where that is what the value is held against."""
        with np.errstate(divide="ignore", invalid="ignore"):
            found = float(value(lambda by_document: by_document.sum(keepdims=True))[0])
            several = (
                value(lambda by_document: self.drawn @ by_document)
                if self.documents > 1
                else np.array([np.nan])
            )
        return Estimate(
            found,
            int(self.tokens.sum()),
            percentile_interval(several),
            None if zero is None else Null(zero, 0.0),
            n_effective=self.documents,
            method=METHOD,
        )


def mean_ce(spliced: Spliced, run: str) -> Estimate:
    """Cross entropy of the next token, nats."""
    return spliced.estimate(lambda total: total(spliced.ce[run]) / total(spliced.tokens))


def mean_kl(spliced: Spliced, run: str) -> Estimate:
    """KL from the clean model, nats."""
    return spliced.estimate(lambda total: total(spliced.kl[run]) / total(spliced.places))


def increase(spliced: Spliced) -> Estimate:
    """CE_sae - CE_clean, nats."""
    return spliced.estimate(
        lambda total: total(spliced.ce[SAE] - spliced.ce[CLEAN]) / total(spliced.tokens),
        "the model's own loss",
    )


def ce_score(spliced: Spliced, ablation: str) -> Estimate:
    """(CE_ablated - CE_sae) / (CE_ablated - CE_clean). Raises NotMeasured where the ablation costs nothing."""
    scale = float((spliced.ce[ablation] - spliced.ce[CLEAN]).sum() / spliced.tokens.sum())
    if scale < FEWEST:
        raise NotMeasured(
            f"the model is no worse with {ABLATED[ablation]} ({scale:+.3g} nats a token), so there is no scale",
            int(spliced.tokens.sum()),
        )
    return spliced.estimate(
        lambda total: (
            total(spliced.ce[ablation] - spliced.ce[SAE]) / total(spliced.ce[ablation] - spliced.ce[CLEAN])
        ),
        ABLATED[ablation],
    )


def kl_score(spliced: Spliced, ablation: str) -> Estimate:
    """1 - KL_sae / KL_ablated. Raises NotMeasured where the ablation changes nothing."""
    if float(spliced.kl[ablation].sum() / spliced.places.sum()) < FEWEST:
        raise NotMeasured(
            "the ablation changes no prediction, so there is no scale", int(spliced.places.sum())
        )
    return spliced.estimate(
        lambda total: 1 - total(spliced.kl[SAE]) / total(spliced.kl[ablation]), ABLATED[ablation]
    )
