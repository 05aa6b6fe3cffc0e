"""Whether an SAE's latents come back from another seed: measured where a study trained several."""

from __future__ import annotations

from dataclasses import dataclass

from hubkit.cards.facts import Facts, SaeFact
from hubkit.cards.sections.experiments import verdict
from hubkit.cards.sections.section import NOT_COMPUTED, Absent, Context
from hubkit.measures.matching import SAME
from hubkit.measures.measure import UNSEEN
from hubkit.release.metrics import MetricValue

TITLE = "Latents from other seeds"
LONG_TABLE = 12
ABOVE = "above its null"


@dataclass(frozen=True)
class Reseeded:
    """One SAE beside its other seeds."""

    sae: SaeFact
    agreement: MetricValue
    shared: MetricValue | None
    activations: MetricValue | None

    @property
    def verdict(self) -> str:
        """Of the decoders, against random directions."""
        return verdict(self.agreement)

    @property
    def correlates(self) -> str:
        """The same of the activations; empty where they have no interval."""
        one = self.activations
        return verdict(one) if one is not None and one.interval is not None else ""


def seeds(facts: Facts) -> Context | Absent:
    """Decoders, what both sides share, and activations, each beside what chance gives."""
    rows = [
        Reseeded(sae, value, _one(sae, "seed_shared"), _one(sae, "seed_activation_agreement"))
        for sae in facts.saes
        if (value := _one(sae, "seed_agreement")) is not None and value.value is not None
    ]
    if not rows:
        return Absent(TITLE, NOT_COMPUTED)
    judged = [row for row in rows if row.agreement.interval is not None]
    correlated = [row.activations for row in rows if row.activations and row.activations.value is not None]
    unseen = sum(one.split in UNSEEN for one in correlated)
    return {
        "rows": rows,
        "long": len(rows) > LONG_TABLE,
        "counts": sorted({row.agreement.n for row in rows}),
        "judged": len(judged),
        "above": sum(row.verdict == ABOVE for row in judged),
        "correlated": len(correlated),
        "unseen": unseen,
        "firing_kinds": sorted({kind for one in correlated if (kind := one.null_kind)}),
        "firing_judged": sum(bool(row.correlates) for row in rows),
        "firing_above": sum(row.correlates == ABOVE for row in rows),
        "kinds": sorted({kind for row in rows if (kind := row.agreement.null_kind)}),
        "same": SAME,
        "all_saes": len(rows) == len(facts.saes),
    }


def _one(sae: SaeFact, measure: str) -> MetricValue | None:
    return next(iter(sae.of_measure(measure)), None)
