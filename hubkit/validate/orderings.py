"""What a card says of a measure over its SAEs and layers, against the values that the files have: wrong is what no choice among them makes true."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

from hubkit.readme.claims.kinds import Ordering
from hubkit.validate.card import claim_finding, layer_of
from hubkit.validate.finding import Found, Severity
from hubkit.validate.rules.thr_values import training_number

if TYPE_CHECKING:
    from hubkit.validate.facts import RepoFacts

ByLayer = Mapping[int, list[list[float]]]
"""For each layer of each SAE there the values that the files have: of several splits, or counted by the training, too."""
OF_SEVERAL = {"rises", "falls", "highest", "lowest"}
"""What nothing can be held against where there is one layer."""
HINT = "say what the values of the files say; hubkit build-cards writes the tables from them"
ABOUT = 0.1
"""What "about" leaves open, of the number."""
ENDS = 0.05
"""By how much the ends of a range are rounded, of the number."""
FINE = 0.01
"""What rounding leaves open of a bound, of the number."""
EXACT = 1e-9


def of_layers(repo: RepoFacts, values: Mapping[tuple[str, str], list[float]], claim: Ordering) -> ByLayer:
    """The values of the claim's measure; nothing where an SAE has none, or no layer: it may be the one that is meant."""
    found: dict[int, list[list[float]]] = defaultdict(list)
    if claim.raw:
        for (owner, measure), there in values.items():
            if owner.startswith("layer ") and measure == claim.measure and owner[6:].isdecimal():
                found[int(owner[6:])].append(there)
        return found
    for sae in repo.saes:
        layer, own = layer_of(sae), list(values.get((sae.sae_id, claim.measure), []))
        if claim.measure == "l0" and (trained := training_number(sae, "l0")) is not None:
            own.append(trained)
        if layer is None or not own:
            return {}
        found[layer].append(own)
    return {} if claim.says in OF_SEVERAL and len(found) < len(("one", "another")) else found


def disordered(repo: RepoFacts, values: Mapping[tuple[str, str], list[float]]) -> Iterator[Found]:
    """One finding for each ordering that the values contradict."""
    told: set[str] = set()
    for claim in repo.claims.of(Ordering):
        there = of_layers(repo, values, claim)
        reason = _against(claim, there) if there else None
        topic = f"{claim.measure} {claim.says} {claim.layer} {claim.number}"
        if reason and topic not in told:
            told.add(topic)
            what = "raw activations: " if claim.raw else ""
            found = claim_finding(claim, f"{what}{claim.measure} {reason}", HINT, topic=topic)
            yield replace(found, confidence="medium", severity=Severity.WARNING if claim.unsure else None)


def _against(claim: Ordering, there: ByLayer) -> str | None:
    """What the files say instead."""
    flat = {layer: [value for own in saes for value in own] for layer, saes in there.items()}
    if claim.says in ("rises", "falls"):
        return _trend(claim, flat)
    if claim.says in ("highest", "lowest"):
        return _extreme(claim, flat)
    if claim.says == "at":
        return _at(claim, there)
    if claim.says == "ranges":
        return _range(claim, [value for own in flat.values() for value in own])
    chosen = {layer: saes for layer, saes in there.items() if not claim.layers or layer in claim.layers}
    return (_each if claim.says == "each" else _bound)(claim, chosen)


def surely(claim: Ordering, there: ByLayer) -> bool:
    """Whether it is so whichever of the values is meant; of a trend, at each layer after the one before. Not to be refuted is less."""
    chosen = {
        layer: saes
        for layer, saes in there.items()
        if not claim.layers or layer in claim.layers or claim.says in OF_SEVERAL
    }
    flat = {layer: [value for own in saes for value in own] for layer, saes in sorted(chosen.items())}
    values = [value for own in flat.values() for value in own]
    if not values:
        return False
    if claim.says in ("rises", "falls"):
        ordered = list(flat.values()) if claim.says == "rises" else list(flat.values())[::-1]
        return all(max(one) < min(other) for one, other in pairwise(ordered))
    if claim.says in ("highest", "lowest"):
        own = flat.get(claim.layer) if claim.layer is not None else None
        others = [value for layer, of in flat.items() if layer != claim.layer for value in of]
        return own is not None and (
            min(own) > max(others) if claim.says == "highest" else max(own) < min(others)
        )
    if claim.says in ("above", "below") and claim.number is not None:
        return (
            min(values) >= claim.number - EXACT
            if claim.says == "above"
            else max(values) <= claim.number + EXACT
        )
    return _against(claim, there) is None


