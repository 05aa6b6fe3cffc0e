"""CARD008: arithmetic inside the card."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace

from hubkit.readme.claims.kinds import (
    Bits,
    Claim,
    Depth,
    Difference,
    Expansion,
    LayerScore,
    ModelLayers,
    Peak,
    Property,
    Share,
    Stated,
    Sum,
)
from hubkit.readme.claims.numbers import half_unit
from hubkit.validate.card import claim_finding, own_model, shape_of
from hubkit.validate.facts import RepoFacts
from hubkit.validate.finding import Found, Severity
from hubkit.validate.need import Need
from hubkit.validate.rule import repo_rule

HINT = "compute it again, or let hubkit build-cards do it"
EXACT = 1e-9
BITS = {"nf4": 4 + 32 / 64, "nf4 with double quantization": 4 + 8 / 64 + 32 / (64 * 256)}
"""Blocks of 64 weights share a scale of 32 bits; doubly quantized, of 8 bits, and 256 scales share one of 32 (QLoRA, arXiv:2305.14314, section 3)."""
ABOUT_BITS = 0.15
CONVENTIONS: dict[str, Callable[[int, int], float]] = {
    "l / n": lambda layer, layers: 100 * layer / layers,
    "l / (n - 1)": lambda layer, layers: 100 * layer / (layers - 1),
    "(l + 1) / n": lambda layer, layers: 100 * (layer + 1) / layers,
}
"""Ways to say how deep layer l of n is, in per cent."""


@repo_rule("CARD008", Severity.WARNING, Need.README, against="card")
def arithmetic(repo: RepoFacts) -> Iterator[Found]:
    """Arithmetic inside the card does not hold.

    `x/y (z %)`; a difference in percentage points against the two percentages in the same clause; a total against its parts; d_sae against d_in x the
    expansion factor; bits a parameter against the quantization that the line names; a depth in per cent, for which l/n, l/(n-1) and (l+1)/n are all
    accepted, but one of them for the whole card; a peak that another layer of the same card equals; a number called original that the card does not
    give; "SAEs help" where fewer than half of the SAEs beat the raw activations, as half of them would if nothing were gained. What rounding explains
    is right.
    """
    yield from _shares(repo)
    yield from _differences(repo)
    yield from _sums(repo)
    yield from _expansions(repo)
    yield from _bits(repo)
    yield from _depths(repo)
    yield from _peaks(repo)
    yield from _originals(repo)


def _shares(repo: RepoFacts) -> Iterator[Found]:
    for claim in repo.claims.of(Share):
        true = 100 * claim.part / claim.whole
        slack = half_unit(claim.digits) * (2 if claim.about else 1)
        if abs(true - claim.percent) > slack + EXACT:
            yield claim_finding(
                claim,
                f"{claim.part}/{claim.whole} is {true:.{claim.digits + 1}f} %, the card says {claim.percent:g} %",
                HINT,
                topic=f"share {claim.part}/{claim.whole}",
            )
        elif claim.of_saes_that_beat and claim.says_help and 2 * claim.part < claim.whole:
            yield _doubtful(
                claim, f"{claim.part} of {claim.whole} SAEs beat the raw activations, fewer than the half that equal representations would give, and the card says that SAEs help",
                "say by how much, with an interval and the share expected by chance", topic="help",
            )  # fmt: skip


def _differences(repo: RepoFacts) -> Iterator[Found]:
    for claim in repo.claims.of(Difference):
        true = claim.first - claim.second
        if abs(abs(true) - abs(claim.points)) > claim.slack + EXACT:
            yield claim_finding(
                claim, f"between {claim.first:g} % and {claim.second:g} % are {abs(true):.4g} percentage points, the card says {claim.points:+g}",
                HINT, topic=f"difference {claim.points:g}",
            )  # fmt: skip


def _sums(repo: RepoFacts) -> Iterator[Found]:
    for claim in repo.claims.of(Sum):
        total = sum(number for number, _ in claim.parts)
        if total != claim.total:
            parts = " + ".join(str(number) for number, _ in claim.parts)
            yield claim_finding(
                claim, f"{parts} = {total}, the card says {claim.total}", HINT, topic=f"sum {claim.total}"
            )


def _expansions(repo: RepoFacts) -> Iterator[Found]:
    """Against the two widths beside it, or the only two that the card gives."""
    widths = {
        name: {
            c.stated[0] for c in repo.claims.of(Property) if c.field == name and c.stated[0] == c.stated[1]
        }
        for name in ("d_in", "d_sae")
    }
    only = (
        (widths["d_in"].pop(), widths["d_sae"].pop())
        if all(len(found) == 1 for found in widths.values())
        else None
    )
    for claim in repo.claims.of(Expansion):
        pair = claim.pair or only
        if pair and pair[0] and abs(pair[1] / pair[0] - claim.number) > 0.05 * claim.number:
            yield claim_finding(
                claim,
                f"{pair[1]:g} / {pair[0]:g} is {pair[1] / pair[0]:.3g}, the card says {claim.number:g}x",
                HINT,
                topic=f"expansion {claim.number:g}",
            )


def _bits(repo: RepoFacts) -> Iterator[Found]:
    for claim in repo.claims.of(Bits):
        if abs(claim.bits - BITS[claim.scheme]) > ABOUT_BITS:
            yield claim_finding(
                claim,
                f"{claim.scheme} takes {BITS[claim.scheme]:.2f} bits a parameter, the card says {claim.bits:g}",
                HINT,
                topic="bits",
            )


def _depths(repo: RepoFacts) -> Iterator[Found]:
    stated = {claim.number for claim in repo.claims.of(ModelLayers)}
    base = own_model(repo)
    possible = set(CONVENTIONS)
    kept: list[Depth] = []
    for claim in repo.claims.of(Depth):
        layers = _layers(claim.model or base) or (
            next(iter(stated)) if not claim.model and len(stated) == 1 else None
        )
        if layers is None or layers < 2:
            continue
        fits = {
            name
            for name, depth in CONVENTIONS.items()
            if abs(depth(claim.layer, layers) - claim.percent) <= 1.0
        }
        if not fits:
            ways = " or ".join(f"{depth(claim.layer, layers):.0f} %" for depth in CONVENTIONS.values())
            yield claim_finding(
                claim,
                f"layer {claim.layer} of {layers} is {ways} deep, the card says {claim.percent:g} %",
                HINT,
                topic=f"depth {claim.layer} {claim.model or ''}",
            )
        elif possible and not possible & fits:
            yield claim_finding(
                claim, f"this depth is {' or '.join(sorted(fits))}; line {kept[0].line} counts by {' or '.join(sorted(possible))}",
                "count all depths of the card by one convention", topic=f"convention {claim.layer} {claim.model or ''}",
            )  # fmt: skip
            possible = set()
        elif possible:
            possible &= fits
            kept.append(claim)


def _layers(model: str | None) -> int | None:
    shape = shape_of(model) if model else None
    return shape.n_layers if shape else None


def _peaks(repo: RepoFacts) -> Iterator[Found]:
    """Another layer's raw activations as good as those of the layer that is called the best."""
    own = [claim for claim in repo.claims.of(Peak) if claim.model is None]
    layer = next((claim for claim in own if claim.layer is not None), None)
    accuracy = next((claim for claim in own if claim.accuracy is not None and not claim.about), None)
    if layer is None or accuracy is None or accuracy.accuracy is None:
        return
    for claim in repo.claims.of(LayerScore):
        if claim.layer != layer.layer and claim.accuracy >= accuracy.accuracy:
            yield claim_finding(
                claim, f"the raw activations of layer {claim.layer} reach {claim.accuracy:g} %; the card calls layer {layer.layer} the peak, with {accuracy.accuracy:g} % (line {accuracy.line})",
                "find out which layer is the best: write that one as the peak, or the right number beside the other", topic=f"peak {claim.layer}",
            )  # fmt: skip


