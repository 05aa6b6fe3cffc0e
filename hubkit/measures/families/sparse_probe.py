"""Probes of a few latents: is what tells the labels apart in single latents, or spread over all of them?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from hubkit.measures.estimate import Estimate, Null
from hubkit.measures.families.probe import against_chance
from hubkit.measures.inference import auroc_deviation
from hubkit.measures.measure import UNSEEN, Measure
from hubkit.measures.probed import aurocs

if TYPE_CHECKING:
    from hubkit.measures.measure import Split
    from hubkit.measures.subject import Subject

SIZES = (1, 5, 20)


def sparse(subject: Subject, _: Split, *, k: int) -> Estimate:
    """AUROC within scenarios; beside it that of as many dimensions of the raw activations, chosen alike."""
    probe, raw = subject.probe_sparsely(k)
    found = against_chance(probe, subject.design, aurocs, auroc_deviation)
    if isinstance(raw, str):
        return found
    reference = f"the same probe of {k} dimension{'s' if k > 1 else ''} of the raw activations"
    return replace(found, null=Null(reference, float(aurocs(raw.real, subject.design)[0])))


def _of(k: int) -> Measure:
    compute: Callable[[Subject, Split], Estimate] = partial(sparse, k=k)
    return Measure(
        name=f"sparse_probe_{k}",
        version=1,
        title=f"AUROC of a probe of {k} latent{'s' if k > 1 else ''}",
        formula=f"probe_auroc of the {k} latents of largest |mean_1 - mean_0| / (mean where not 0) on the training rows of each fold",
        unit="share",
        lower=0.0,
        upper=1.0,
        higher_is_better=True,
        source="Gurnee et al. 2023; ranked as sae-probes does (Kantamneni et al. 2025), anew in each fold",
        splits=UNSEEN,
        of_labels=True,
        compute=compute,
    )


MEASURES = tuple(map(_of, SIZES))
