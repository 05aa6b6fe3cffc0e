"""The sections of a study's index card."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from hubkit.cards.quantization import quantization_of
from hubkit.cards.rank import Trend, trend
from hubkit.cards.sections.findings import RAW, TallyFact, tallied
from hubkit.cards.sections.section import NO_FIELD, NOT_COMPUTED, Absent, Context
from hubkit.cards.study_facts import IndexFacts, Row
from hubkit.formats.architectures import TRANSCODERS
from hubkit.release.experiments import Tally

MEASURE = "SAE probes above the raw activations of their layer"


def overview(facts: IndexFacts) -> Context:
    """Title, totals, defects."""
    kinds: dict[str, int] = {}
    for row in facts.rows:
        for sae in row.facts.saes:
            kinds[sae.architecture] = kinds.get(sae.architecture, 0) + 1
    return {
        "title": facts.settings.title or "Sparse autoencoders of several models",
        "summary": facts.settings.summary,
        "models": len({row.facts.settings.base_model for row in facts.rows}),
        "repositories": len(facts.rows),
        "count": facts.saes,
        "noun": "sparse autoencoders and transcoders" if _any_transcoder(facts) else "sparse autoencoders",
        "kinds": sorted(kinds.items()),
        "never_learned": sum(row.never_learned for row in facts.rows),
    }


def _any_transcoder(facts: IndexFacts) -> bool:
    return any(sae.architecture in TRANSCODERS for row in facts.rows for sae in row.facts.saes)


def models(facts: IndexFacts) -> Context:
    """One row per release, smallest model first."""
    shown = [value for row in facts.rows for value in (row.peak, row.best) if value is not None]
    columns = {name: [getattr(row, name) for row in facts.rows] for name in ("peak", "best", "above")}
    return {
        "rows": facts.rows,
        "commits": facts.commits,
        "columns": {name for name, values in columns.items() if any(values)},
        "intervals": any(value.metric.interval for value in shown),
        "depths": any(row.depth is not None for row in facts.rows),
        "gaps": any(any(values) and not all(values) for values in columns.values()),
    }


def stated(facts: IndexFacts) -> Context | Absent:
    """What the authors state: how much of it there is, and their counts against a reference, each with its source."""
    held = [(row.name, sum(len(group.items) for group in row.facts.stated)) for row in facts.rows]
    tallies = [
        (row.name, tallied(tally), group.source(tally))
        for row in facts.rows
        for group in row.facts.stated
        for tally in group.of("tallies")
    ]
    if not tallies and not any(count for _, count in held):
        return Absent("Stated, not computed", "no file beside this card states a measured value")
    return {"held": [(name, count) for name, count in held if count], "tallies": tallies}


def size(facts: IndexFacts) -> Context | Absent:
    """What goes with the size of the model: rank correlations, each with its exact permutation test."""
    known = [row for row in facts.rows if row.parameters]
    trends = [
        _trend(MEASURE, [(row, row.above[0] / row.above[1]) for row in known if row.above]),
        _trend("Balanced accuracy of the best layer", [(row, row.peak.metric.value) for row in known if row.peak and row.peak.metric.value is not None]),
        _trend("Depth of the best layer", [(row, row.depth) for row in known if row.depth is not None]),
    ]  # fmt: skip
    found = [one for one in trends if one is not None]
    if not found:
        return Absent("What depends on size", "fewer than 4 models of known size were measured")
    return {"trends": found}


def _trend(name: str, pairs: list[tuple[Row, float]]) -> tuple[str, Trend] | None:
    found = trend([float(row.parameters or 0) for row, _ in pairs], [value for _, value in pairs])
    return (name, found) if found is not None else None


def counts(facts: IndexFacts) -> Context | Absent:
    """How often SAE probes beat the raw activations, over all releases and in each."""
    judged = [(row, row.above) for row in facts.rows if row.above]
    if not judged:
        return Absent("SAEs against raw activations", NOT_COMPUTED)
    above = sum(pair[0] for _, pair in judged)
    total = sum(pair[1] for _, pair in judged)
    shares = [pair[0] / pair[1] for _, pair in judged]
    return {
        "rows": judged,
        "above": above,
        "total": total,
        "low": min(shares),
        "high": max(shares),
        "others": _other_tallies(facts),
    }


def _other_tallies(facts: IndexFacts) -> list[tuple[str, TallyFact]]:
    """Tallies against anything but the raw activations, and the same of several releases together."""
    each = [
        (row.name, tally)
        for row in facts.rows
        for tally in (row.facts.evaluation.tallies if row.facts.evaluation else [])
        if RAW not in tally.reference
    ]
    alike: dict[tuple[str, str, str, str], list[Tally]] = {}
    for _, tally in each:
        alike.setdefault((tally.subject, tally.reference, tally.measure, tally.split), []).append(tally)
    pooled = [
        (f"All {len(several)} of them", _together(several)) for several in alike.values() if len(several) > 1
    ]
    return [(name, tallied(tally)) for name, tally in [*each, *pooled]]


def _together(several: list[Tally]) -> Tally:
    """Counts added, one that somebody did not take unknown; a mean over releases of unlike sizes would be nobody's, and is left out."""
    collapsed = [one.collapsed for one in several if one.collapsed is not None]
    return several[0].model_copy(
        update={
            "above": sum(one.above for one in several),
            "total": sum(one.total for one in several),
            "inconclusive": sum(one.inconclusive for one in several),
            "collapsed": sum(collapsed) if len(collapsed) == len(several) else None,
            "subject_mean": None,
            "reference_mean": None,
        }
    )


def research(facts: IndexFacts) -> Context | Absent:
    """Papers and code."""
    if not facts.settings.papers and not facts.settings.code:
        return Absent("Research context", NO_FIELD, ("research",))
    return {"papers": facts.settings.papers, "code": facts.settings.code}


def caveats(facts: IndexFacts) -> Context:
    """What the releases' own cards say at length."""
    quantized = [row.name for row in facts.rows if quantization_of(row.facts)]
    return {
        "never_learned": [(row.name, row.never_learned, len(row.facts.saes)) for row in facts.rows if row.never_learned],
        "peak_without_sae": [row.name for row in facts.rows if row.peak and row.peak.profile.layer not in row.facts.distinct("layer")],
        "quantized": quantized,
        "several": len({row.facts.settings.base_model for row in facts.rows}) > 1,
        "measured_on_training_rows": [row.name for row in facts.rows if row.best and row.best.metric.split == "train"],
    }  # fmt: skip


def citation(facts: IndexFacts) -> Context | Absent:
    """BibTeX from the author."""
    if not facts.settings.citation:
        return Absent("Citation", NO_FIELD, ("citation",))
    return {"bibtex": facts.settings.citation.strip()}


def checking(facts: IndexFacts) -> Context:
    """Licence, and how to check."""
    return {"license": facts.settings.license, "digest": facts.digest, "example": facts.rows[0].facts}


SECTIONS: Mapping[str, Callable[[IndexFacts], Context | Absent]] = {
    "index_overview": overview,
    "research": research,
    "index_models": models,
    "index_counts": counts,
    "index_stated": stated,
    "index_size": size,
    "index_caveats": caveats,
    "citation": citation,
    "index_checking": checking,
}
"""Template name to function."""
