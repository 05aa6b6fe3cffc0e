"""How the SAEs came about: labels, training, and the precision of the base model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from hubkit.cards.facts import Facts, SaeFact
from hubkit.cards.quantization import own_quantization, quantization_of, quantized_count
from hubkit.cards.scenario_families import FAMILIES
from hubkit.cards.sections.section import OF_LABELS, Absent, Context
from hubkit.cards.settings import ExpectedTransfer
from hubkit.cards.stated import experiments
from hubkit.cards.text import foreign
from hubkit.cards.trained import input_of, metadata_of, settings_of
from hubkit.measures.catalogue import CATALOGUE
from hubkit.release.experiments import Transfer
from hubkit.release.loaded import LoadedModel
from hubkit.release.metrics import MetricValue
from hubkit.release.pool_report import PoolReport
from hubkit.release.sae_record import SaeRecord

SHOWN = {
    "recipe": "Recipe",
    "steps": "Steps",
    "epochs": "Epochs",
    "batch_size": "Batch size",
    "lr": "Learning rate",
    "products": "Products of float32 matrices",
    "seed": "Seed",
    "pooling": "Pooling",
    "token_span": "Tokens",
    "seconds": "Training time, s per SAE",
}
"""Keys of `metadata.hubkit` in the order of the table."""
FEW = 6
FEW_NUMBERS = 3
RECORDED = (*SHOWN, "n_rows")
"""What makes a record of training of `metadata.hubkit`, which also holds what a fix did."""


LABELLED = "labelled "
"""What a count of `completions` begins with that is of one label."""


def labels(facts: Facts) -> Context | Absent:
    """How completions were sampled and labelled, and what each scenario gave."""
    provenance = facts.provenance
    if provenance is None or not (provenance.labelling or provenance.completions or provenance.scenarios):
        return Absent(
            "Classification methodology",
            "no file beside this card records how the labels were made",
            OF_LABELS,
        )
    scenarios = provenance.scenarios
    names = list(dict.fromkeys(label for one in scenarios for label in one.counts))
    counted = any(one.counts for one in scenarios)
    return {
        "labelling": provenance.labelling,
        "completions": provenance.completions,
        "funnel": _funnel(provenance.completions),
        "by_label": [
            (n, name.removeprefix(LABELLED))
            for name, n in provenance.completions.items()
            if name.startswith(LABELLED)
        ],
        "scenarios": scenarios,
        "listed": len({one.scenario_id for one in scenarios}),
        "undecided": sum(not any(one.counts.values()) for one in scenarios) if counted else None,
        "titles": {name: family.title for name, family in FAMILIES.items()},
        "names": names,
        "sampled": any(one.sampled is not None for one in scenarios),
        "families": any(one.family for one in scenarios),
        "notes": any(one.note for one in scenarios),
        "pool": facts.pool,
        "published": provenance.published_pool,
        "repo_id": facts.settings.repo_id,
        "meanings": _meanings(facts.pool),
    }


def _meanings(pool: PoolReport | None) -> list[tuple[str, dict[str, str]]]:
    """Of each scenario what its labels mean there, where that is said."""
    found = {one.scenario_id: one.meanings for one in pool.main if one.meanings} if pool else {}
    return list(found.items())


def _funnel(completions: Mapping[str, int]) -> list[tuple[int, str]]:
    """Sampled, ambiguous, decisive: what is recorded of it, and the difference."""
    counts = {name: n for name, n in completions.items() if not name.startswith(LABELLED)}
    if {"sampled", "decisive"} <= counts.keys():
        ambiguous = counts["sampled"] - counts["decisive"]
        counts = {"sampled": counts.pop("sampled"), "ambiguous": ambiguous, **counts}
    return [(n, name) for name, n in counts.items()]


def counted_scenarios(facts: Facts) -> int:
    """Scenarios that completions are counted of; 0 where none are recorded."""
    listed = facts.provenance.scenarios if facts.provenance else []
    return len({one.scenario_id for one in listed if any(one.counts.values())})


def training(facts: Facts) -> Context | Absent:
    """What each architecture was trained with, as the configurations state it; a value that differs between SAEs is given as its range."""
    kinds = [
        kind for kind in facts.distinct("trained_as") if _recorded(facts, kind) or _settings(facts, kind)
    ]
    if not kinds:
        why = (
            f"it is not read by hubkit in {facts.library.name}'s files"
            if facts.library
            else "no cfg.json records it"
        )
        return Absent("Training configuration", why)
    rows = [
        (
            title,
            [
                _stated_by(
                    [value for r in _recorded(facts, kind) if (value := getattr(r, key)) is not None],
                    _count(facts, kind),
                )
                for kind in kinds
            ],
        )
        for key, title in SHOWN.items()
    ]
    rows += _stated_rows(facts, kinds)
    provenance = facts.provenance
    own = sum(_own(sae) is not None for sae in facts.saes)
    return {
        "kinds": kinds,
        "rows": [(title, values) for title, values in rows if any(values)],
        "by_hubkit": own > 0,
        "by_saelens": own < len(facts.saes),
        "by_condition": _rows_by_condition(facts),
        "expansions": sorted({(sae.d_in, sae.d_sae) for sae in facts.saes}),
        "variants": _by_recipe(facts),
        "hooks": facts.distinct("hook_name"),
        "neuronpedia": sum(bool(metadata_of(sae).get("neuronpedia_id")) for sae in facts.saes),
        "neuronpedia_fits": all(finding.code != "CFG023" for finding in facts.report.findings),
        "hardware": _hardware(facts),
        "software": provenance.software if provenance else {},
    }


def _by_recipe(facts: Facts) -> list[tuple[str, int, list[int]]]:
    """Recipe, SAEs, layers; empty where there is only one recipe."""
    recipes: dict[str, list[SaeFact]] = {}
    for sae in facts.saes:
        if (recipe := sae.record.recipe) is not None:
            recipes.setdefault(recipe, []).append(sae)
    if len(recipes) < 2:
        return []
    return [
        (recipe, len(saes), sorted({s.layer for s in saes if s.layer is not None}))
        for recipe, saes in sorted(recipes.items())
    ]


def _own(sae: SaeFact) -> SaeRecord | None:
    """The record of hubkit's training, where it is one."""
    return sae.record if any(getattr(sae.record, key) is not None for key in RECORDED) else None


