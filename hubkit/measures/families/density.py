"""How often latents fire: a count of latents by the share of rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hubkit.measures.estimate import Histogram
from hubkit.measures.families.reconstruction import DENSE
from hubkit.measures.measure import NO_NULL, UNSEEN, Measure

if TYPE_CHECKING:
    from hubkit.measures.measure import Split
    from hubkit.measures.subject import Subject

EDGES = tuple(-6 + step / 2 for step in range(13))
"""log10 of the share of the rows, from one in a million (and less) to all of them."""


def density(subject: Subject, split: Split) -> Histogram | None:
    """None where an activation is not a number."""
    rows = subject.reconstructed(split)
    if not all(one.whole for one in rows.firing):
        return None
    shares = np.concatenate([one.share for one in rows.firing])
    alive = shares[shares > 0]
    counts, _ = np.histogram(np.clip(np.log10(alive), EDGES[0], EDGES[-1]), bins=EDGES)
    return Histogram(
        n=rows.n,
        latents=len(shares),
        dead=int((shares == 0).sum()),
        dense=int((shares > DENSE).sum()),
        edges=EDGES,
        counts=tuple(int(count) for count in counts),
    )


MEASURES = (
    Measure(
        name="density",
        version=1,
        title="How often latents fire",
        formula="latents by log10 of the share of rows on which they are != 0, in bins of half a decade; those that fire on no row (dead) and on more than a tenth (dense) beside",
        unit="latents",
        lower=0.0,
        upper="d_sae",
        higher_is_better=None,
        source="Bricken et al. 2023; `feature_density` of SAELens. Never seen on T rows says no more than a share below 3/T",
        splits=("train", *UNSEEN),
        count=density,
        without_effect=NO_NULL,
        cannot_say="how often a latent fires below one in n rows",
    ),
)
