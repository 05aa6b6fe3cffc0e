"""How the SAEs came about: labels, training, precision."""

from __future__ import annotations

from typing import Any

from hubkit.cards.facts import Facts

SHOWN = ("recipe", "steps", "lr", "batch_size", "seed", "n_rows", "pooling", "token_span")


def labels(facts: Facts) -> dict[str, Any] | None:
    """How completions were sampled and labelled."""
    if facts.provenance is None:
        return None
    return {
        "completions": facts.provenance.completions,
        "measures": facts.settings.measures,
        "does_not": facts.settings.does_not_measure,
    }


def training(facts: Facts) -> dict[str, Any] | None:
    """The recipe of each architecture as the configurations record it; a value that differs between SAEs is given as its range."""
    recipes = {}
    for architecture in facts.distinct("trained_as"):
        recorded = [sae.training for sae in facts.saes if sae.trained_as == architecture and sae.training]
        values = {
            key: _range([r[key] for r in recorded if key in r])
            for key in SHOWN
            if any(key in r for r in recorded)
        }
        if values:
            recipes[architecture] = values
    return (
        {"recipes": recipes, "hardware": facts.provenance.hardware if facts.provenance else None}
        if recipes
        else None
    )


def _range(values: list[Any]) -> str:
    distinct = sorted(set(values), key=lambda v: (str(type(v)), v))
    if len(distinct) == 1:
        return str(distinct[0])
    numeric = all(isinstance(v, int | float) for v in distinct)
    return (
        f"{distinct[0]} to {distinct[-1]}"
        if numeric and len(distinct) > 3
        else ", ".join(str(v) for v in distinct)
    )


def precision(facts: Facts) -> dict[str, Any]:
    """In what precision the base model ran, and that nothing else was tried."""
    recorded = sorted({str(sae.training["precision"]) for sae in facts.saes if "precision" in sae.training})
    stated = [facts.provenance.precision] if facts.provenance else recorded
    return {"precisions": stated, "dtypes": facts.distinct("dtype")}
