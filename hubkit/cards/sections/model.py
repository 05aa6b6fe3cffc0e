"""The SAEs' form, the base model, and the versions of SAELens that load them."""

from __future__ import annotations

from hubkit.cards.facts import Facts, SaeFact
from hubkit.cards.saelens_versions import loads
from hubkit.cards.sections.section import Absent, Context
from hubkit.formats.architectures import BY_NAME, NEWEST
from hubkit.formats.saelens import tensor_shapes


def architecture(facts: Facts) -> Context:
    """One row per form of SAE, with the tensors that its files hold; and what the base model is, its parameters counted by formula."""
    forms: dict[tuple[str, int, int, tuple[str, ...]], list[SaeFact]] = {}
    for sae in facts.saes:
        forms.setdefault((sae.architecture, sae.d_in, sae.d_sae, _tensors(sae)), []).append(sae)
    rows = [
        {
            "architecture": kind,
            "d_in": d_in,
            "d_sae": d_sae,
            "ks": sorted({sae.sae.k for sae in saes if sae.sae.k is not None}),
            "encoder": (BY_NAME[kind].encoder if kind in BY_NAME else None) or "–",
            "tensors": tensors,
        }
        for (kind, d_in, d_sae, tensors), saes in sorted(forms.items())
    ]
    return {
        "rows": rows,
        "base": facts.base,
        "fits": {sae.d_in for sae in facts.saes} == {facts.base.d_model},
    }


def _tensors(sae: SaeFact) -> tuple[str, ...]:
    """As the header of its weights has them, in SAELens's order; empty where it was not read."""
    order = list(tensor_shapes(sae.architecture, sae.d_in, sae.d_sae, sae.d_in) or {})
    names = sorted(
        sae.sae.tensors, key=lambda name: (order.index(name) if name in order else len(order), name)
    )
    return tuple(f"{name} [{', '.join(map(str, sae.sae.tensors[name].shape))}]" for name in names)


def versions(facts: Facts) -> Context | Absent:
    """From the shipped table, per architecture."""
    if facts.library is not None:
        return Absent("SAELens versions", f"these files are {facts.library.name}'s")
    kinds = sorted({(sae.architecture, sae.rescaled) for sae in facts.saes})
    return {"rows": [loads(kind, rescaled=rescaled) for kind, rescaled in kinds], "newest": NEWEST}
