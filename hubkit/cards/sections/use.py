"""How to load it, how to cite it, under which licence, where it is from."""

from __future__ import annotations

import re

from hubkit.cards.facts import Facts, SaeFact
from hubkit.cards.measured import BALANCED, best_sae
from hubkit.cards.quantization import quantization_of
from hubkit.cards.sections.section import Absent, Context

BLOCK_OUTPUT = re.compile(r"blocks\.(\d+)\.hook_resid_post")


def loading(facts: Facts) -> Context:
    """Code with the real repository, the real ids and this base model's module path. It is run before it is published."""
    example = _example(facts)
    quantization = quantization_of(facts)
    return {
        "repo_id": facts.settings.repo_id,
        "sae_id": example.sae_id,
        "example": example,
        "root": example.sae_id == ".",
        "several": len(facts.saes) > 1,
        "module": _module(facts, example),
        "recorded": all(sae.hf_hook_name is not None for sae in facts.saes),
        "base_model": facts.settings.base_model,
        "example_text": facts.settings.example_text,
        "hooks": sorted(
            {(sae.hook_name, sae.hf_hook_name, _module(facts, sae)) for sae in facts.saes if sae.hook_name}, key=_by_layer
        ),
        "quantization": quantization if quantization and quantization.arguments else None,
    }  # fmt: skip


def _by_layer(hook: tuple[str | None, str | None, str | None]) -> tuple[int, str]:
    digits = "".join(c if c.isdigit() else " " for c in hook[0] or "").split()
    return int(digits[0]) if digits else -1, str(hook)


def _example(facts: Facts) -> SaeFact:
    """The best SAE where it has no findings, else the first without, else the first."""
    best = best_sae(facts, BALANCED)
    if best is not None and not best.sae.findings:
        return best.sae
    return next((sae for sae in facts.saes if not sae.findings), facts.saes[0])


def _module(facts: Facts, sae: SaeFact) -> str | None:
    """The module that a forward hook is registered on: as the configuration names it, else the block of this base model whose output `hook_name` is,
    where the model's class is known and as wide as the SAE."""
    if sae.hf_hook_name is not None:
        return sae.hf_hook_name if sae.model_class_name is not None else None
    base, place = facts.base, BLOCK_OUTPUT.fullmatch(sae.hook_name or "")
    if place is None or base.blocks is None or base.d_model != sae.d_in:
        return None
    layer = int(place.group(1))
    return f"{base.blocks}.{layer}" if base.n_layers and layer < base.n_layers else None


def citation(facts: Facts) -> Context | Absent:
    """BibTeX from the author."""
    if not facts.settings.citation:
        return Absent("Citation", "the author gives none")
    return {"bibtex": facts.settings.citation.strip()}


def license_(facts: Facts) -> Context:
    """Of the SAEs, and of the model that they were made from."""
    return {
        "license": facts.settings.license,
        "base_model": facts.settings.base_model,
        "base_license": facts.settings.base_model_license,
    }


def provenance(facts: Facts) -> Context:
    """From what, by what, and how to check it."""
    return {
        "provenance": facts.provenance,
        "digest": facts.digest,
        "repo_id": facts.settings.repo_id,
    }
