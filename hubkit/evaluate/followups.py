"""What may be asked of an SAE beside the measures: the latents that tell the labels apart furthest, with completions that excite them, and whether they come back in other draws of the rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from hubkit.evaluate.values import measured, missing
from hubkit.measures.bootstrap import SEED
from hubkit.measures.estimate import NotMeasured
from hubkit.measures.families.latents import furthest
from hubkit.measures.separation import Labelled, strongest
from hubkit.release.experiments import Stability, StabilityRun, TopFeature, TopFeatures

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hubkit.evaluate.pool_sae import PoolSae
    from hubkit.release.metrics import Evaluation, MetricValue

TOP = 5
"""Latents whose coming back is counted."""
EXCERPT = 80
"""Characters of a completion that are shown."""
VARIED = "the completions: half of the pool's, drawn anew within scenario and label"


@dataclass(frozen=True)
class Followups:
    """Which of them; nothing is asked by itself, since they cite completions."""

    latents: int = 0
    """How many of the furthest of each SAE are shown."""
    seeds: tuple[int, ...] = ()
    """Of the draws of half of the rows."""
    beside: Mapping[str, Path] = field(default_factory=dict)
    """Other releases by name, whose SAEs are probed on the same rows."""

    @classmethod
    def of(cls, evaluation: Evaluation) -> Self:
        """What was asked for an evaluation that is there."""
        shown = max((len(one.features) for one in evaluation.top_features), default=0)
        runs = evaluation.stability[0].runs if evaluation.stability else []
        return cls(shown, tuple(run.seed for run in runs))

    @property
    def of_each(self) -> dict[str, Any]:
        """What decides the values of each SAE."""
        return {"latents": self.latents, "seeds": list(self.seeds)}


def top_features(subject: PoolSae, sae_id: str, texts: Sequence[str], most: int) -> TopFeatures | None:
    """Of the published SAE on the rows that it saw; `texts` are the pool's completions. None where the label chose the rows, or no latent can be looked at."""
    found = subject.labelled("train")
    if not most or found is None or not found[0].tells:
        return None
    (part,) = found
    latents, d = strongest(part, most)
    if not len(latents):
        return None
    of_label = dict(zip(subject.labels, (part.positive, ~part.positive), strict=True))
    return TopFeatures(
        sae_id=sae_id,
        rows={label: int(there.sum()) for label, there in of_label.items()},
        features=[
            TopFeature(
                latent=int(latent),
                d=float(size),
                examples={
                    label: texts[int(rows[at])][:EXCERPT]
                    for label, there in of_label.items()
                    if part.acts[rows := np.flatnonzero(there), latent][
                        at := int(part.acts[rows, latent].argmax())
                    ]
                    > 0
                },
            )
            for latent, size in zip(latents, d, strict=True)
        ],
    )


def resampled(subject: PoolSae, sae_id: str, seeds: Sequence[int]) -> Stability | None:
    """The largest |d| and the five furthest latents in other draws of the rows, each beside its own null. None where the label chose the rows."""
    found = subject.labelled("train")
    if not seeds or found is None:
        return None
    (part,) = found
    top = _top(part)
    runs = []
    for seed in seeds:
        drawn = half_of(part, seed)
        shared = len(top & _top(drawn))
        runs.append(StabilityRun(seed=seed, value=_d_max(drawn), shared=shared, of=len(top)))
    return Stability(sae_id=sae_id, varied=VARIED, reference=_d_max(part), runs=runs)


def _top(part: Labelled) -> set[int]:
    return set(strongest(part, TOP)[0].tolist()) if part.tells else set()


def half_of(part: Labelled, seed: int) -> Labelled:
    """Half of the rows of each stratum and label; of an odd number one more or less, as it falls."""
    generator = np.random.default_rng([SEED, seed])
    chosen: list[int] = []
    for cell in np.unique(part.strata):
        for label in (True, False):
            rows = np.flatnonzero((part.strata == cell) & (part.positive == label))
            many = len(rows) // 2 + (int(generator.integers(2)) if len(rows) % 2 else 0)
            chosen += generator.permutation(rows)[:many].tolist()
    rows = np.sort(np.array(chosen, dtype=np.int64))
    return Labelled(part.acts[rows], part.positive[rows], part.strata[rows])


def _d_max(part: Labelled) -> MetricValue:
    try:
        return measured("d_max", furthest((part,)), "train")
    except NotMeasured as why:
        return missing("d_max", why.n, "train", why.reason)
