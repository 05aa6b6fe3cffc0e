"""Where a card's code takes activations, against where the SAEs were trained."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hubkit.models.hooks import LENS_LAYER, parse_hook
from hubkit.models.widths import strip_ending
from hubkit.validate.card import CARD, countable, same_repository
from hubkit.validate.finding import Found, Severity

if TYPE_CHECKING:
    from hubkit.readme.code_models import CodeUse, Read
    from hubkit.validate.facts import RepoFacts, SaeFacts

HIDDEN = re.compile(r"hidden_states\[(\d{1,9})\]")
MODULE = re.compile(r"(?:\w+\.)*?(?:layers|layer|h|blocks)\.(\d{1,9})(?:\.(.+))?")
ATTENTION = {"attn", "self_attn", "attention", "self_attention"}
SITES = {"hook_mlp_out": "mlp", "mlp.hook_out": "mlp", "hook_attn_out": "attn", "attn.hook_out": "attn"}


@dataclass(frozen=True, slots=True)
class Place:
    """A point of the forward pass: the residual stream after `number` blocks, or something in block `number`."""

    kind: str
    """`resid`, `mlp`, `attn`, the hook's own name, or `?` for a part of a block that is not known here."""
    number: int

    def same(self, other: Place) -> bool:
        """Whether both are, or may be, one point."""
        if "?" in (self.kind, other.kind):
            return self.block == other.block
        return (self.kind, self.number) == (other.kind, other.number)

    @property
    def block(self) -> int:
        """The block that it is in, or comes out of."""
        return self.number - 1 if self.kind == "resid" else self.number


OF_SAE = re.compile(r"\.hook_sae_(?:input|acts_pre|acts_post|recons|output|error)\Z")
"""What an SAE of SAELens adds to the name of its hook, where it runs inside the model."""


def place_of(name: str, *, before: bool = False) -> Place | None:
    """The point that a hook's name, a module's path or `hidden_states[12]` means; None for any other. `before`: what goes in."""
    if match := HIDDEN.fullmatch(name):
        return Place("resid", int(match.group(1)))
    if parse_hook(name).form == "transformer_lens":
        return _lens(name)
    before = before or name.endswith(".input")
    match = MODULE.fullmatch(strip_ending(name))
    if match is None:
        return None
    layer, inner = int(match.group(1)), match.group(2)
    if not inner:
        return Place("resid", layer if before else layer + 1)
    if before or "." in inner:
        return Place("?", layer)
    return Place("attn" if inner in ATTENTION else "mlp" if inner == "mlp" else "?", layer)


def _lens(name: str) -> Place | None:
    name = OF_SAE.sub("", name)
    match = LENS_LAYER.match(name)
    if match is None:
        return None
    layer, site = int(match.group(1)), name[match.end() :]
    if site in {"hook_resid_pre", "hook_resid_post"}:
        return Place("resid", layer + (site == "hook_resid_post"))
    return Place(SITES.get(site, site), layer)


def misread(repo: RepoFacts, use: CodeUse) -> Iterator[Found]:
    """One finding for code of which no hook is the place of an SAE that it may feed; nothing where that is left open."""
    reads = [
        (read, place) for read in use.reads if (place := place_of(read.hook, before=read.before)) is not None
    ]
    saes = fed(repo, use) if reads else []
    places = [place for sae in saes for place in _places(sae)]
    if (
        not places
        or {sae.sae_id for sae in saes if not _places(sae)}
        or any(one.same(other) for _, one in reads for other in places)
    ):
        return
    read, place = reads[0]
    where = (
        f"the SAE {saes[0].sae_id} was trained at {saes[0].sae.hook_name}"
        if len(saes) == 1
        else f"the SAEs were trained at {_shown(saes)}"
    )
    yield Found(
        f'the card\'s code reads {read.hook}; {where}: "{read.quote}"',
        _hint(read, place, places),
        path=CARD,
        line=read.line,
        severity=Severity.WARNING if _one_off(read, place, places) else None,
        identity=f"place {read.hook}",
        measured={"read": read.hook, "trained": sorted({str(sae.sae.hook_name) for sae in saes})[:20]},
    )


def _one_off(read: Read, place: Place, places: Iterable[Place]) -> bool:
    """`hidden_states[12]` is the output of block 11: who meant block 12 counted from one."""
    return HIDDEN.fullmatch(read.hook) is not None and any(
        one.kind == "resid" and one.number == place.number + 1 for one in places
    )


def _hint(read: Read, place: Place, places: list[Place]) -> str:
    if _one_off(read, place, places):
        return f"hidden_states[{place.number}] is the output of block {place.number - 1}; that of block {place.number} is hidden_states[{place.number + 1}]"
    return "read the hook that cfg.json names; hubkit build-cards takes it from there"


def _shown(saes: list[SaeFacts]) -> str:
    names = sorted({str(sae.sae.hook_name) for sae in saes})
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _places(sae: SaeFacts) -> list[Place]:
    names = (sae.sae.hook_name, sae.sae.hook_name_out, sae.sae.hf_hook_name, sae.sae.hf_hook_name_out)
    return [place for name in names if name and (place := place_of(name)) is not None]


def fed(repo: RepoFacts, use: CodeUse) -> list[SaeFacts]:
    """The SAEs that the code's activations are for: those that it loads by name, else any of the repository's; none where it loads others'."""
    loads = [load for load in use.loads if load.kind == "sae"]
    ids = {sae.sae_id: sae for sae in repo.saes}
    named = [load for load in loads if load.inner is not None]
    ours = [
        ids[name]
        for load in named
        if same_repository(repo, load.name or None) and (name := str(load.inner).strip("/") or ".") in ids
    ]
    if ours and not use.open_sae:
        return list({sae.sae_id: sae for sae in ours}.values())
    if (named and not ours) or not countable(repo):
        return []
    return list(repo.saes)