def _at(claim: Ordering, there: ByLayer) -> str | None:
    """Wrong where no SAE of the layer has it, nor all of them on average."""
    saes = there.get(claim.layer, []) if claim.layer is not None else []
    own = [value for one in saes for value in one]
    assert claim.number is not None  # noqa: S101 - the grammar gives it
    if not own or any(abs(value - claim.number) <= claim.slack + EXACT for value in (*own, *_means(saes))):
        return None
    return f"of layer {claim.layer} is {_shown(own)} in the files, the card says {claim.number:g}"


def _bound(claim: Ordering, there: ByLayer) -> str | None:
    """Wrong where one SAE is on the other side with every value."""
    assert claim.number is not None  # noqa: S101 - as above
    above = claim.says == "above"
    each = [(max if above else min)(own) for saes in there.values() for own in saes]
    worst = (min if above else max)(each, default=claim.number)
    slack = min(claim.slack, FINE * abs(claim.number)) + EXACT
    wrong = worst < claim.number - slack if above else worst > claim.number + slack
    return (
        f"of an SAE is {worst:.6g} in the files, the card says {claim.says} {claim.number:g}"
        if wrong
        else None
    )


def _means(saes: list[list[float]]) -> list[float]:
    first = [own[0] for own in saes]
    return [sum(first) / len(first)] if first else []


def _trend(claim: Ordering, flat: Mapping[int, list[float]]) -> str | None:
    """Wrong where every value at the last layer is on the other side of every one at the first."""
    first, last = (claim.layers or (min(flat), max(flat)))[:2]
    if first == last or first not in flat or last not in flat:
        return None
    wrong = (
        max(flat[last]) < min(flat[first]) if claim.says == "rises" else min(flat[last]) > max(flat[first])
    )
    shown = f"{_shown(flat[first])} at layer {first} and {_shown(flat[last])} at layer {last}"
    return f"is {shown} in the files, the card says that it {claim.says}" if wrong else None


def _extreme(claim: Ordering, flat: Mapping[int, list[float]]) -> str | None:
    """Wrong where another layer is beyond it with every value."""
    if claim.layer is None or claim.layer not in flat:
        return None
    own = flat[claim.layer]
    beyond = [
        layer
        for layer, other in flat.items()
        if (min(other) > max(own) if claim.says == "highest" else max(other) < min(own))
    ]
    if not beyond:
        return None
    layer = (max if claim.says == "highest" else min)(beyond, key=lambda one: flat[one][0])
    return f"is {_shown(flat[layer])} at layer {layer} and {_shown(own)} at layer {claim.layer} in the files, the card says that layer {claim.layer} has the {claim.says}"


def _each(claim: Ordering, there: ByLayer) -> str | None:
    assert claim.number is not None  # noqa: S101 - as above
    slack = max(claim.slack, ABOUT * abs(claim.number) if claim.about else 0)
    for layer, saes in there.items():
        for own in saes:
            if not any(abs(value - claim.number) <= slack + EXACT for value in own):
                return f"of an SAE of layer {layer} is {_shown(own)} in the files, the card says {claim.number:g} of all"
    return None


def _range(claim: Ordering, values: list[float]) -> str | None:
    assert claim.number is not None  # noqa: S101 - as above
    if claim.to is None or not values:
        return None
    ends = ((claim.number, min(values)), (claim.to, max(values)))
    if all(abs(said - true) <= max(claim.slack, ENDS * abs(said)) + EXACT for said, true in ends):
        return None
    return f"ranges from {min(values):.6g} to {max(values):.6g} in the files, the card says from {claim.number:g} to {claim.to:g}"


def _shown(values: list[float]) -> str:
    return " or ".join(f"{value:.6g}" for value in sorted(set(values))[:3])