def _originals(repo: RepoFacts) -> Iterator[Found]:
    """A value that is called the original one must be among those that the card gives under that name."""
    by_name: dict[str, list[Stated]] = defaultdict(list)
    for claim in repo.claims.of(Stated):
        by_name[claim.name].append(claim)
    for name, claims in by_name.items():
        above = [one for one in claims if not one.original]
        given_before = _Given()
        for claim in claims:
            while given_before.count < len(above) and above[given_before.count].line < claim.line:
                given_before.add(above[given_before.count])
            if not claim.original or not given_before.count or given_before.has(claim):
                continue
            others = above[: min(3, given_before.count)]
            given = ", ".join(f"{one.number:.{claim.digits}f} (line {one.line})" for one in others)
            yield _doubtful(
                claim, f"the original {name} is given as {claim.number:g}; no {name} of the card is equal, which gives {given}", HINT, topic=f"original {name}"
            )  # fmt: skip


def _doubtful(claim: Claim, message: str, hint: str, *, topic: str) -> Found:
    """What rests on how a sentence is read."""
    return replace(claim_finding(claim, message, hint, topic=topic), confidence="medium")


class _Given:
    """Values that a card has given so far, sorted for each number of digits: found in logarithmic time."""

    def __init__(self) -> None:
        self.count = 0
        self._sorted: dict[int, list[float]] = defaultdict(list)

    def add(self, claim: Stated) -> None:
        """One more value."""
        insort(self._sorted[claim.digits], claim.number)
        self.count += 1

    def has(self, claim: Stated) -> bool:
        """Whether one of them is equal to `claim` but for rounding."""
        for digits, numbers in self._sorted.items():
            slack = half_unit(min(claim.digits, digits)) + EXACT
            at = bisect_left(numbers, claim.number - slack)
            if at < len(numbers) and numbers[at] <= claim.number + slack:
                return True
        return False
