"""The layers that a card says its SAEs are of, against those that they are of."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from hubkit.readme.claims.kinds import LayerList, Peak, Spread
from hubkit.validate.card import claim_finding, countable, layer_of, own_model, shape_of
from hubkit.validate.facts import RepoFacts
from hubkit.validate.finding import Found, Severity

HINT = "correct the card: cfg.json has the value; hubkit build-cards copies it"
NO_SAE = re.compile(r"\bno SAEs?\b", re.IGNORECASE)


def layer_lists(repo: RepoFacts) -> Iterator[Found]:
    """Lists of layers, "every layer", and a peak that has no SAE."""
    yield from _layers(repo)
    yield from _spreads(repo)


def _layers(repo: RepoFacts) -> Iterator[Found]:
    lists = repo.claims.of(LayerList)
    listed = {layer for claim in lists for layer in claim.layers}
    there = {layer_of(sae) for sae in repo.saes}
    if countable(repo) and None not in there:
        known = {layer for layer in there if layer is not None}
        left_out = sorted(known - listed)  # by all lists together: said of the first
        for claim in lists:
            gone = sorted(set(claim.layers) - known)
            unsaid = left_out if not (claim.qualified or claim.partly) else []
            if gone or unsaid:
                what = (
                    f"no SAE of layer {', '.join(map(str, gone))}"
                    if gone
                    else f"SAEs of layer {', '.join(map(str, unsaid))}, which the card leaves out"
                )
                yield claim_finding(
                    claim, f"the repository has {what}", HINT, topic=f"layers {len(claim.layers)}"
                )
                left_out = left_out if gone else []
    yield from _peak_without_sae(
        repo,
        {layer for layer in there if layer is not None} if countable(repo) and None not in there else listed,
    )


def _spreads(repo: RepoFacts) -> Iterator[Found]:
    """ "SAEs for every layer", "at every other layer", where the depth of the base model is known."""
    base = own_model(repo)
    shape = shape_of(base) if base else None
    there = {layer for sae in repo.saes if (layer := layer_of(sae)) is not None}
    if (
        not countable(repo)
        or shape is None
        or len(there) < 1
        or any(layer_of(sae) is None for sae in repo.saes)
    ):
        return
    for claim in repo.claims.of(Spread):
        starts = [range(start, shape.n_layers, claim.step) for start in range(claim.step)]
        if not any(set(start) == there for start in starts):
            which = "every layer" if claim.step == 1 else "every other layer"
            shown = ", ".join(map(str, sorted(there)[:12])) + (", ..." if len(there) > 12 else "")
            yield claim_finding(
                claim, f"{base} has {shape.n_layers} layers, and the repository has SAEs of layer {shown}: not of {which}",
                "name the layers that there are", topic=f"spread {claim.step}",
            )  # fmt: skip


def _peak_without_sae(repo: RepoFacts, layers: set[int]) -> Iterator[Found]:
    if repo.card is None or NO_SAE.search(repo.card.text):
        return
    for claim in repo.claims.of(Peak):
        if claim.model is None and claim.layer is not None and layers and claim.layer not in layers:
            what = f"the card calls layer {claim.layer} the peak, and has no SAE of that layer"
            hint = "say so beside it: no SAE can be compared with the peak there"
            yield replace(claim_finding(claim, what, hint, topic="peak"), severity=Severity.NOTE)
