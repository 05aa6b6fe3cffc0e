"""One function per section: facts in, template context out, or `Absent` with the reason. The order here is the order in the card."""

from hubkit.cards.facts import Facts
from hubkit.cards.sections.code import activations, weights
from hubkit.cards.sections.experiments import effect_sizes, probes, stability, steering, top_features
from hubkit.cards.sections.findings import key_findings
from hubkit.cards.sections.intro import caveat, contents, research, summary, uses
from hubkit.cards.sections.limitations import checks, limitations
from hubkit.cards.sections.loading import citation, license_, loading, provenance
from hubkit.cards.sections.meaning import meaning
from hubkit.cards.sections.model import architecture, versions
from hubkit.cards.sections.saes import LONG_TABLE, quality, sae_table
from hubkit.cards.sections.section import Section
from hubkit.cards.sections.seeds import seeds
from hubkit.cards.sections.stated import stated
from hubkit.cards.sections.training import labels, precision, training

VISIBLE: dict[str, Section] = {
    "summary": summary,
    "contents": contents,
    "caveat": caveat,
    "loading": loading,
    "uses": uses,
    "key_findings": key_findings,
    "stated": stated,
    "quality": quality,
    "sae_table": sae_table,
    "limitations": limitations,
}
"""What a reader sees at once."""
ALL: dict[str, Section] = {
    **VISIBLE,
    "activations": activations,
    "weights": weights,
    "versions": versions,
    "research": research,
    "labels": labels,
    "meaning": meaning,
    "training": training,
    "precision": precision,
    "architecture": architecture,
    "effect_sizes": effect_sizes,
    "seeds": seeds,
    "stability": stability,
    "steering": steering,
    "top_features": top_features,
    "probes": probes,
    "checks": checks,
    "citation": citation,
    "license": license_,
    "provenance": provenance,
}
"""Template name to function; the names are also those of `prose` in card.yaml and of the regions in a README."""


def folded(facts: Facts) -> set[str]:
    """The sections that open on a click. Medians of architectures are the table where a row for each SAE would be too long; where nothing is computed, what
    is stated stands open, and what the author writes of the quality."""
    closed = {*ALL, "absent"} - VISIBLE.keys()
    if facts.evaluation is None:
        return closed
    return closed | {"stated"} | (set() if len(facts.saes) > LONG_TABLE else {"quality"})
