"""CARD007: measured numbers in the card against evaluation.json."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from statistics import mean, median

from hubkit.measures.catalogue import CATALOGUE
from hubkit.readme.claims.called import titled
from hubkit.readme.claims.kinds import BestSae, Measured, Peak
from hubkit.readme.claims.numbers import half_unit
from hubkit.release.layout import CFG, README
from hubkit.validate.card import claim_finding
from hubkit.validate.facts import RepoFacts
from hubkit.validate.finding import Found, Severity
from hubkit.validate.need import Need
from hubkit.validate.orderings import disordered
from hubkit.validate.rule import repo_rule
from hubkit.validate.rules.thr_values import training_number

HINT = "copy it from the file that has it (evaluation.json, evidence.yaml, or cfg.json): hubkit build-cards does, once no EVL002 doubts it"
EXACT = 1e-9
Numbers = dict[tuple[str, str], list[float]]
INDEXED = 1e-6
"""What a value of model-index is rounded to."""
DEEPEST = 6
"""Levels of model-index."""
PROBE = "probe_balanced_accuracy"


@repo_rule("CARD007", Severity.ERROR, Need.README | Need.EVALUATION, against="files")
def wrong_number(repo: RepoFacts) -> Iterator[Found]:
    """A number in the card contradicts the evaluation files.

    Tables with a line for each SAE (L0, explained variance, balanced accuracy), rows, items and sentences about them all, which must be the value of one of them, or their mean or
    median, `model-index` of the front matter, the best SAE and its accuracy, the peak layer and its accuracy: against the values that
    evaluation.json has for that SAE or layer under that measure, on any split. What it does not have is left alone, and so are evaluation files of other
    programs. Half a unit of the last printed digit is rounding. What is said of several SAEs is a warning where no choice among the values makes it true: that a measure rises with depth, where it is
    highest, what all lie above, what a range spans; tables by layer, CSV too, and a sentence that names one layer are held against that layer.
    """
    values = numbers_of(repo)
    yield from _tables(repo, values)
    yield from _said(repo, values)
    yield from _indexed(repo, values)
    yield from _best(repo, values)
    yield from _peak(repo, values)
    yield from disordered(repo, values)


def numbers_of(repo: RepoFacts) -> Numbers:
    """The values of the files by what they are of, and by measure. A squared error may be stated as a mean over the dimensions, or as their sum."""
    values: Numbers = defaultdict(list)
    doubted = {id(one.raw) for one in repo.stated if one.verdict == "wrong"}
    for value in repo.values:
        if value.number is not None and id(value.raw) not in doubted:  # with which nothing agrees
            values[value.owner, value.measure].append(value.number)
    for sae in repo.saes:
        means, d_in = values.get((sae.sae_id, "mse"), []), sae.sae.d_in
        sums = values.get((sae.sae_id, "mse_sum"), []) or [d_in * one for one in means if d_in]
        if means or sums:
            values[sae.sae_id, "mse"] = [*means, *sums]
    return values


def _tables(repo: RepoFacts, values: Numbers) -> Iterator[Found]:
    for claim in repo.claims.of(Measured):
        sae_id = claim.sae_id or named(repo, claim)
        if sae_id is None:
            continue
        there = values_of_one(repo, values, sae_id, claim.measure)
        if there and not any(abs(value - claim.number) <= claim.slack + EXACT for value in there):
            shown = " or ".join(f"{value:.6g}" for value in sorted(set(there)))
            found = claim_finding(
                claim,
                f"{claim.measure} of {sae_id} is {shown} in {'evaluation.json' if values.get((sae_id, claim.measure)) else CFG}, the card says {claim.number:g}",
                HINT,
                topic=claim.measure,
            )
            yield _softened(claim, found)


def _said(repo: RepoFacts, values: Numbers) -> Iterator[Found]:
    """Rows, items and sentences about the SAEs: each must be the value of one of them, or their mean, median, or what they lie between."""
    told: set[tuple[str, float]] = set()
    for claim in repo.claims.of(Measured):
        whole = claim.sae_id is None and named(repo, claim) is None
        there = stated_of_all(repo, values, claim.measure) if whole else []
        if (
            not there
            or any(abs(value - claim.number) <= claim.slack + EXACT for value in there)
            or (claim.measure, claim.number) in told
        ):
            continue
        told.add((claim.measure, claim.number))
        found = claim_finding(
            claim, f"{claim.measure} is {_accepted(there)} in the files, the card says {claim.number:g}", HINT, topic=f"{claim.measure} {claim.number:g}"
        )  # fmt: skip
        yield _softened(claim, found)


def _accepted(there: list[float]) -> str:
    """What the card may say: the values of the SAEs, and the mean and the median, which stand last."""
    *single, average, middle = there
    each = sorted(set(single))
    shown = " or ".join(f"{value:.6g}" for value in each[:3])
    if len(each) == 1:
        return shown
    more = f" or that of {len(each) - 3} more" if len(each) > 3 else ""
    return f"{shown}{more} (mean {average:.6g}, median {middle:.6g})"


def named(repo: RepoFacts, claim: Measured) -> str | None:
    """The one SAE that the sentence, the heading or the code around a number names."""
    found = repo.bound.of(claim) if claim.sae_id is None else None
    return found[0].sae_id if found and len(found) == 1 else None


def values_of_one(repo: RepoFacts, values: Numbers, sae_id: str, measure: str) -> list[float]:
    """What the files say of a measure of one SAE: what was measured, or counted by the training."""
    there = list(values.get((sae_id, measure), []))
    if measure == "l0":
        own = (sae for sae in repo.saes if sae.sae_id == sae_id)
        there += [number for sae in own if (number := training_number(sae, "l0")) is not None]
    return there


def _softened(claim: Measured, found: Found) -> Found:
    """A measure of which there are several definitions is a warning."""
    measure = CATALOGUE.get(claim.measure)
    found = replace(found, severity=Severity.WARNING) if measure and measure.loosely_elsewhere else found
    return replace(found, confidence="medium") if claim.unsure else found


def _indexed(repo: RepoFacts, values: Numbers) -> Iterator[Found]:
    """`model-index` of the front matter, which the Hub shows: a value of hubkit's measures may be a median of some of the SAEs, so it must lie among theirs."""
    line = index_line(repo)
    for metric, there in index_values(repo, values):
        measure, number = metric["measure"], metric["number"]
        if isinstance(number, float) and there and not min(there) - INDEXED <= number <= max(there) + INDEXED:
            yield Found(
                f"{measure} lies between {min(there):.6g} and {max(there):.6g} in the files, model-index says {number:g}",
                HINT,
                path=README, line=line, pointer="/model-index", identity=f"model-index {measure} {number:g}",
            )  # fmt: skip


