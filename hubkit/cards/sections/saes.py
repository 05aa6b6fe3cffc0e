"""The SAEs one by one, and their quality in sum."""

from __future__ import annotations

import re
from statistics import median
from typing import Any

from hubkit.cards.facts import Facts, SaeFact
from hubkit.cards.measured import ALIVE, SPLIT_WORDS
from hubkit.cards.sections.section import NOT_COMPUTED, Absent, Context
from hubkit.measures.catalogue import CATALOGUE, Definitions, columns, get
from hubkit.measures.measure import Split, Table
from hubkit.release.metrics import Density, MetricValue
from hubkit.release.pool import MIXED

LONG_TABLE = 12
LAYER = re.compile(r"\.\d{1,3}(?=\.|$)")
"""The number of the layer in the name of a hook."""


def sae_table(facts: Facts) -> Context | Absent:
    """One row per SAE with its real id, folded when long; of a single SAE one row per measure."""
    shown = _columns(facts, "saes")
    if len(facts.saes) == 1 and not shown:
        return Absent("Measured values", NOT_COMPUTED)
    rows = [
        {
            "sae": sae,
            "values": [sae.metric(measure, split) for measure, split in shown],
            "codes": _codes(sae),
        }
        for sae in sorted(facts.saes, key=_order)
    ]
    return {
        "rows": rows,
        "heads": [f"{CATALOGUE[measure].heading}, {SPLIT_WORDS[split]}" for measure, split in shown],
        "has": {name: bool(facts.distinct(name)) for name in ("layer", "condition", "k", "target_l0")}
        | {"hook": _sites_differ(facts)},
        "long": len(rows) > LONG_TABLE,
        "measured": bool(shown),
        "crossfit": any(split == "crossfit" for _, split in shown),
        "control": any(split == "control" for _, split in shown),
        "mixed": any(sae.condition == MIXED for sae in facts.saes),
        "gaps": any(_is_gap(value) for row in rows for value in row["values"]),  # type: ignore[attr-defined]
        "intervals": any(value and value.interval for row in rows for value in row["values"]),  # type: ignore[attr-defined]
        "alive": _alive(facts),
    }


def _sites_differ(facts: Facts) -> bool:
    """Whether the hooks differ in more than their layer: then the layer says not where an SAE reads."""
    return len({LAYER.sub(".N", sae.sae.hook_name or "", count=1) for sae in facts.saes}) > 1


def _is_gap(value: MetricValue | None) -> bool:
    return value is None or value.value is None


def _codes(sae: SaeFact) -> str:
    """What was found about it; `none` only where every rule could be asked."""
    found = ", ".join(sorted({finding.code for finding in sae.findings}))
    return found or (f"none; not checked: {', '.join(sae.not_checked)}" if sae.not_checked else "none")


def _order(sae: SaeFact) -> tuple[object, ...]:
    layer = sae.layer if sae.layer is not None else -1
    return sae.architecture, sae.record.recipe or "", layer, sae.condition or "", sae.sae_id


def _columns(facts: Facts, table: Table) -> list[tuple[str, Split]]:
    """Those of the catalogue's columns that any SAE has a value for."""
    return [column for wanted in columns(table) if (column := _column(facts, wanted)) is not None]


def _column(facts: Facts, wanted: Definitions) -> tuple[str, Split] | None:
    """The first of several definitions that any SAE was measured by: a column holds one definition only."""
    return next(
        (
            (measure, split)
            for measure, split in wanted
            if any(sae.first_metric((measure, split)) is not None for sae in facts.saes)
        ),
        None,
    )


def quality(facts: Facts) -> Context | Absent:
    """Reconstruction and sparsity of each architecture: the median and the range over its SAEs; of a single SAE, its values."""
    shown = _columns(facts, "quality")
    if not shown:
        return Absent("SAE quality", NOT_COMPUTED)
    rows = []
    for kind in facts.distinct("trained_as"):
        saes = [sae for sae in facts.saes if sae.trained_as == kind]
        rows.append((kind, len(saes), [_summary(saes, measure, split) for measure, split in shown]))
    return {
        "rows": rows,
        "heads": [f"{CATALOGUE[measure].heading}, {SPLIT_WORDS[split]}" for measure, split in shown],
        "formulas": [(CATALOGUE[measure].title, CATALOGUE[measure].formula) for measure, _ in shown],
        "several": len(facts.saes) > 1,
        "by_label": _by_label(facts),
        "densities": densities(facts),
        "loss": _loss(facts),
        "long": len(facts.saes) > LONG_TABLE,
        "n": _rows_measured(facts, shown),
    }


