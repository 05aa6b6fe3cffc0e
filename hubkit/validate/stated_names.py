"""What a value of evidence.yaml is of: the measure or the field that it names, and the SAEs, the layer, or all of them.

A name in words is read as the title of a row in a card is (`readme/claims/fields.py`, `called.py`), without the SAE, the layer or the "over all layers" that it says beside.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hubkit.measures.catalogue import CATALOGUE
from hubkit.validate.card import layer_of

if TYPE_CHECKING:
    from hubkit.readme.claims.called import Called
    from hubkit.readme.claims.fields import Field
    from hubkit.validate.facts import RepoFacts, SaeFacts

I = re.IGNORECASE  # noqa: E741 - as short as it is common here
LONGEST = 300
"""Characters of a name that are read."""
NEVER_MEASURED = {"latents", "width", "layer", "hook layer", "dictionary"}
"""Names that can mean something else in a card, and here, where the rest of the file is measured, mean the field."""
LAYER = r"(?:the )?(?:SAE )?(?:of |at |on |in |for )?(?:the )?layer[ _#-]?(\d{1,3})(?:'s)?(?: SAE)?"
LAYER_FIRST = re.compile(rf"{LAYER}[ :,]{{1,3}}", I)
LAYER_LAST = re.compile(rf"[ ,(]{{1,3}}(?:(?:of|at|on|in|for) )?{LAYER}\)?$", I)
OVER_ALL = re.compile(
    r",? (?:averaged )?(?:(?:over|across) |(?:of|for|in) (?=all|the|our))(?:all(?: of)? )?(?:the |our |its )?(?:\d{1,4} |[a-z]{3,6} )?(?:layers|SAEs|dictionaries|auto-?encoders|release|repository)$",
    I,
)
BESIDE_ID = (
    r"(?:[ ,(]{{0,3}}(?:(?:of|for|at|in|on) )?(?:the )?(?:SAE )?[`'\"]?{}[`'\"]?(?:'s)?\)?[ :,]{{0,2}})"
)


@dataclass(frozen=True)
class Meant:
    """What one value is of."""

    name: str
    """What it is, without what it is of."""
    measure: str | None
    called: Called | None
    """How the words of a name are read as the measure; None under `measure`."""
    field: Field | None
    saes: tuple[SaeFacts, ...]
    """Those that it may be of."""
    layer: int | None
    alone: bool
    """Whether it names them, and is not of the release as a whole."""
    over_all: bool = False
    """Whether it says that it is of all of them together: "mean L0 over the layers"."""

    @property
    def of_raw(self) -> bool:
        """Whether it is of the raw activations of a layer."""
        known = CATALOGUE.get(self.measure or "")
        return self.layer is not None and known is not None and known.of_layers

    @property
    def owner(self) -> str:
        """As messages call it, and as the files' own values do (`measured_values.py`)."""
        if self.of_raw:
            return f"layer {self.layer}"
        if not self.alone:
            return "the release"
        return self.saes[0].sae_id if len(self.saes) == 1 else f"the SAEs of layer {self.layer}"


def meant(repo: RepoFacts, raw: Mapping[str, Any]) -> Meant:
    """What a value of evidence.yaml is of, by its keys, else by its name."""
    from hubkit.readme.claims.called import (
        titled,
    )  # its patterns take longer to compile than a release without the file takes

    sae_id, layer = raw.get("sae_id"), raw.get("layer")
    layer = layer if isinstance(layer, int) and not isinstance(layer, bool) else None
    measure = raw.get("measure")
    saes = tuple(sae for sae in repo.saes if sae.sae_id == sae_id) if sae_id is not None else None
    if isinstance(measure, str):
        return Meant(measure, measure, None, None, *_of(repo, saes, layer))
    name = str(raw.get("name") or "")[:LONGEST]
    if saes is None and layer is None:
        name, saes, layer = _told(repo, name)
    plain = OVER_ALL.sub("", name).strip()
    called = titled(plain)
    return Meant(
        plain,
        called.measure if called else None,
        called,
        _field(plain),
        *_of(repo, saes, layer),
        over_all=plain != name.strip(),
    )


def _of(
    repo: RepoFacts, saes: tuple[SaeFacts, ...] | None, layer: int | None
) -> tuple[tuple[SaeFacts, ...], int | None, bool]:
    if saes is not None:
        return saes, None, True
    if layer is not None:
        return tuple(sae for sae in repo.saes if layer_of(sae) == layer), layer, True
    return tuple(repo.saes), None, False


def _told(repo: RepoFacts, name: str) -> tuple[str, tuple[SaeFacts, ...] | None, int | None]:
    """`L0 of layer_5`, `layer 6: explained variance`: the rest of the name, and the one SAE or the layer that it names."""
    named = repo.bound.named(name)
    if len(named) == 1:
        return re.sub(BESIDE_ID.format(re.escape(named[0].sae_id)), " ", name).strip(), (named[0],), None
    match = LAYER_FIRST.match(name) or LAYER_LAST.search(name)
    if match and not named:
        return (name[: match.start()] + name[match.end() :]).strip(), None, int(match[1])
    return name, None, None


def _field(name: str) -> Field | None:
    """The field whose name it is; None for what may be a measure's too."""
    from hubkit.readme.claims.fields import named

    about = named(name)
    return about[0] if about and (not about[1] or name.lower() in NEVER_MEASURED) else None
