"""How the SAEs came about: labels, training, and the precision of the base model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hubkit.cards.facts import Facts
from hubkit.cards.families import FAMILIES
from hubkit.cards.quantization import quantization_of
from hubkit.cards.sections.section import Absent, Context
from hubkit.cards.settings import ExpectedTransfer
from hubkit.release.experiments import Transfer

SHOWN = {
    "recipe": "Recipe",
    "steps": "Steps",
    "epochs": "Epochs",
    "batch_size": "Batch size",
    "lr": "Learning rate",
    "seed": "Seed",
    "pooling": "Pooling",
    "token_span": "Tokens",
    "seconds": "Training time, s per SAE",
}
"""Keys of `metadata.hubkit` in the order of the table."""
RECORDED = {*SHOWN, "n_rows"}
"""What makes a record of training of `metadata.hubkit`, which also holds what a fix did."""


def labels(facts: Facts) -> Context | Absent:
    """How completions were sampled and labelled, and what each scenario gave."""
    provenance = facts.provenance
    if provenance is None:
        return Absent("Classification methodology", "how the labels were made is not recorded")
    scenarios = provenance.scenarios
    names = list(dict.fromkeys(label for one in scenarios for label in one.counts))
    return {
        "labelling": provenance.labelling,
        "completions": provenance.completions,
        "scenarios": scenarios,
        "titles": {name: family.title for name, family in FAMILIES.items()},
        "names": names,
        "families": any(one.family for one in scenarios),
        "notes": any(one.note for one in scenarios),
    }


def counted_scenarios(facts: Facts) -> int:
    """Scenarios that completions are counted of; 0 where none are recorded."""
    listed = facts.provenance.scenarios if facts.provenance else []
    return len({one.scenario_id for one in listed if any(one.counts.values())})


def training(facts: Facts) -> Context | Absent:
    """The recipe of each architecture as the configurations record it; a value that differs between SAEs is given as its range."""
    kinds = [kind for kind in facts.distinct("trained_as") if _recorded(facts, kind)]
    if not kinds:
        return Absent("Training configuration", "no cfg.json records it")
    rows = [
        (
            title,
            [_range([r[key] for r in _recorded(facts, kind) if r.get(key) is not None]) for kind in kinds],
        )
        for key, title in SHOWN.items()
    ]
    provenance = facts.provenance
    return {
        "kinds": kinds,
        "rows": [(title, values) for title, values in rows if any(values)],
        "by_condition": _rows_by_condition(facts),
        "expansions": sorted({(sae.d_in, sae.d_sae) for sae in facts.saes}),
        "hooks": facts.distinct("hook_name"),
        "hardware": provenance.hardware if provenance else None,
        "software": provenance.software if provenance else {},
    }


def _recorded(facts: Facts, kind: str) -> list[Mapping[str, Any]]:
    return [sae.training for sae in facts.saes if sae.trained_as == kind and RECORDED & sae.training.keys()]


def _rows_by_condition(facts: Facts) -> list[tuple[str, str]]:
    """Condition to training rows, `181`, or a range where SAEs of one condition differ."""
    found: dict[str, list[Any]] = {}
    for sae in facts.saes:
        if "n_rows" in sae.training:
            found.setdefault(sae.condition or "all rows", []).append(sae.training["n_rows"])
    return [(condition, _range(rows)) for condition, rows in sorted(found.items())]


def _range(values: list[Any]) -> str:
    """One value, a few values, or lowest to highest."""
    distinct = sorted(set(values), key=lambda v: (str(type(v)), v))
    if not distinct:
        return ""
    if all(isinstance(v, int | float) for v in distinct) and len(distinct) > 1:
        return f"{_plain(distinct[0])} to {_plain(distinct[-1])}"
    return ", ".join(_plain(v) for v in distinct)


def _plain(value: object) -> str:
    return (
        f"{value:g}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)
    )


def precision(facts: Facts) -> Context:
    """In what precision the base model ran, what was tried beside it, and what the author expects of the rest."""
    recorded = sorted({str(sae.training["precision"]) for sae in facts.saes if "precision" in sae.training})
    stated = [facts.provenance.precision] if facts.provenance else recorded
    measured = facts.evaluation.transfers if facts.evaluation else []
    return {
        "precisions": stated,
        "dtypes": facts.distinct("dtype"),
        "quantization": quantization_of(facts),
        "transfers": transfer_rows(facts.settings.transfers, measured),
        "untested": not measured,
    }


def transfer_rows(
    expected: list[ExpectedTransfer], measured: list[Transfer]
) -> list[tuple[str, str, str, Transfer | None]]:
    """Target, expectation, reason, measurement: of every target that either names."""
    by_name: Mapping[str, Transfer] = {one.to: one for one in measured}
    rows = [(one.to, one.expected or "", one.why, by_name.get(one.to)) for one in expected]
    known = {one.to for one in expected}
    return [*rows, *((one.to, "", "", one) for one in measured if one.to not in known)]