def _by_label(facts: Facts) -> dict[str, Any] | None:
    """Medians over the SAEs of each architecture and condition, on the unseen rows of each label alone."""
    taken = [name for name, one in CATALOGUE.items() if one.by_label]
    found: dict[tuple[str, str, str], dict[str, list[float]]] = {}
    for sae in facts.saes:
        for value in sae.metrics.values if sae.metrics else []:
            if value.label is not None and value.value is not None:
                key = (sae.trained_as, sae.condition or "–", value.label)
                found.setdefault(key, {}).setdefault(value.measure, []).append(value.value)
    if not found:
        return None
    rows = [
        (*key, [median(values[name]) if name in values else None for name in taken])
        for key, values in found.items()
    ]
    return {
        "heads": [CATALOGUE[name].heading for name in taken],
        "rows": sorted(rows, key=lambda row: row[:3]),
    }


LOSSES = ("ce_loss_score", "ce_loss_score_mean", "kl_div_score", "ce_loss_increase")


def _loss(facts: Facts) -> dict[str, Any] | None:
    """What the base model loses with each SAE in the place of its activations, by the texts that it was run on."""
    groups: dict[str, list[SaeFact]] = {}
    for sae in sorted(facts.saes, key=_order):
        if sae.metrics is not None and sae.metrics.texts is not None:
            told = sae.metrics.texts.model_copy(update={"hook_name": ""})
            groups.setdefault(told.model_dump_json(), []).append(sae)
    found = []
    for saes in groups.values():
        values = [[next(iter(sae.of_measure(name)), None) for name in LOSSES] for sae in saes]
        run = saes[0].metrics.texts if saes[0].metrics else None
        found.append(
            {
                "run": run,
                "n": next((one.n for row in values for one in row if one), 0),
                "rows": list(zip(saes, values, strict=True)),
            }
        )
    return {"heads": [CATALOGUE[name].heading for name in LOSSES], "groups": found} if found else None


def densities(facts: Facts) -> dict[str, Any] | None:
    """Latents of each architecture by how often they fire, on the first split that any SAE was counted on; bins that are empty throughout left out."""
    splits = [split for split in get("density").splits if any(_density(sae, split) for sae in facts.saes)]
    if not splits:
        return None
    counted: dict[str, list[Density]] = {}
    for sae in facts.saes:
        if (one := _density(sae, splits[0])) is not None:
            counted.setdefault(sae.trained_as, []).append(one)
    edges = next(iter(counted.values()))[0].edges
    sums = {
        kind: [sum(column) for column in zip(*(one.counts for one in several), strict=True)]
        for kind, several in counted.items()
    }
    shown = [place for place in range(len(edges) - 1) if any(counts[place] for counts in sums.values())]
    return {
        "rows": [
            (
                kind,
                sum(one.dead for one in several),
                [sums[kind][place] for place in shown],
                sum(one.dense for one in several),
            )
            for kind, several in counted.items()
        ],
        "heads": [f"{_share(edges[place])} to {_share(edges[place + 1])}" for place in shown],
        "rows_where": SPLIT_WORDS[splits[0]],
    }


def _density(sae: SaeFact, split: Split) -> Density | None:
    found = sae.metrics.densities if sae.metrics else []
    return next((one for one in found if one.split == split), None)


def _share(edge: float) -> str:
    percent = 100 * 10**edge
    return f"{percent:.2g} %" if percent < 99.5 else "100 %"


def _summary(saes: list[SaeFact], measure: str, split: Split) -> tuple[float, float, float, int] | None:
    """Median, lowest, highest, count."""
    found = [m.value for sae in saes if (m := sae.metric(measure, split)) and m.value is not None]
    return (median(found), min(found), max(found), len(found)) if found else None


def _alive(facts: Facts) -> tuple[int, int] | None:
    """Of a single SAE: latents that fire, and latents. A cross-fitted share is a mean over several SAEs, of none of which it is the count."""
    only = facts.saes[0]
    metric: MetricValue | None = only.first_metric(*ALIVE)
    if len(facts.saes) > 1 or metric is None or metric.value is None or metric.split == "crossfit":
        return None
    return round(metric.value * only.d_sae), only.d_sae


def _rows_measured(facts: Facts, shown: list[tuple[str, Split]]) -> tuple[int, int]:
    """The fewest and the most rows that a value stands on."""
    counts = [
        value.n
        for sae in facts.saes
        for measure, split in shown
        if (value := sae.metric(measure, split)) is not None and value.value is not None
    ]
    return min(counts, default=0), max(counts, default=0)
