"""What this is, what its labels mean, what it is for, and what is in the repository."""

from __future__ import annotations

from collections import Counter

from hubkit.cards.base import short_count
from hubkit.cards.base_fit import is_named, misfits, other_names
from hubkit.cards.facts import Facts, SaeFact
from hubkit.cards.families import FAMILIES, Family
from hubkit.cards.sections.section import Absent, Context
from hubkit.cards.settings import Link
from hubkit.formats.architectures import TRANSCODERS
from hubkit.release.layout import CFG, METRICS
from hubkit.release.pool import MIXED, ONLY
from hubkit.validate.finding import Severity


def summary(facts: Facts) -> Context:
    """Title, one sentence, the study, and the defects that a reader must know first."""
    settings = facts.settings
    broken = [sae for sae in facts.saes if _errors(sae)]
    study = settings.study
    return {
        "title": settings.title or f"Sparse autoencoders for {settings.base_model}",
        "summary": settings.summary,
        "count": len(facts.saes),
        "noun": _noun(facts),
        "base": facts.base,
        "size": short_count(facts.base.parameters) if facts.base.parameters else None,
        "named": is_named(facts),
        "other_names": other_names(facts),
        "misfits": misfits(facts),
        "others": facts.others,
        "study": study if isinstance(study, Link) else Link(name=study) if study else None,
        "broken": len(broken),
        "codes": sorted({code for sae in broken for code in _errors(sae)}),
    }


def _noun(facts: Facts) -> str:
    """`sparse autoencoders`, or what they are instead."""
    plural = "s" if len(facts.saes) != 1 else ""
    transcoders = sum(sae.architecture in TRANSCODERS for sae in facts.saes)
    if transcoders == len(facts.saes):
        return f"transcoder{plural}"
    return "sparse autoencoders and transcoders" if transcoders else f"sparse autoencoder{plural}"


def _errors(sae: SaeFact) -> set[str]:
    return {finding.code for finding in sae.findings if finding.severity is Severity.ERROR}


def families_of(facts: Facts) -> list[Family]:
    """The families of the pool's scenarios that hubkit knows, each once: recorded, else named by the author."""
    recorded = [one.family for one in facts.provenance.scenarios if one.family] if facts.provenance else []
    names = dict.fromkeys(recorded or facts.settings.scenario_families)
    return [FAMILIES[name] for name in names if name in FAMILIES]


def caveat(facts: Facts) -> Context | Absent:
    """Where the labels come from, and what a difference between them can therefore mean."""
    families = families_of(facts)
    settings = facts.settings
    measures = [settings.measures] if settings.measures else [family.measures for family in families]
    does_not = (
        [settings.does_not_measure]
        if settings.does_not_measure
        else [family.does_not_measure for family in families]
    )
    if not measures and not does_not:
        return Absent("What the labels mean", "neither the scenarios nor the author say")
    conditions = facts.distinct("condition")
    return {
        "settings": [family.setting for family in families],
        "measures": measures,
        "does_not": does_not,
        "labels": facts.labels,
        "of_one_label": [condition for condition in conditions if condition.endswith(ONLY)],
        "all_of_both": all(sae.condition == MIXED for sae in facts.saes),
    }


def uses(facts: Facts) -> Context | Absent:
    """Recommended and not: the author's words, and what the scenario families rule out."""
    settings = facts.settings
    ruled_out = [use for family in families_of(facts) for use in family.not_recommended]
    not_recommended = list(dict.fromkeys(settings.not_recommended or ruled_out))
    if not settings.recommended and not not_recommended:
        return Absent("Intended use", "the author states none")
    return {"recommended": settings.recommended, "not_recommended": not_recommended}


def contents(facts: Facts) -> Context:
    """Counts, layers, architectures, conditions, dimensions, format: all of them counted, none typed."""
    kinds = Counter(_kind(sae.architecture, sae.trained_as) for sae in facts.saes)
    grid = facts.provenance.grid if facts.provenance else None
    ks = {
        kind: sorted({s.k for s in facts.saes if s.trained_as == kind and s.k is not None})
        for kind in facts.distinct("trained_as")
    }
    return {
        "count": len(facts.saes),
        "kinds": sorted(kinds.items()),
        "layers": facts.distinct("layer"),
        "hooks": facts.distinct("hook_name"),
        "variants": _by_recipe(facts),
        "conditions": facts.distinct("condition"),
        "sizes": sorted({(sae.d_in, sae.d_sae) for sae in facts.saes}),
        "ks": {kind: values for kind, values in ks.items() if values},
        "files": _files(facts),
        "dtypes": facts.distinct("dtype"),
        "declared": grid.size if grid and grid.architectures else None,
        "with_metrics": sum(sae.own_metrics for sae in facts.saes),
        "metrics": METRICS if _at_root(facts) else f"<sae_id>/{METRICS}",
    }


def _at_root(facts: Facts) -> bool:
    return [sae.sae_id for sae in facts.saes] == ["."]


def _files(facts: Facts) -> list[str]:
    """The files of weights and configurations, as one pattern where they are called alike in every folder."""
    names = {(sae.sae.weights or "").rpartition("/")[2] for sae in facts.saes} - {""}
    folder = "" if _at_root(facts) else "<sae_id>/"
    return [f"{folder}{name}" for name in (*sorted(names), CFG)]


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


def _kind(architecture: str, trained_as: str) -> str:
    return architecture if architecture == trained_as else f"{architecture} (trained as {trained_as})"


def research(facts: Facts) -> Context | Absent:
    """Papers and code; the story is the author's prose."""
    settings = facts.settings
    if not settings.papers and not settings.code:
        return Absent("Research context", "the author gives none")
    return {"papers": settings.papers, "code": settings.code}
