"""The widths that a card gives, as a factor, as two numbers or as the shapes of tensors, against those of the SAEs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from hubkit.readme.claims.kinds import Expansion, Property, TensorShape, Widths
from hubkit.validate.card import claim_finding
from hubkit.validate.facts import RepoFacts, SaeFacts
from hubkit.validate.finding import Found, Severity
from hubkit.validate.true_values import sizes_agree

HINT = "correct the card: cfg.json has the value; hubkit build-cards copies it"
ABOUT_FACTOR = 0.05


def widths(repo: RepoFacts, saes: list[SaeFacts]) -> Iterator[Found]:
    """Every statement of them that no SAE fits; none where configuration and weights of one say two things."""
    if not all(map(sizes_agree, saes)):
        return
    yield from _expansions(repo, saes)
    yield from _shapes(repo, saes)
    yield from _widths(repo, saes)


def _expansions(repo: RepoFacts, saes: list[SaeFacts]) -> Iterator[Found]:
    exact = {
        claim.field
        for claim in repo.claims.of(Property)
        if claim.field in {"d_in", "d_sae"} and claim.stated[0] == claim.stated[1]
    }
    widths = {(sae.sae.d_in, sae.sae.d_sae) for sae in saes}
    known = {(d_in, d_sae) for d_in, d_sae in widths if d_in and d_sae}
    for claim in repo.claims.of(Expansion):
        if claim.pair is not None:
            yield from _pair(claim, known if len(known) == len(widths) else set())
        elif not {"d_in", "d_sae"} <= exact:
            yield from _expansion(claim, {d_sae / d_in for d_in, d_sae in known})


def _pair(claim: Expansion, widths: set[tuple[int, int]]) -> Iterator[Found]:
    """The two widths that the card gives beside the factor; CARD008 holds them against it."""
    if claim.pair is not None and widths and claim.pair not in widths:
        true = " or ".join(f"{d_in} and {d_sae}" for d_in, d_sae in sorted(widths))
        first, second = claim.pair
        what = f"the widths are {true} in the configurations, the card says {first} and {second}"
        yield claim_finding(claim, what, HINT, topic=f"widths {first} {second}")


def _expansion(claim: Expansion, factors: set[float]) -> Iterator[Found]:
    """The factor alone; where the card gives the widths, CARD008 holds it against them."""
    near = any(abs(factor - claim.number) <= ABOUT_FACTOR * claim.number for factor in factors)
    if factors and not near:
        values = " or ".join(f"{factor:.3g}" for factor in sorted(factors))
        yield claim_finding(
            claim,
            f"the expansion is {values} in the configurations, the card says {claim.number:g}",
            HINT,
            topic=f"expansion {claim.number:g}",
        )


def _widths(repo: RepoFacts, saes: list[SaeFacts]) -> Iterator[Found]:
    """`768 → 24576`, forth or back. Where nothing beside it says that it is an SAE's, one of the two must be."""
    known = {(sae.sae.d_in, sae.sae.d_sae) for sae in saes}
    sizes = [(d_in, d_sae) for d_in, d_sae in known if d_in and d_sae]
    if not sizes or len(sizes) < len(known):
        return
    told: set[str] = set()
    beside = {claim.line for claim in repo.claims.of(Expansion) if claim.pair is not None}
    for claim in repo.claims.of(Widths):
        fits = [
            sum(
                low <= size <= high
                for size, (low, high) in zip(pair, (claim.first, claim.second), strict=True)
            )
            for d_in, d_sae in sizes
            for pair in ((d_in, d_sae), (d_sae, d_in))
        ]
        if (
            max(fits) == len(("first", "second"))
            or claim.quote in told
            or claim.line in beside
            or not (claim.sure or max(fits))
        ):
            continue
        told.add(claim.quote)
        true = " or ".join(f"{d_in} and {d_sae}" for d_in, d_sae in sorted(sizes))
        found = claim_finding(
            claim, f"d_in and d_sae are {true} in the configurations, the card says {claim.first[0]:.0f} and {claim.second[0]:.0f}", HINT, topic="widths"
        )  # fmt: skip
        yield found if claim.sure else replace(found, severity=Severity.WARNING, confidence="medium")


def _shapes(repo: RepoFacts, saes: list[SaeFacts]) -> Iterator[Found]:
    if not all(sae.is_saelens for sae in saes):
        return
    sizes = {(sae.sae.d_in, sae.sae.d_sae) for sae in saes}
    for claim in repo.claims.of(TensorShape):
        possible = {
            {"W_enc": (d_in, d_sae), "W_dec": (d_sae, d_in), "b_enc": (d_sae,), "b_dec": (d_in,)}.get(
                claim.name, (d_sae,)
            )
            for d_in, d_sae in sizes
        }
        if claim.either and claim.shape[::-1] in possible:
            continue
        if claim.shape not in possible and None not in {size for shape in possible for size in shape}:
            true = " or ".join(str(list(shape)) for shape in sorted(possible))
            yield claim_finding(
                claim,
                f"{claim.name} is {true}, the card says {list(claim.shape)}",
                HINT,
                topic=f"shape {claim.name}",
            )
