"""What this is, what its labels mean, what it is for, and what is in the repository."""

from __future__ import annotations

import re
from collections import Counter

from hubkit import __version__
from hubkit.cards.base import short_count
from hubkit.cards.base_fit import is_named, misfits, other_names
from hubkit.cards.facts import Facts
from hubkit.cards.measured import SPLIT_WORDS
from hubkit.cards.recommended import recommended
from hubkit.cards.scenario_families import FAMILIES, Family
from hubkit.cards.sections.limitations import defects_of, exactly
from hubkit.cards.sections.section import NO_FIELD, OF_LABELS, Absent, Context
from hubkit.cards.sections.training import precisions_of
from hubkit.cards.settings import Link
from hubkit.formats.architectures import TRANSCODERS
from hubkit.measures.catalogue import CATALOGUE
from hubkit.release.pool import MIXED, ONLY
from hubkit.validate.finding import Severity
from hubkit.words import many

TARGETS = {"k": "target k", "target_l0": "target L0"}
"""How many latents an SAE was trained to keep: exactly, or on average."""
AUTOENCODER = re.compile(r"\b(?:sparse\sauto-?encoders?|transcoders?|SAEs?)\b", re.IGNORECASE)


def says_what_it_is(text: str, base_model: str) -> bool:
    """Whether a sentence of the author's says what hubkit's first sentence would: what these are, and of which model."""
    name = re.escape(base_model.rpartition("/")[2])
    return (
        AUTOENCODER.search(text) is not None
        and re.search(rf"(?<![\w.-]){name}(?![\w-])", text, re.IGNORECASE) is not None
    )


def summary(facts: Facts) -> Context:
    """Title, one sentence, its successor, the study, its companions, and whether the base model is in doubt."""
    settings = facts.settings
    study = settings.study
    return {
        "title": settings.title or f"Sparse autoencoders for {settings.base_model}",
        "summary": settings.summary,
        "count": len(facts.saes),
        "noun": _noun(facts),
        "base": facts.base,
        "size": short_count(facts.base.parameters) if facts.base.parameters else None,
        "named": is_named(facts),
        "format": f"{facts.library.name}'s" if facts.library else "SAELens",
        "leads": leads(facts),
        "other_names": other_names(facts),
        "misfits": misfits(facts),
        "others": facts.others,
        "new_version": settings.new_version,
        "companions": settings.companions,
        "study": study if isinstance(study, Link) else Link(name=study) if study else None,
    }


def leads(facts: Facts) -> bool:
    """Whether the author's summary takes the place of hubkit's first sentence: nothing about the base model is in doubt."""
    plain = is_named(facts) and not (other_names(facts) or misfits(facts))
    return plain and says_what_it_is(facts.settings.summary or "", facts.settings.base_model)


def _noun(facts: Facts) -> str:
    """`sparse autoencoders`, or what they are instead."""
    plural = "s" if len(facts.saes) != 1 else ""
    transcoders = sum(sae.architecture in TRANSCODERS for sae in facts.saes)
    if transcoders == len(facts.saes):
        return f"transcoder{plural}"
    return "sparse autoencoders and transcoders" if transcoders else f"sparse autoencoder{plural}"


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
        return Absent("What the labels mean", "no file beside this card records it", OF_LABELS)
    conditions = facts.distinct("condition")
    return {
        "settings": [family.setting for family in families],
        "measures": measures,
        "does_not": does_not,
        "labels": facts.labels,
        "of_one_label": [condition for condition in conditions if condition.endswith(ONLY)],
        "all_of_both": all(sae.condition == MIXED for sae in facts.saes),
        "total": len(facts.saes),
    }


def uses(facts: Facts) -> Context | Absent:
    """Which SAE to begin with, and what for: chosen by what was measured, the author's words, and what the scenario families rule out."""
    settings = facts.settings
    ruled_out = [use for family in families_of(facts) for use in family.not_recommended]
    not_recommended = list(dict.fromkeys(settings.not_recommended or ruled_out))
    several = len(facts.saes) > 1
    if not (several or settings.recommended or not_recommended):
        return Absent("Intended use", NO_FIELD, ("uses",))
    pick = recommended(facts)
    return {
        "several": several,
        "pick": pick,
        "title": f"{CATALOGUE[pick.metric.measure].title.lower()} on {SPLIT_WORDS[pick.metric.split]}" if pick.metric else "",
        "codes": sorted({finding.code for finding in pick.sae.findings}),
        "both": pick.sae.condition == MIXED and len(facts.distinct("condition")) > 1,
        "avoid": _avoid(facts),
        "rewritten": any(sae.rewritten for sae in facts.saes),
        "recommended": settings.recommended,
        "not_recommended": not_recommended,
    }  # fmt: skip


def _avoid(facts: Facts) -> str:
    """The SAEs with a defect, as a class where they are one; empty where none, or every one, has one."""
    broken = [sae for sae in facts.saes if sae.findings]
    if not broken or len(broken) == len(facts.saes):
        return ""
    codes = ", ".join(sorted({finding.code for sae in broken for finding in sae.findings}))
    which = exactly(facts, broken) or many(len(broken), "SAE")
    return f"{which}: {'they have' if len(broken) > 1 else 'it has'} defects ({codes})"


def contents(facts: Facts) -> Context:
    """The strip of facts: counted or recorded, none typed; and what the check found."""
    kinds = Counter(_kind(sae.architecture, sae.trained_as) for sae in facts.saes)
    grid = facts.provenance.grid if facts.provenance else None
    targets = [
        (kind, title, sorted({n for s in facts.saes if s.trained_as == kind and (n := getattr(s, name))}))
        for kind in facts.distinct("trained_as")
        for name, title in TARGETS.items()
    ]
    report = facts.report
    errors = {one.code for one in report.findings if one.severity is Severity.ERROR}
    return {
        "count": len(facts.saes),
        "base": facts.base if leads(facts) else None,
        "size": short_count(facts.base.parameters) if facts.base.parameters else None,
        "kinds": sorted(kinds.items()),
        "layers": facts.distinct("layer"),
        "n_layers": facts.base.n_layers,
        "hooks": facts.distinct("hook_name"),
        "conditions": facts.distinct("condition"),
        "sizes": sorted({(sae.d_in, sae.d_sae) for sae in facts.saes}),
        "targets": [one for one in targets if one[-1]],
        "precision": precisions_of(facts),
        "dtypes": facts.distinct("dtype"),
        "declared": grid.size if grid and grid.architectures else None,
        "version": __version__,
        "errors": [
            (title, len(ids), which) for code, title, ids, which in defects_of(facts) if code in errors
        ],
        "found": len({one.code for one in report.findings if one.severity > Severity.NOTE}),
        "rewritten": any(sae.rewritten for sae in facts.saes),
        "complete": report.complete and not report.skipped,
    }


def _kind(architecture: str, trained_as: str) -> str:
    return architecture if architecture == trained_as else f"{architecture} (trained as {trained_as})"


def research(facts: Facts) -> Context | Absent:
    """Papers and code; the story is the author's prose."""
    settings = facts.settings
    if not settings.papers and not settings.code:
        return Absent("Research context", NO_FIELD, ("research",))
    return {"papers": settings.papers, "code": settings.code}
