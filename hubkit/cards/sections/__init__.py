"""One function per section: facts in, template context out; None where the section does not apply. The order here is the order in the card."""

from collections.abc import Callable
from typing import Any

from hubkit.cards.facts import Facts
from hubkit.cards.sections.contents import contents, summary
from hubkit.cards.sections.evidence import key_findings, limitations, sae_table
from hubkit.cards.sections.use import citation, loading, provenance, uses
from hubkit.cards.sections.work import labels, precision, training

ALL: dict[str, Callable[[Facts], dict[str, Any] | None]] = {
    "summary": summary,
    "uses": uses,
    "contents": contents,
    "key_findings": key_findings,
    "sae_table": sae_table,
    "labels": labels,
    "training": training,
    "precision": precision,
    "limitations": limitations,
    "loading": loading,
    "citation": citation,
    "provenance": provenance,
}
"""Template name to function."""
