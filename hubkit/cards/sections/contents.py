"""What this is, and what is in the repository."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hubkit.cards.facts import Facts


def summary(facts: Facts) -> dict[str, Any]:
    """Title, one sentence, and the defects that a reader must know first."""
    settings = facts.settings
    count = len(facts.saes)
    broken = sorted(
        {finding.code for sae in facts.saes for finding in sae.findings if finding.severity.word == "error"}
    )
    return {
        "title": settings.title or f"Sparse autoencoders for {settings.base_model}",
        "summary": settings.summary,
        "count": count,
        "base_model": settings.base_model,
        "study": settings.study,
        "broken": broken,
        "broken_saes": sum(any(f.severity.word == "error" for f in sae.findings) for sae in facts.saes),
    }


def contents(facts: Facts) -> dict[str, Any]:
    """Counts, layers, architectures, conditions, dimensions, format: all of them counted, none typed."""
    kinds = Counter(_kind(sae.architecture, sae.trained_as) for sae in facts.saes)
    grid = facts.provenance.grid if facts.provenance else None
    return {
        "count": len(facts.saes),
        "kinds": sorted(kinds.items()),
        "layers": facts.distinct("layer"),
        "hooks": facts.distinct("hook_name"),
        "conditions": facts.distinct("condition"),
        "sizes": sorted({(sae.d_in, sae.d_sae) for sae in facts.saes}),
        "ks": facts.distinct("k"),
        "dtypes": facts.distinct("dtype"),
        "declared": grid.size if grid else None,
        "has_metrics": any(sae.metrics for sae in facts.saes),
    }


def _kind(architecture: str, trained_as: str) -> str:
    return architecture if architecture == trained_as else f"{architecture} (trained as {trained_as})"
