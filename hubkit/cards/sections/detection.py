"""What stands beside an SAE's probe: few latents, random ones, a control label, an SAE that nobody trained, what each fold says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hubkit.measures.families.sparse_probe import SIZES
from hubkit.measures.measure import UNSEEN
from hubkit.release.metrics import MetricValue

if TYPE_CHECKING:
    from hubkit.cards.facts import Facts, SaeFact

COLUMNS = (
    ("random_sae_balanced_accuracy", "random SAE of equal L0"),
    ("control_task_balanced_accuracy", "control label"),
    ("selectivity", "selectivity"),
    ("probe_brier", "Brier score"),
)
OWN = "probe_balanced_accuracy"


def detection(facts: Facts) -> dict[str, Any] | None:
    """Tables of the SAEs whose probes hubkit measured; None where there is none."""
    beside = [
        (sae, [_unseen(sae, name) for name in (OWN, *(name for name, _ in COLUMNS))]) for sae in facts.saes
    ]
    rows = [(sae, values) for sae, values in beside if any(values[1:])]
    few = [(sae, cells) for sae in facts.saes if any(cells := _few(sae))]
    folds = _over_folds(facts)
    if not (rows or few or folds):
        return None
    return {
        "rows": rows,
        "heads": [title for _, title in COLUMNS],
        "brier": _reference(rows),
        "pairs": _pairs(facts),
        "few": few,
        "sizes": SIZES,
        "components": _components(facts),
        "folds": folds,
    }


def _unseen(sae: SaeFact, measure: str) -> MetricValue | None:
    return sae.first_metric(*((measure, split) for split in UNSEEN))


def _few(sae: SaeFact) -> list[tuple[MetricValue | None, MetricValue | None]]:
    """For each k the probe of the SAE's latents, whose null is that of raw dimensions, and of random latents. Empty where none was measured."""
    cells = [(_unseen(sae, f"sparse_probe_{k}"), _unseen(sae, f"sparse_random_{k}")) for k in SIZES]
    return cells if any(own for own, _ in cells) else []


def _components(facts: Facts) -> list[tuple[int, list[MetricValue | None]]]:
    """Layer, and for each k the probe of as many principal components."""
    layers = facts.evaluation.layers if facts.evaluation else []
    found = [(one.layer, [one.get(f"sparse_components_{k}") for k in SIZES]) for one in layers]
    return [(layer, values) for layer, values in found if any(values)]


def _over_folds(facts: Facts) -> list[tuple[str, MetricValue, MetricValue]]:
    """SAE, its difference by rows, and by folds."""
    listed = facts.evaluation.comparisons if facts.evaluation else []
    return [
        (one.sae_id, one.difference, one.over_folds)
        for one in listed
        if one.over_folds is not None and one.over_folds.value is not None
    ]


def _reference(rows: list[tuple[SaeFact, list[MetricValue | None]]]) -> float | None:
    """Brier score of the label's share, said of every row: that of the first SAE, the same for all."""
    found = (value.null_mean for _, values in rows if (value := values[-1]) is not None)
    return next((one for one in found if one is not None), None)


def _pairs(facts: Facts) -> int | None:
    """Pairs of rows that an AUROC compares."""
    found = (_unseen(sae, "probe_auroc") for sae in facts.saes)
    return next((value.n_pairs for value in found if value is not None and value.n_pairs), None)
