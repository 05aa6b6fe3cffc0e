"""What was measured, what was found wrong, and what follows for a reader."""

from __future__ import annotations

from typing import Any

from hubkit.cards.facts import Facts, SaeFact
from hubkit.measures.catalogue import CATALOGUE
from hubkit.release.metrics import MetricValue, Split
from hubkit.validate.finding import Severity
from hubkit.validate.rule import REGISTRY

COLUMNS: tuple[tuple[str, Split], ...] = (
    ("explained_variance", "crossfit"),
    ("l0", "crossfit"),
    ("alive_share", "train"),
    ("probe_balanced_accuracy", "crossfit"),
)
LONG_TABLE = 12
MOSTLY_DEAD = 0.5


def sae_table(facts: Facts) -> dict[str, Any]:
    """One row per SAE with its real id; collapsed when long."""
    rows = [
        {
            "sae": sae,
            "values": [sae.metric(measure, split) for measure, split in COLUMNS],
            "codes": ", ".join(sorted({finding.code for finding in sae.findings})) or "none",
        }
        for sae in facts.saes
    ]
    heads = [f"{CATALOGUE[measure].title}, {_split(split)}" for measure, split in COLUMNS]
    return {
        "rows": rows,
        "heads": heads,
        "long": len(rows) > LONG_TABLE,
        "measured": any(sae.metrics for sae in facts.saes),
    }


def _split(split: str) -> str:
    return {"crossfit": "unseen rows", "train": "training rows", "held_out": "held-out rows"}[split]


def key_findings(facts: Facts) -> dict[str, Any] | None:
    """The layers' own signal, and how many SAE probes differ from it, with the count that chance would give."""
    evaluation = facts.evaluation
    if evaluation is None:
        return None
    judged = [c for c in evaluation.comparisons if c.difference.interval is not None]
    above = [c for c in judged if c.difference.interval and c.difference.interval[0] > 0]
    below = [c for c in judged if c.difference.interval and c.difference.interval[1] < 0]
    return {
        "layers": [(profile, profile.get("probe_balanced_accuracy")) for profile in evaluation.layers],
        "compared": len(judged),
        "above": len(above),
        "below": len(below),
        "by_chance": len(judged) * 0.025,
        "above_ids": [c.sae_id for c in above],
    }


def limitations(facts: Facts) -> dict[str, Any]:
    """From the validator's findings and the measures: nothing here is typed by hand, so nothing can be left out by hand."""
    by_code: dict[str, list[str]] = {}
    for sae in facts.saes:
        for finding in sae.findings:
            by_code.setdefault(finding.code, []).append(sae.sae_id)
    general = [
        finding
        for finding in facts.report.findings
        if finding.sae_id is None and finding.severity > Severity.NOTE
    ]
    return {
        "defects": [(code, REGISTRY[code], sorted(set(ids))) for code, ids in sorted(by_code.items())],
        "general": general,
        "dead": [sae.sae_id for sae in facts.saes if _below(sae.metric("alive_share", "train"), MOSTLY_DEAD)],
        "few_rows": [sae.sae_id for sae in facts.saes if _few_rows(sae)],
        "unmeasured": [sae.sae_id for sae in facts.saes if sae.metrics is None],
        "warnings": [
            (sae.sae_id, sae.metrics.warnings) for sae in facts.saes if sae.metrics and sae.metrics.warnings
        ],
        "intervals": any(sae.metrics for sae in facts.saes),
        "total": len(facts.saes),
    }


def _below(metric: MetricValue | None, limit: float) -> bool:
    return metric is not None and metric.value is not None and metric.value < limit


def _few_rows(sae: SaeFact) -> bool:
    """Fewer training rows than latents: the dictionary can store its rows."""
    rows = sae.training.get("n_rows")
    return isinstance(rows, int) and rows < sae.d_sae
