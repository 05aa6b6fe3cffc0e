"""Where a release stands in its study: its best layer beside those of the other models, where they were measured alike.

The other releases are not there when a card is built again by itself: what it says of them stays in its front matter, as what came of its code does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from hubkit.cards.measured import number_of, peak_layer

if TYPE_CHECKING:
    from hubkit.cards.facts import Facts

KEY = "study"


@dataclass(frozen=True)
class InStudy:
    """The highest layer of every other model of the study that has one of the same measure. Companions on the same model are none."""

    measure: str
    split: str
    others: Mapping[str, float] = field(default_factory=dict)
    """Base model to the balanced accuracy of its best layer."""

    def rank(self, value: float) -> int:
        """1 for the highest of all models, `value` being this one's; equal values share a place."""
        return 1 + sum(other > value for other in self.others.values())

    def record(self) -> dict[str, Any]:
        """For the front matter."""
        return asdict(self)


def in_study(facts: Facts, others: Sequence[Facts]) -> InStudy | None:
    """What there is to compare with; None where nothing was measured alike."""
    own = peak_layer(facts)
    if own is None:
        return None
    measure, split = own.metric.measure, own.metric.split
    found = {
        one.base.name: number_of(peak.metric)
        for one in others
        if one.base.name != facts.base.name
        and (peak := peak_layer(one)) is not None
        and (peak.metric.measure, peak.metric.split) == (measure, split)
    }
    return InStudy(measure, split, dict(sorted(found.items()))) if found else None


def recorded_study(ours: Mapping[str, Any] | None) -> InStudy | None:
    """What a card's front matter keeps of it; None where there is nothing, or something else."""
    found = (ours or {}).get(KEY)
    if not isinstance(found, dict) or not isinstance(others := found.get("others"), dict):
        return None
    if not others or not all(isinstance(value, float) for value in others.values()):
        return None
    return InStudy(str(found.get("measure")), str(found.get("split")), others)


def compared(facts: Facts) -> str | None:
    """One sentence of the findings; None where there is nothing to compare, or this release is measured otherwise by now."""
    own, study = peak_layer(facts), facts.study
    if own is None or study is None or (own.metric.measure, own.metric.split) != (study.measure, study.split):
        return None
    value, others = number_of(own.metric), study.others
    low, high = (f"{edge:.3f}" for edge in (min(others.values()), max(others.values())))
    span = f"{low} to {high}" if low != high else low
    return (
        f"Among the {len(others) + 1} models of the study that were measured alike, the best layer of this one is number {study.rank(value)} "
        f"by balanced accuracy: {value:.3f}, the others {span}"
    )
