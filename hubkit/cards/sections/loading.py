"""How to load it, how to cite it, under which licence, where it is from."""

from __future__ import annotations

from packaging.version import Version

from hubkit.cards.facts import Facts, SaeFact
from hubkit.cards.libraries import loading_code
from hubkit.cards.quantization import quantization_of
from hubkit.cards.recommended import recommended
from hubkit.cards.saelens_versions import needed
from hubkit.cards.sections.code import by_lens
from hubkit.cards.sections.section import NO_FIELD, Absent, Context
from hubkit.cards.trained import input_of


def loading(facts: Facts) -> Context:
    """What to install, how to load, and what an SAE takes. The code is run before it is published."""
    example = recommended(facts).sae
    library = facts.library
    return {
        "repo_id": facts.settings.repo_id,
        "library": library,
        "code": loading_code(library, facts.settings.repo_id, example.sae_id) if library else "",
        "sae_id": example.sae_id,
        "root": example.sae_id == ".",
        "several": len(facts.saes) > 1,
        "packages": packages(facts),
        "example": example,
        "fed": input_of(example),
    }


def packages(facts: Facts) -> list[str]:
    """What `pip install` needs to load these SAEs and to take their activations: SAELens in the first version that loads all of them."""
    if facts.library is not None:
        return list(facts.library.packages)
    first = [version for sae in facts.saes if (version := needed(sae.architecture, rescaled=sae.rescaled))]
    newest = max(first, key=Version, default=None)
    example = recommended(facts).sae
    quantization = quantization_of(facts, example)
    fed = input_of(example)
    more = ["transformer-lens"] if by_lens(example, fed) else ["transformers"]
    more += ["bitsandbytes", "accelerate"] if quantization and quantization.arguments else []
    more += ["gguf"] if "gguf_file" in fed.arguments else []
    return [f'"sae-lens>={newest}"' if newest else "sae-lens", *more]


def citation(facts: Facts) -> Context | Absent:
    """BibTeX from the author."""
    if not facts.settings.citation:
        return Absent("Citation", NO_FIELD, ("citation",))
    return {"bibtex": facts.settings.citation.strip()}


def license_(facts: Facts) -> Context:
    """Of the SAEs, and of the model that they were made from."""
    return {
        "license": facts.settings.license,
        "base_model": facts.settings.base_model,
        "base_license": facts.settings.base_model_license,
        "total": len(facts.saes),
    }


def provenance(facts: Facts) -> Context:
    """From what, by what, and how to check it."""
    return {
        "provenance": facts.provenance,
        "unread": any(one.code == "REL004" for one in facts.report.findings),
        "computed": facts.evaluation is not None,
        "trained_by": _versions(facts, "sae_lens_training_version"),
        "written_by": _versions(facts, "sae_lens_version"),
        "revisions": sorted({str(found) for sae in facts.saes if (found := _revision(sae))}),
        "digest": facts.digest,
        "repo_id": facts.settings.repo_id,
    }


def _versions(facts: Facts, key: str) -> list[str]:
    """Of SAELens, as the configurations have them under `key`."""
    found = (sae.sae.cfg.text(key) if sae.sae.cfg else None for sae in facts.saes)
    return sorted({version for version in found if version})


def _revision(sae: SaeFact) -> object:
    return sae.record.base_model_revision or input_of(sae).arguments.get("revision")
