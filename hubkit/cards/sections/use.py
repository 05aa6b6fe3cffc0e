"""What it is for, how to load it, how to cite it, where it is from."""

from __future__ import annotations

from typing import Any

from hubkit.cards.facts import Facts, SaeFact


def uses(facts: Facts) -> dict[str, Any] | None:
    """Recommended and not: the author's words."""
    settings = facts.settings
    if not (settings.recommended or settings.not_recommended):
        return None
    return {"recommended": settings.recommended, "not_recommended": settings.not_recommended}


def loading(facts: Facts) -> dict[str, Any]:
    """Code with the real repository, the real ids and this base model's module path. It is run before it is published."""
    example = next((sae for sae in facts.saes if not sae.findings), facts.saes[0])
    return {
        "repo_id": facts.settings.repo_id,
        "sae_id": example.sae_id,
        "example": example,
        "root": example.sae_id == ".",
        "attach": _attachable(example),
        "base_model": facts.settings.base_model,
        "example_text": facts.settings.example_text,
        "hooks": sorted({(sae.hook_name, sae.hf_hook_name) for sae in facts.saes if sae.hook_name}, key=str),
    }


def _attachable(sae: SaeFact) -> bool:
    """Whether the configuration names a module path that a forward hook can be registered on."""
    return sae.hf_hook_name is not None and sae.model_class_name is not None


def citation(facts: Facts) -> dict[str, Any] | None:
    """BibTeX from the author."""
    return {"bibtex": facts.settings.citation.strip()} if facts.settings.citation else None


def provenance(facts: Facts) -> dict[str, Any]:
    """From what, by what, and how to check it."""
    return {
        "provenance": facts.provenance,
        "digest": facts.digest,
        "repo_id": facts.settings.repo_id,
        "license": facts.settings.license,
        "base_model": facts.settings.base_model,
    }
