"""CARD004: counts in the card against the folders, and against the grid that the card itself states."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from math import prod

from hubkit.readme.claims.kinds import (
    Claim,
    Count,
    Done,
    LayerList,
    OfStudy,
    Product,
    StudyCount,
    StudyTotal,
    Sum,
    Unlearned,
)
from hubkit.validate.card import (
    ARCHITECTURES,
    claim_finding,
    countable,
    layer_of,
    plain,
    same_model,
    trained_as,
)
from hubkit.validate.facts import RepoFacts
from hubkit.validate.finding import Found, Severity
from hubkit.validate.missing_saes import missing_words
from hubkit.validate.need import Need
from hubkit.validate.rule import repo_rule
from hubkit.validate.true_values import values_of

WORDS = {"saes": "SAEs", "layers": "layers", "architectures": "architectures", "conditions": "conditions"}
OF_STUDY: dict[OfStudy, str] = {"saes": "SAEs", "releases": "releases", "models": "base models"}
HINT = "correct the card, or add what is missing{}: hubkit build-cards counts the folders"


@repo_rule("CARD004", Severity.ERROR, Need.TREE | Need.README | Need.CFG, against="files")
def wrong_count(repo: RepoFacts) -> Iterator[Found]:
    """A count in the card contradicts the repository, or the grid that the card itself states.

    The number of SAEs against the folders; SAEs against layers x architectures x conditions; a number of layers, architectures or conditions against
    the list beside it and against the configurations; "threshold never learned (54 SAEs)" against the SAEs that have a threshold. Only counts of what the
    repository holds are read ("57 SAEs across 6 layers", "this repository contains 3 SAEs"): "14 of 30 SAEs" is left alone, and so is the total of a
    study ("nine models, 348 SAEs", "four releases") but in the card around the study's releases.
    So is a card that says itself what is missing ("25/27 complete").
    """
    yield from _folders(repo)
    yield from _study(repo)
    yield from _two_numbers(repo)
    yield from _grid(repo)
    yield from _listed(repo)
    yield from _parts(repo)
    yield from _unlearned(repo)


def _folders(repo: RepoFacts) -> Iterator[Found]:
    """Each count against what is there."""
    seen: set[tuple[str, int]] = set()
    for claim in repo.claims.of(Count):
        what, found = " ".join([*claim.only, WORDS[claim.what]]), there(repo, claim)
        if found is None or found == claim.number or (what, claim.number) in seen:
            continue
        seen.add((what, claim.number))
        yield claim_finding(
            claim,
            f"the card says {claim.number} {what}, the repository has {found}",
            _hint(repo, claim.number if claim.what == "saes" and not claim.only else 0),
            topic=f"there {' '.join([*claim.only, claim.what])}",
        )


def _hint(repo: RepoFacts, expected: int) -> str:
    """What to do; where the names of `expected` SAEs make a grid, with those that are missing."""
    return HINT.format(missing_words(repo.saes, expected))


def there(repo: RepoFacts, claim: Count) -> int | None:
    """How many the repository has; None where that cannot be told."""
    if not countable(repo):
        return None
    if claim.what == "saes":
        return _of_architecture(repo, claim) if claim.only else len(repo.saes)
    values: list[int | None] | list[str | None]
    if claim.what == "layers":
        values = [layer_of(sae) for sae in repo.saes]
    elif claim.what == "architectures":
        if not {plain(name) for name in claim.listed} <= ARCHITECTURES:
            return None
        values = [trained_as(sae) for sae in repo.saes]
        # A JumpReLU that is published as what it computes may be counted as either.
        if claim.number == len({sae.architecture for sae in repo.saes}):
            return claim.number
    else:
        values = [sae.sae.training.condition for sae in repo.saes]
    return None if None in values else len(set(values))


def _of_architecture(repo: RepoFacts, claim: Count) -> int | None:
    """How many SAEs there are of the claim's architecture; a JumpReLU that was trained as something else may be counted as either."""
    each = [values_of(sae, "architecture") for sae in repo.saes]
    if not all(each):
        return None
    surely = sum(set(claim.only) & {sae.sae.trained_as or sae.architecture} != set() for sae in repo.saes)
    perhaps = sum(any(set(claim.only) & names for names in own) for own in each)
    return claim.number if surely <= claim.number <= perhaps else surely


def in_study(repo: RepoFacts, what: OfStudy) -> int | None:
    """How many releases, base models or SAEs lie in the releases below; None where there are none, or it cannot be told."""
    if not repo.releases or not countable(repo):
        return None
    if what == "releases":
        return len(repo.releases)
    if what == "saes":
        return len(repo.saes)
    names = [sae.sae.model_name for sae in repo.saes]
    return len({same_model(name) for name in names if name}) if all(names) else None


def _study(repo: RepoFacts) -> Iterator[Found]:
    """What the card around several releases says of their study."""
    said: list[tuple[Claim, OfStudy, int]] = [
        (one, one.what, one.number) for one in repo.claims.of(StudyCount)
    ]
    for total in repo.claims.of(StudyTotal):
        said += [(total, "models", total.models), (total, "saes", total.saes)]
    seen: set[tuple[str, int]] = set()
    for claim, what, number in said:
        found = in_study(repo, what)
        if found is None or found == number or (what, number) in seen:
            continue
        seen.add((what, number))
        yield claim_finding(
            claim,
            f"the card says {number} {OF_STUDY[what]}, the study that lies below it has {found}",
            HINT.format(""),
            topic=f"study {what}",
        )


