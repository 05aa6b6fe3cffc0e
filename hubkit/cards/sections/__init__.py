"""One function per section: facts in, template context out, or `Absent` with the reason. The order here is the order in the card."""

from hubkit.cards.sections.experiments import effect_sizes, probes, stability, steering, top_features
from hubkit.cards.sections.findings import key_findings
from hubkit.cards.sections.intro import caveat, contents, research, summary, uses
from hubkit.cards.sections.limitations import limitations
from hubkit.cards.sections.loading import citation, license_, loading, provenance
from hubkit.cards.sections.model import architecture, versions
from hubkit.cards.sections.saes import quality, sae_table
from hubkit.cards.sections.section import Section
from hubkit.cards.sections.stated import stated
from hubkit.cards.sections.training import labels, precision, training

ALL: dict[str, Section] = {
    "summary": summary,
    "caveat": caveat,
    "uses": uses,
    "contents": contents,
    "research": research,
    "key_findings": key_findings,
    "stated": stated,
    "sae_table": sae_table,
    "labels": labels,
    "training": training,
    "precision": precision,
    "architecture": architecture,
    "quality": quality,
    "effect_sizes": effect_sizes,
    "stability": stability,
    "steering": steering,
    "top_features": top_features,
    "probes": probes,
    "limitations": limitations,
    "loading": loading,
    "versions": versions,
    "citation": citation,
    "license": license_,
    "provenance": provenance,
}
"""Template name to function; the names are also those of `prose` in card.yaml and of the regions in a README."""
