"""Probes of a few latents: is what tells the labels apart in single latents, or spread over all of them? Beside them probes of as few of anything else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from hubkit.measures.estimate import Estimate, NotMeasured, Null
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


def components(subject: Subject, _: Split, *, k: int) -> Estimate | None:
    """Of the raw activations of a layer."""
    probe = subject.probe_components(k)
    return None if probe is None else against_chance(probe, subject.design, aurocs, auroc_deviation)


def random_latents(subject: Subject, _: Split, *, k: int) -> Estimate | None:
    """The mean over several draws; the interval is that of the first, moved, and its null is that of each."""
    probes = subject.probe_random_latents(k)
    if probes is None:
        return None
    if isinstance(probes, str):
        raise NotMeasured(probes, int(subject.design.contrasting().sum()))
    values = np.array([aurocs(one.real, subject.design)[0] for one in probes])
    found = against_chance(probes[0], subject.design, aurocs, auroc_deviation)
    low, high = found.interval or (0.0, 1.0)
    moved = float(values.mean()) - found.value
    return replace(
        found,
        value=float(values.mean()),
        interval=(max(0.0, low + moved), min(1.0, high + moved)),
        null=found.null and replace(found.null, p_value=None),
    )


def _of(
    name: str,
    title: str,
    formula: str,
    source: str,
    compute: Callable[..., Estimate | None],
    k: int,
    **said: Any,
) -> Measure:
    return Measure(
        name=f"{name}_{k}",
        version=4 if name == "sparse_probe" else 2,
        title=f"AUROC of a probe of {title.format(k=k, s='s' if k > 1 else '')}",
        formula=f"probe_auroc of {formula.format(k=k)}",
        unit="share",
        lower=0.0,
        upper=1.0,
        higher_is_better=True,
        source=source,
        splits=UNSEEN,
        of_layers=compute is components,
        of_labels=True,
        compute=partial(compute, k=k),
        **said,
    )


GURNEE = "Gurnee et al. 2023; ranked as sae-probes does (Kantamneni et al. 2025), anew in each fold"
DRAWN = "as sparse_probe: what any latents that fire as often give"
MEASURES = tuple(
    measure
    for k in SIZES
    for measure in (
        _of("sparse_probe", "{k} latent{s}", "the {k} latents of largest |mean_1 - mean_0| / (mean where not 0) on the training rows of each fold", GURNEE, sparse, k,
        without_effect="the same of as many raw dimensions, chosen alike; labels permuted, latents chosen anew",
        cannot_say="which latents matter: others may say the same",
    ),
        _of(
            "sparse_random", "{k} random latent{s}",
            "{k} latents, each drawn (seeded) from the 20 that fire on the training rows of each fold about as often as one of sparse_probe's; mean over 5 draws",
            DRAWN, random_latents, k,
        without_effect="as a mixed SAE's probe",
        cannot_say="anything of the best latents",
    ),
        _of(
            "sparse_components", "{k} principal component{s}", "the first {k} principal components of the raw activations of the training rows of each fold",
            "Kantamneni et al. 2025, whose baselines have them; chosen without the labels", components, k,
        without_effect="as a mixed SAE's probe",
        cannot_say="anything of the SAE: it is a reference of the activations",
    ),
    )
)  # fmt: skip