def index_line(repo: RepoFacts) -> int:
    """Where the front matter has `model-index`."""
    head = (repo.readme.head or "").split("\n") if repo.readme else []
    return next((number for number, text in enumerate(head, 2) if text.startswith("model-index")), 1)


def index_values(
    repo: RepoFacts, values: Numbers | None = None
) -> Iterator[tuple[dict[str, object], list[float]]]:
    """Every number of `model-index` with its `measure` and `number` as the catalogue has them, where it has, and what the files say of that measure."""
    values = numbers_of(repo) if values is None else values
    for metric in _metrics((repo.readme.front_matter or {}).get("model-index") if repo.readme else None):
        measure, number = metric.get("type"), metric.get("value")
        if not isinstance(measure, str) or isinstance(number, bool) or not isinstance(number, int | float):
            continue
        known = {**metric, "measure": measure, "number": float(number)}
        if measure not in CATALOGUE:
            called = titled(measure)
            read = called.number(f"{number:.12g}", percent=False) if called else None
            if called is None or read is None:
                yield known, []
                continue
            known |= {"measure": called.measure, "number": float(read[0])}
        yield known, stated_of_all(repo, values, str(known["measure"]))


def _metrics(index: object, depth: int = 0) -> Iterator[Mapping[str, object]]:
    """Each metric of each result."""
    if isinstance(index, Mapping) and "value" in index and "type" in index:
        yield index
    elif depth < DEEPEST:
        inner = index.values() if isinstance(index, Mapping) else index if isinstance(index, list) else ()
        for one in inner:
            yield from _metrics(one, depth + 1)


def stated_of_all(repo: RepoFacts, values: Numbers, measure: str) -> list[float]:
    """What the files say of a measure, of any SAE and of all; nothing where one of them has no value, which may be the one that is meant."""
    each = [values.get((sae.sae_id, measure), []) for sae in repo.saes]
    if measure == "l0":
        trained = [training_number(sae, "l0") for sae in repo.saes]
        each = [[*own, *([one] if one is not None else [])] for own, one in zip(each, trained, strict=True)]
    if not each or not all(each):
        return []
    first = [own[0] for own in each]
    return [
        *(value for own in each for value in own),
        *values.get(("the release", measure), []),
        mean(first),
        median(first),
    ]


def _best(repo: RepoFacts, values: Numbers) -> Iterator[Found]:
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


def _peak(repo: RepoFacts, values: Numbers) -> Iterator[Found]:
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
