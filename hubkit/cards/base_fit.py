"""Whether the SAEs can be of the base model that card.yaml names: by what their configurations say, and by width and layer."""

from __future__ import annotations

from dataclasses import dataclass

from hubkit.cards.facts import Facts, SaeFact
from hubkit.cards.trained import input_of
from hubkit.models.names import hub_id, is_placeholder, model_key
from hubkit.models.widths import layer_at, widths_at
from hubkit.validate.finding import natural

ASKED_ELSEWHERE = {"HOOK002", "HOOK003"}
"""Rules that say the same of an SAE: where one of them was found it is a defect already."""


@dataclass(frozen=True)
class Misfit:
    """Why some SAEs cannot be of that model."""

    words: str
    ids: tuple[str, ...]


def other_names(facts: Facts) -> list[str]:
    """The base models that configurations name and that are another than card.yaml's, as they are written."""
    own = _key(facts.settings.base_model)
    named = {sae.model_name for sae in facts.saes if sae.model_name and not is_placeholder(sae.model_name)}
    return sorted(name for name in named if _key(name) != own)


def is_named(facts: Facts) -> bool:
    """Whether any configuration names a base model."""
    return any(sae.model_name and not is_placeholder(sae.model_name) for sae in facts.saes)


def _key(name: str) -> str:
    return model_key(hub_id(name) or name)


def misfits(facts: Facts) -> list[Misfit]:
    """Widths and layers that this base model does not have at the SAEs' hooks."""
    found: dict[str, list[str]] = {}
    for sae in facts.saes:
        words = _misfit(facts, sae)
        if words is not None and not ASKED_ELSEWHERE & {finding.code for finding in sae.findings}:
            found.setdefault(words, []).append(sae.sae_id)
    return [Misfit(words, tuple(sorted(ids, key=natural))) for words, ids in sorted(found.items())]


def _misfit(facts: Facts, sae: SaeFact) -> str | None:
    shape, hook = facts.base.shape, sae.hook_name
    if shape is None or hook is None:
        return None
    layer = layer_at(shape, hook)
    if layer is not None and layer >= shape.n_layers:
        return f"layer {layer}, where {facts.base.hub_id} has {shape.n_layers} blocks, counted from 0"
    widths = widths_at(shape, hook, input_of(sae).head)
    if not widths or sae.d_in in widths:
        return None
    width, name = next(iter(widths.items()))
    return f"d_in = {sae.d_in}, where {facts.base.hub_id} is {width} wide at such a hook ({name})"
