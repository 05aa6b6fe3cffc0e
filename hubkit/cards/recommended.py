"""Which SAE a reader should begin with, and why that one."""

from __future__ import annotations

from dataclasses import dataclass

from hubkit.cards.facts import Facts, SaeFact
from hubkit.cards.measured import BALANCED, VARIANCE
from hubkit.measures.catalogue import Definitions
from hubkit.measures.measure import UNSEEN
from hubkit.release.metrics import MetricValue
from hubkit.release.pool import MIXED


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


def recommended(facts: Facts) -> Recommended:
    """Of the SAEs without findings that no fix made another architecture of, and of those the ones that saw the rows of both labels: the best probe, else the best reconstruction, else the first."""
    clean = [sae for sae in facts.saes if not sae.findings]
    sound = [sae for sae in clean if sae.rewritten is None] or clean or list(facts.saes)
    several = [sae for sae in sound if sae.condition == MIXED] or sound
    for wanted in (BALANCED, VARIANCE):
        if (best := _best(several, wanted)) is not None:
            return best
    return Recommended(several[0], None, len(several))


def _best(saes: list[SaeFact], wanted: Definitions) -> Recommended | None:
    """By the first definition that all of them were measured by, on rows that they did not see: values of two are no ranking."""
    for measure, split in (one for one in wanted if one[1] in UNSEEN):
        found = [(metric.value, metric, sae) for sae in saes if (metric := sae.metric(measure, split)) is not None and metric.value is not None]  # fmt: skip
        if found and len(found) == len(saes):
            value, metric, sae = max(found, key=lambda one: one[0])
            ties = tuple(other for number, _, other in found if other is not sae and round(number, 3) == round(value, 3))  # fmt: skip
            return Recommended(sae, metric, len(found), ties)
    return None
