"""The key findings: three sentences at once, the others when they are opened."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from hubkit.cards.facts import Facts, SaeFact
from hubkit.cards.in_study import compared
from hubkit.cards.measured import (
    AUROC,
    BALANCED,
    CROSS_FITTED,
    D_MAX,
    MEMBERSHIP,
    NEW_SCENARIOS,
    SPLIT_WORDS,
    Best,
    Peak,
    at_chance,
    best_sae,
    judged_comparisons,
    number_of,
    of_layer,
    peak_layer,
    raw_at,
    sign_test,
    told_from_chance,
)
from hubkit.cards.sections.experiments import all_at_chance
from hubkit.cards.sections.meaning import meaning_of
from hubkit.cards.sections.section import NOT_COMPUTED, Absent, Context
from hubkit.cards.sections.training import counted_scenarios
from hubkit.release.experiments import RepresentationProbe, Tally, TestResult
from hubkit.release.metrics import Comparison, MetricValue
from hubkit.release.pool import MIXED

DIGITS, MOST_TIES = 3, 3
FEW_SCENARIOS = 12
"""Below it a number about new scenarios only describes these."""
WIDE = 2
"""A profile of fewer layers is no profile."""


RAW = "raw activations"
"""In what a tally or a comparison is against, where it is against those."""


@dataclass(frozen=True)
class TallyFact:
    """A tally with what chance would have given."""

    tally: Tally
    by_chance: float
    p_value: float

    @property
    def verdict(self) -> str:
        """What the count says."""
        if self.p_value > 0.05:
            return "no evidence of a difference"
        return "more often than chance" if self.tally.above > self.by_chance else "less often than chance"


def key_findings(facts: Facts) -> Context | Absent:
    """What a probe reads from the raw activations, from the SAEs, and from single latents; each with what chance would give."""
    peak, best, d_max = peak_layer(facts), best_sae(facts, BALANCED), best_sae(facts, D_MAX)
    judged = judged_comparisons(facts)
    tallies = [tallied(tally) for tally in facts.evaluation.tallies] if facts.evaluation else []
    raw_tallied = any(RAW in one.tally.reference for one in tallies)
    representations = _compared(facts)
    if not (representations or peak or best or d_max or judged.all or tallies):
        return Absent("Key findings", NOT_COMPUTED)
    return {
        "meaning": meaning_of(facts),
        "several": len(facts.saes) > 1,
        "peak": peak,
        "peak_ties": _peak_ties(facts, peak) if peak else [],
        "depth": facts.base.depth(peak.profile.layer) if peak else None,
        "peak_without_sae": peak is not None and peak.profile.layer not in facts.distinct("layer"),
        "peak_at_chance": _all_layers_at_chance(facts),
        "best": best,
        "best_defect": _defect(best.sae) if best else "",
        "best_ties": _best_ties(facts, best) if best else [],
        "best_corrected": _corrected(facts, "SAEs", best.sae.sae_id, best.of) if best else None,
        "peak_corrected": _corrected(facts, "layers", str(peak.profile.layer), peak.of) if peak else None,
        "best_at_chance": told_from_chance(best.metric) is False if best else False,
        "cross_fitted": best is not None
        and (best.metric.measure, best.metric.split) in CROSS_FITTED
        and best.metric.split == "crossfit",
        "best_difference": _difference(facts, best.sae) if best else None,
        "best_against_peak": number_of(best.metric) - number_of(peak.metric)
        if best and peak and not _compared_with_layer(facts, best.sae)
        else None,
        "best_raw": raw_at(facts, best.sae.layer) if best else None,
        "elsewhere": best.sae.first_metric(*NEW_SCENARIOS) if best else None,
        "elsewhere_at_chance": told_from_chance(best.sae.first_metric(*NEW_SCENARIOS)) is False
        if best
        else False,
        "memory": sorted(
            number_of(value) for sae in facts.saes if (value := sae.first_metric(*MEMBERSHIP)) is not None
        ),
        "beside_nothing": _beside_nothing(facts),
        "detectable": sorted(
            c.difference.detectable for c in judged.all if c.difference.detectable is not None
        ),
        "few": 0 < counted_scenarios(facts) < FEW_SCENARIOS,
        "d_max": d_max,
        "d_max_rows": SPLIT_WORDS[d_max.metric.split] if d_max else "",
        "judged": judged,
        "by_chance": len(judged.all) * 0.025,
        "tallies": tallies,
        "raw_tallied": raw_tallied,
        "tests": grouped(facts.evaluation.tests if facts.evaluation else []),
        "profile": _profile(facts, peak),
        "singles": _singles(facts, best.sae.sae_id if best else None) if raw_tallied else [],
        "compared": representations,
        "all_chance": all_at_chance([value for _, value in representations]),
        "groups": _groups(facts, best.sae.layer) if best else [],
        "of_study": compared(facts),
    }


def _corrected(facts: Facts, among: str, chosen: str, of: int) -> MetricValue | None:
    """What the best of just these may be expected to reach."""
    listed = facts.evaluation.selections if facts.evaluation else []
    asked = (among, chosen, of)
    found = (one.value for one in listed if (one.among, one.chosen, one.of) == asked)
    return next((value for value in found if value.value is not None), None)


def _peak_ties(facts: Facts, peak: Peak) -> list[int]:
    """Other layers whose value is the same to three digits."""
    layers = facts.evaluation.layers if facts.evaluation else []
    found = [(one.layer, of_layer(one, BALANCED)) for one in layers if one.layer != peak.profile.layer]
    return sorted(layer for layer, metric in found if metric is not None and _same(metric, peak.metric))


def _best_ties(facts: Facts, best: Best) -> list[str]:
    """Other SAEs whose value is the same to three digits, at most three."""
    found = [(sae.sae_id, sae.first_metric(*BALANCED)) for sae in facts.saes if sae is not best.sae]
    return [one for one, metric in found if metric is not None and _same(metric, best.metric)][:MOST_TIES]


def _same(one: MetricValue, other: MetricValue) -> bool:
    return round(number_of(one), DIGITS) == round(number_of(other), DIGITS)


def defect_of(facts: Facts, sae_id: str) -> str:
    """Beside the name of an SAE that is called the best."""
    return next((_defect(sae) for sae in facts.saes if sae.sae_id == sae_id), "")


def _defect(sae: SaeFact) -> str:
    """Beside its name."""
    codes = ", ".join(sorted({finding.code for finding in sae.findings}))
    return f" (**it has a defect**: {codes})" if codes else ""


def _all_layers_at_chance(facts: Facts) -> bool:
    """Whether every measured layer has an interval, and each holds 0.5: the highest need not have the narrowest."""
    layers = facts.evaluation.layers if facts.evaluation else []
    found = [told_from_chance(metric) for one in layers if (metric := of_layer(one, BALANCED)) is not None]
    return bool(found) and all(told is False for told in found)


def tallied(tally: Tally) -> TallyFact:
    """With the count expected where neither side is better; inconclusive ones are left out of the test."""
    decided = tally.total - tally.inconclusive
    return TallyFact(tally, decided / 2, sign_test(tally.above, decided) if decided else 1.0)


def _difference(facts: Facts, sae: SaeFact) -> MetricValue | None:
    """From the raw activations of its own layer, and from nothing else; None where those are at or below chance."""
    found = _compared_with_layer(facts, sae)
    if found is None or found.difference.value is None or at_chance(facts, found):
        return None
    return found.difference


def _compared_with_layer(facts: Facts, sae: SaeFact) -> Comparison | None:
    listed = facts.evaluation.comparisons if facts.evaluation else []
    against = f"raw activations at layer {sae.layer}"
    return next((c for c in listed if (c.sae_id, c.reference) == (sae.sae_id, against)), None)


def _beside_nothing(facts: Facts) -> int:
    """SAEs of one label whose probe is measured and compared with nothing."""
    listed = facts.evaluation.comparisons if facts.evaluation else []
    uncompared = {c.sae_id for c in listed if c.difference.value is None}
    return sum(
        sae.sae_id in uncompared and sae.condition != MIXED and sae.first_metric(*CROSS_FITTED) is not None
        for sae in facts.saes
    )


def grouped(tests: list[TestResult]) -> list[dict[str, Any]]:
    """Tests of several subjects with one result, in one line."""
    found: dict[tuple[object, ...], dict[str, Any]] = {}
    for test in tests:
        key = (test.reference, test.test, test.correction, test.bound, test.p_value)
        line = found.setdefault(key, {**test.model_dump(exclude={"subject"}), "subjects": []})
        line["subjects"].append(test.subject)
    return list(found.values())


def _singles(facts: Facts, best: str | None) -> list[Comparison]:
    """The comparisons that are in the file beside a tally, but for that of the best SAE, which has its own sentence."""
    listed = facts.evaluation.comparisons if facts.evaluation else []
    return [one for one in listed if one.sae_id != best and one.difference.value is not None]


def _compared(facts: Facts) -> list[tuple[RepresentationProbe, MetricValue]]:
    """The representations with a balanced accuracy."""
    listed = facts.evaluation.representations if facts.evaluation else []
    names = tuple(measure for measure, _ in BALANCED)
    return [
        (one, value) for one in listed if (value := one.get(names)) is not None and value.value is not None
    ]


def _profile(facts: Facts, peak: Peak | None) -> dict[str, Any] | None:
    """The layers in order, and where the curve goes after its highest point."""
    layers = sorted(facts.evaluation.layers, key=lambda one: one.layer) if facts.evaluation else []
    rows = [(p, of_layer(p, BALANCED), of_layer(p, AUROC), facts.base.depth(p.layer)) for p in layers]
    values = [number_of(metric) for _, metric, _, _ in rows if metric is not None]
    if peak is None or len(values) < WIDE:
        return None
    rising = all(a < b for a, b in pairwise(values))
    return {
        "rows": rows,
        "shape": "rises from each measured layer to the next" if rising and len(values) > WIDE else None,
        "auroc": any(row[2] for row in rows),
        "depth": any(row[3] is not None for row in rows),
    }


def _groups(facts: Facts, layer: int | None) -> list[tuple[str, float, float, int]]:
    """Architecture, lowest and highest balanced accuracy, SAEs: at the layer of the best SAE, where several were probed."""
    found: dict[str, list[float]] = {}
    for sae in facts.saes:
        metric = sae.first_metric(*BALANCED)
        if sae.layer == layer and metric is not None and metric.value is not None:
            found.setdefault(sae.trained_as, []).append(metric.value)
    rows = [(kind, min(values), max(values), len(values)) for kind, values in found.items()]
    return sorted(rows, key=lambda row: -row[2]) if len(rows) > 1 else []