def _recorded(facts: Facts, kind: str) -> list[SaeRecord]:
    return [own for sae in facts.saes if sae.trained_as == kind and (own := _own(sae))]


def _settings(facts: Facts, kind: str) -> list[Mapping[str, Any]]:
    """What SAELens's keys state, of the SAEs without a record of hubkit's: there they would say it twice."""
    return [
        found
        for sae in facts.saes
        if sae.trained_as == kind and not _own(sae) and (found := settings_of(sae))
    ]


def _stated_rows(facts: Facts, kinds: list[str]) -> list[tuple[str, list[str]]]:
    by_kind = [_settings(facts, kind) for kind in kinds]
    titles = dict.fromkeys(title for several in by_kind for one in several for title in one)
    return [
        (
            title,
            [
                _stated_by([one[title] for one in several if title in one], _count(facts, kind))
                for kind, several in zip(kinds, by_kind, strict=True)
            ],
        )
        for title in titles
    ]


def _hardware(facts: Facts) -> list[str]:
    """What the SAEs were trained on where each has a record, else the machine that wrote provenance.json."""
    provenance = facts.provenance
    if provenance is None:
        return []
    each = {one.hardware for one in provenance.training.values()}
    return sorted(each) if each else [provenance.hardware]


def _rows_by_condition(facts: Facts) -> list[tuple[str, str]]:
    """Condition to training rows, `181`, or a range where SAEs of one condition differ."""
    found: dict[str, list[Any]] = {}
    for sae in facts.saes:
        if sae.record.n_rows is not None:
            found.setdefault(sae.condition or "all rows", []).append(sae.record.n_rows)
    return [(condition, _range(rows)) for condition, rows in sorted(found.items())]


def _count(facts: Facts, kind: str) -> int:
    """SAEs that were trained as this."""
    return sum(sae.trained_as == kind for sae in facts.saes)


def _stated_by(values: list[Any], total: int) -> str:
    """What all of `total` SAEs state; where only some do, with how many."""
    shown = _range(values)
    return f"{shown} ({len(values)} of {total} SAEs)" if 0 < len(values) < total else shown


def _range(values: list[Any]) -> str:
    """One value, a few values, or lowest to highest: numbers that are not many are no range."""
    distinct = sorted(set(values), key=lambda v: (isinstance(v, str), v))
    if not distinct:
        return ""
    numbers = all(isinstance(v, int | float) and not isinstance(v, bool) for v in distinct)
    if numbers and 1 < len(distinct) <= FEW_NUMBERS:
        return f"{', '.join(map(_plain, distinct[:-1]))} and {_plain(distinct[-1])}"
    if numbers and len(distinct) > 1:
        return f"{_plain(distinct[0])} to {_plain(distinct[-1])}"
    shown = [_plain(v) for v in distinct]
    return ", ".join(shown) if len(shown) <= FEW else f"{', '.join(shown[:FEW])} and {len(shown) - FEW} more"


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return (
        f"{value:g}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)
    )