def _of_all(repo: RepoFacts) -> list[Count]:
    """The counts that are of no one architecture."""
    return [claim for claim in repo.claims.of(Count) if not claim.only]


def _two_numbers(repo: RepoFacts) -> Iterator[Found]:
    """Two counts of the same thing; judged only where the folders do not decide."""
    if countable(repo):
        return
    first: dict[str, Count] = {}
    for claim in _of_all(repo):
        before = first.setdefault(claim.what, claim)
        if before.number != claim.number:
            yield claim_finding(
                claim,
                f"the card says {before.number} {WORDS[claim.what]} on line {before.line} and {claim.number} here",
                HINT.format(""),
                topic="twice",
            )
            return


def _grid(repo: RepoFacts) -> Iterator[Found]:
    """SAEs against the product of the factors, where all three are stated for all SAEs alike."""
    for product in repo.claims.of(Product):
        if product.result is not None and prod(product.factors) != product.result:
            yield claim_finding(
                product,
                f"{' x '.join(map(str, product.factors))} = {prod(product.factors)}, not {product.result}",
                HINT.format(""),
                topic="product",
            )
    total = next((claim for claim in _of_all(repo) if claim.what == "saes"), None)
    factors = _factors(repo)
    if total is None or factors is None or prod(factors) == total.number:
        return
    planned = prod(factors)
    if any(done.planned == planned and done.done == total.number for done in repo.claims.of(Done)):
        return
    grid = " x ".join(map(str, factors))
    yield claim_finding(
        total,
        f"the card says {total.number} SAEs; its layers x architectures x conditions are {grid} = {planned}",
        _hint(repo, planned),
        topic="grid",
    )


def _factors(repo: RepoFacts) -> tuple[int, int, int] | None:
    """Layers, architectures, conditions; None where one is not stated, or holds for some of the SAEs only."""
    lists = [claim for claim in repo.claims.of(LayerList) if not claim.partly]
    if any(claim.qualified for claim in lists):
        return None
    numbers = {
        what: {c.number for c in _of_all(repo) if c.what == what}
        for what in ("layers", "architectures", "conditions")
    }
    numbers["layers"] |= {len(claim.layers) for claim in lists} if not numbers["layers"] else set()
    counted = {claim.line for claim in repo.claims.of(Count)}
    for claim in repo.claims.of(Sum):
        if not all(plain(name) in ARCHITECTURES for _, name in claim.parts):
            if claim.line in counted:
                return None  # "30 original + 9 validated": not one grid
        elif not numbers["architectures"]:
            numbers["architectures"] = {sum(number > 0 for number, _ in claim.parts)}
    if any(len(found) != 1 for found in numbers.values()):
        return None
    layers, architectures, conditions = (found.pop() for found in numbers.values())
    return layers, architectures, conditions


def _listed(repo: RepoFacts) -> Iterator[Found]:
    """A number against the list beside it."""
    for claim in repo.claims.of(Count):
        names = {name.lower() for name in claim.listed}
        if names and len(names) != claim.number:
            yield claim_finding(
                claim,
                f"the card says {claim.number} {WORDS[claim.what]} and lists {len(names)}",
                HINT.format(""),
                topic="list",
            )


def _parts(repo: RepoFacts) -> Iterator[Found]:
    """`9 JumpReLU + 9 TopK` against the configurations."""
    kinds = [trained_as(sae) for sae in repo.saes]
    if not countable(repo) or None in kinds:
        return
    there, built = Counter(kinds), Counter(sae.architecture for sae in repo.saes)
    for claim in repo.claims.of(Sum):
        stated: Counter[str] = Counter()
        for number, name in claim.parts:
            stated[plain(name)] += number
        for kind, number in stated.items():
            # A JumpReLU that is published as what it computes may be counted as either.
            if kind in ARCHITECTURES and number not in (there[kind], built[kind]):
                name = next(name for _, name in claim.parts if plain(name) == kind)
                yield claim_finding(
                    claim,
                    f"the card says {number} {name}, the repository has {there[kind]}",
                    _hint(repo, sum(stated.values())),
                    topic=f"part {kind}",
                )


def _unlearned(repo: RepoFacts) -> Iterator[Found]:
    """Only JumpReLU SAEs have a threshold that can fail to learn."""
    kinds = [trained_as(sae) for sae in repo.saes]
    with_threshold = Counter(kinds)["jumprelu"] if countable(repo) and None not in kinds else _by_grid(repo)
    total = next((claim.number for claim in _of_all(repo) if claim.what == "saes"), None)
    if with_threshold is None:
        return
    for claim in repo.claims.of(Unlearned):
        number = claim.number or total
        if number is not None and number > with_threshold:
            yield claim_finding(
                claim, f"the card gives {number} SAEs a threshold that never learned; {with_threshold} of its SAEs are JumpReLU, the others have none",
                "name the number of JumpReLU SAEs", topic="unlearned",
            )  # fmt: skip


def _by_grid(repo: RepoFacts) -> int | None:
    """JumpReLU SAEs by the card's own grid."""
    factors = _factors(repo)
    named = {
        plain(name)
        for claim in repo.claims.of(Count)
        if claim.what == "architectures"
        for name in claim.listed
    }
    return factors[0] * factors[2] if factors and "jumprelu" in named and len(named) == factors[1] else None
