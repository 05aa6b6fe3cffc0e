"""CARD007: measured numbers in the card against evaluation.json."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from hubkit.readme.claims.kinds import BestSae, Measured, Peak
from hubkit.readme.claims.numbers import half_unit
from hubkit.validate.card import claim_finding
from hubkit.validate.facts import RepoFacts
from hubkit.validate.finding import Found, Severity
from hubkit.validate.measured_values import values_of
from hubkit.validate.need import Need
from hubkit.validate.rule import repo_rule

HINT = "copy it from evaluation.json: hubkit build-cards does"
EXACT = 1e-9
PROBE = "probe_balanced_accuracy"


@repo_rule("CARD007", Severity.ERROR, Need.README | Need.EVALUATION)
def wrong_number(repo: RepoFacts) -> Iterator[Found]:
    """A number in the card contradicts the evaluation files.

    Tables with a line for each SAE (L0, explained variance, balanced accuracy), the best SAE and its accuracy, the peak layer and its accuracy: against the values that
    evaluation.json has for that SAE or layer under that measure, on any split. What it does not have is left alone, and so are evaluation files of other
    programs. Half a unit of the last printed digit is rounding.
    """
    values: dict[tuple[str, str], list[float]] = defaultdict(list)
    for value in values_of(repo):
        if value.number is not None:
            values[value.owner, value.measure].append(value.number)
    yield from _tables(repo, values)
    yield from _best(repo, values)
    yield from _peak(repo, values)


def _tables(repo: RepoFacts, values: dict[tuple[str, str], list[float]]) -> Iterator[Found]:
    for claim in repo.claims.of(Measured):
        there = values.get((claim.sae_id, claim.measure), [])
        if there and not any(abs(value - claim.number) <= claim.slack + EXACT for value in there):
            shown = " or ".join(f"{value:.6g}" for value in sorted(set(there)))
            yield claim_finding(
                claim,
                f"{claim.measure} of {claim.sae_id} is {shown} in evaluation.json, the card says {claim.number:g}",
                HINT,
                topic=claim.measure,
            )


def _best(repo: RepoFacts, values: dict[tuple[str, str], list[float]]) -> Iterator[Found]:
    for claim in repo.claims.of(BestSae):
        there = values.get((claim.sae_id, PROBE), [])
        if there and not any(
            abs(100 * value - claim.accuracy) <= half_unit(claim.digits) + EXACT for value in there
        ):
            shown = " or ".join(f"{100 * value:.2f} %" for value in sorted(set(there)))
            yield claim_finding(
                claim,
                f"the balanced accuracy of {claim.sae_id} is {shown} in evaluation.json, the card says {claim.accuracy:g} %",
                HINT,
                topic="best",
            )


def _peak(repo: RepoFacts, values: dict[tuple[str, str], list[float]]) -> Iterator[Found]:
    layers = {
        owner: max(found)
        for (owner, measure), found in values.items()
        if owner.startswith("layer ") and measure == PROBE
    }
    if not layers:
        return
    best = max(layers, key=lambda owner: layers[owner])
    for claim in repo.claims.of(Peak):
        if claim.model is not None:
            continue
        if (
            claim.layer is not None
            and f"layer {claim.layer}" in layers
            and layers[f"layer {claim.layer}"] < layers[best]
        ):
            yield claim_finding(
                claim,
                f"{best} has the best raw activations in evaluation.json, the card says layer {claim.layer}",
                HINT,
                topic="peak layer",
            )
        slack = half_unit(1 if claim.accuracy is not None and claim.accuracy % 1 else 0) * (
            2 if claim.about else 1
        )
        if claim.accuracy is not None and abs(100 * layers[best] - claim.accuracy) > slack + EXACT:
            yield claim_finding(
                claim,
                f"the best raw activations reach {100 * layers[best]:.2f} % in evaluation.json, the card says {claim.accuracy:g} %",
                HINT,
                topic="peak accuracy",
            )
