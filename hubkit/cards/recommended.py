"""Which SAE a reader should begin with, and why that one."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hubkit.cards.facts import Facts, SaeFact
from hubkit.cards.measured import BALANCED, VARIANCE, told_from_chance
from hubkit.measures.catalogue import Definitions
from hubkit.measures.measure import UNSEEN
from hubkit.release.metrics import MetricValue
from hubkit.release.pool import MIXED
from hubkit.validate.finding import Severity


@dataclass(frozen=True)
class Recommended:
    """An SAE, and the value that chose it."""

    sae: SaeFact
    metric: MetricValue | None
    """None where nothing was measured that could choose."""
    of: int
    """Among how many it was chosen."""
    ties: tuple[SaeFact, ...] = ()
    """Others whose value is the same to three digits."""
    lesser: bool = False
    """Whether it has a defect, and others have more severe ones."""


def recommended(facts: Facts) -> Recommended:
    """Of the SAEs without findings that no fix made another architecture of, and of those the ones that saw the rows of both labels: the best probe that is told from chance, else the best reconstruction, else the first. Where every SAE has findings, of those with the least severe ones."""
    clean = [sae for sae in facts.saes if not sae.findings]
    least = min(map(_severity, facts.saes))
    mild = [sae for sae in facts.saes if _severity(sae) == least]
    sound = [sae for sae in clean if sae.rewritten is None] or mild
    several = [sae for sae in sound if sae.condition == MIXED] or sound
    lesser = not clean and len(mild) < len(facts.saes)
    for wanted in (BALANCED, VARIANCE):
        best = _best(several, wanted)
        if best is not None and (wanted is not BALANCED or told_from_chance(best.metric) is not False):
            return replace(best, lesser=lesser)
    return Recommended(several[0], None, len(several), lesser=lesser)


def _severity(sae: SaeFact) -> tuple[int, int]:
    """How many rules call something of an SAE an error, and how many a warning."""
    of = {finding.code: finding.severity for finding in sae.findings}
    return sum(one is Severity.ERROR for one in of.values()), sum(
        one is Severity.WARNING for one in of.values()
    )


def _best(saes: list[SaeFact], wanted: Definitions) -> Recommended | None:
    """By the first definition that all of them were measured by, on rows that they did not see: values of two are no ranking."""
    for measure, split in (one for one in wanted if one[1] in UNSEEN):
        found = [(metric.value, metric, sae) for sae in saes if (metric := sae.metric(measure, split)) is not None and metric.value is not None]  # fmt: skip
        if found and len(found) == len(saes):
            value, metric, sae = max(found, key=lambda one: one[0])
            ties = tuple(other for number, _, other in found if other is not sae and round(number, 3) == round(value, 3))  # fmt: skip
            return Recommended(sae, metric, len(found), ties)
    return None