def precision(facts: Facts) -> Context:
    """In what precision the base model ran, what was tried beside it, and what the author expects of the rest."""
    measured = experiments(facts, "transfers")
    quantization = quantization_of(facts)
    loaded = narrowed(facts)
    return {
        "precisions": precisions_of(facts),
        "unrecorded": _unrecorded(facts),
        "dtypes": facts.distinct("dtype"),
        "quantization": quantization,
        "quantized": quantized_count(facts) if quantization else 0,
        "count": len(facts.saes),
        "narrowed": loaded,
        "software": ", ".join(f"{name} {version}" for name, version in loaded.software.items())
        if loaded
        else "",
        "transfers": transfer_rows(facts.settings.transfers, measured),
        "stated_transfers": _stated_transfers(measured),
        "portability": _portability(measured),
        "untested": not any(one.values for one, _ in measured),
    }


PORTABLE = (
    "explained_variance", "explained_variance_drop", "alive_shift", "latent_correlation", "row_cosine", "top_latent_overlap",
)  # fmt: skip


def _portability(measured: list[tuple[Transfer, str | None]]) -> dict[str, Any] | None:
    """Every SAE at every precision that hubkit ran, with its verdict; the SAE's own precision, run again, first."""
    judged = [one for one, mark in measured if mark is None and one.verdict is not None]
    if not judged:
        return None
    rows: list[tuple[str, Transfer, list[MetricValue | None], str]] = []
    ceilings = {one.sae_id: one for one in judged if one.ceiling}
    rows += [("its own, run again", one, _of(one.ceiling, PORTABLE), "–") for one in ceilings.values()]
    rows += [(one.to, one, _of(one.values, PORTABLE), f"**{one.verdict}**: {one.because}") for one in judged]
    halves = [
        value.value
        for one in judged
        for value in one.values
        if value.measure == "alive_shift" and value.contrast
    ]
    noise = [value.null_mean for one in judged for value in _of(one.values, ("latent_correlation",)) if value]
    return {
        "heads": [CATALOGUE[name].heading for name in PORTABLE],
        "rows": rows,
        "rules": sorted({one.rule for one in judged if one.rule}),
        "n": sorted({value.n for one in judged for value in one.values if value.value is not None}),
        "halves": _ends(halves),
        "noise": _ends(noise),
    }


def _of(values: list[MetricValue], names: tuple[str, ...]) -> list[MetricValue | None]:
    by_name = {one.measure: one for one in values if one.contrast is None}
    return [by_name.get(name) for name in names]


def _ends(values: list[float | None]) -> tuple[float, float] | None:
    known = [value for value in values if value is not None]
    return (min(known), max(known)) if known else None


def narrowed(facts: Facts) -> LoadedModel | None:
    """The record of how the base model was loaded, where its weights went through more forms than one."""
    loaded = facts.provenance.loaded if facts.provenance else None
    return loaded if loaded is not None and len(loaded.steps) > 1 else None


def precisions_of(facts: Facts) -> list[str]:
    """Of the base model, as provenance.json or the configurations record it; where they record it of some SAEs alone, or differ, with the number of SAEs; as it may stand in Markdown."""
    if facts.provenance:
        return [foreign(facts.provenance.precision)]
    total = len(facts.saes)
    counted = Counter(found for sae in facts.saes if (found := precision_of(sae)) is not None)
    return [
        foreign(one) if count == total else f"{foreign(one)} for {count} of {total} SAEs"
        for one, count in sorted(counted.items())
    ]


def _unrecorded(facts: Facts) -> int:
    """SAEs of whose base model's precision no file says anything, where one says it of others."""
    silent = 0 if facts.provenance else sum(precision_of(sae) is None for sae in facts.saes)
    return silent if silent < len(facts.saes) else 0


def precision_of(sae: SaeFact) -> str | None:
    """Of the base model, as the configuration of this SAE records it."""
    if (quantized := own_quantization(sae)) is not None and sae.record.precision is None:
        return quantized.words
    return sae.record.precision or dtype_asked(sae)


def dtype_asked(sae: SaeFact) -> str | None:
    """The float type that the base model was loaded in, where its arguments name one."""
    arguments = input_of(sae).arguments
    found = arguments.get("torch_dtype") or arguments.get("dtype")
    return str(found).removeprefix("torch.") if found else None


Measured = tuple[Transfer, str | None]


def transfer_rows(
    expected: list[ExpectedTransfer], measured: list[Measured]
) -> list[tuple[str, str, str, list[Transfer]]]:
    """Target, expectation, reason, what hubkit computed: of every target that either names."""
    by_name: dict[str, list[Transfer]] = {}
    for one, mark in measured:
        if mark is None:
            by_name.setdefault(one.to, []).append(one)
    rows = [(one.to, one.expected or "", one.why, by_name.get(one.to, [])) for one in expected]
    known = {one.to for one in expected}
    return [*rows, *((to, "", "", found) for to, found in by_name.items() if to not in known)]


def _stated_transfers(measured: list[Measured]) -> list[tuple[str, list[Transfer]]]:
    """By who states them."""
    found: dict[str, list[Transfer]] = {}
    for one, mark in measured:
        if mark is not None:
            found.setdefault(mark, []).append(one)
    return list(found.items())
