"""What a card states of its SAEs' fields, against the files: for each field where its true value stands, and when a claim about several SAEs is wrong."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hubkit.models.known import known_config
from hubkit.readme.claims.fields import FIELDS
from hubkit.readme.claims.hooks import form_of
from hubkit.readme.claims.kinds import Claim, HookForm, Property, Superlative
from hubkit.readme.claims.values import resolved, squeezed
from hubkit.readme.page import shortened
from hubkit.validate.bound import settled
from hubkit.validate.card import claim_finding, width_is_doubted
from hubkit.validate.finding import Found, Severity
from hubkit.validate.true_values import OF_WEIGHTS, places_of, values_of

if TYPE_CHECKING:
    from hubkit.validate.facts import RepoFacts, SaeFacts

HINT = "correct the card: cfg.json has the value; hubkit build-cards copies it"
DOUBTED = "see HOOK003: d_in is no width of the model that cfg.json names; correct model_name there if the card is right, else the card"
SIZE = re.compile(r"(?:small|medium|large|xl|mini|xxl|\d+(?:\.\d+)?[mb])(?![a-z])")
"""Behind the name of a model: another model, not its child."""
MOST_SHOWN = 3


def contradicted(repo: RepoFacts, saes: list[SaeFacts]) -> Iterator[Found]:
    """Every claim about a field that the SAEs, all of them known, contradict; once for each field and value."""
    told: set[tuple[str, str]] = set()
    of_form = _of_another_form(repo, saes)
    meant = _rows_meant(repo, saes)
    for claim in repo.claims.of(Property):
        if claim.field == "hook_name" and claim.line in of_form:
            continue
        named = repo.bound.of(claim) if claim.row is None and claim.sae_id is None else None
        whose = claim.sae_id or " ".join(sae.sae_id for sae in named or ())
        key = (claim.field, whose or repr(claim.stated))
        if key in told:
            continue
        if named:
            found = _judged(claim, named, named=True)
        else:
            found = _judged(claim, _meant(claim, saes) if claim.row is None else meant[claim.row])
        if found is not None:
            told.add(key)
            yield found


def comparable(repo: RepoFacts, saes: list[SaeFacts]) -> Iterator[Property]:
    """Every claim about a field that the files of one of its SAEs state too; of SAEs that are named, if all of them say the same of it."""
    meant = _rows_meant(repo, saes)
    for claim in repo.claims.of(Property):
        named = repo.bound.of(claim) if claim.row is None and claim.sae_id is None else None
        if named is not None:
            verdicts = [_agrees(claim, sae, there) for sae in named if (there := values_of(sae, claim.field))]
            if settled(verdicts) is not None:
                yield claim
            continue
        for sae in _meant(claim, saes) if claim.row is None else meant[claim.row]:
            values = values_of(sae, claim.field)
            if values and (claim.field == "l0" or _agrees(claim, sae, values) is not None):
                yield claim
                break


def superlatives(repo: RepoFacts) -> Iterator[Found]:
    """`# the widest` beside code that loads another than the widest SAE."""
    for claim in repo.claims.of(Superlative):
        named = repo.bound.of(claim)
        sizes = {sae.sae_id: getattr(sae.sae, claim.field) for sae in repo.saes}
        if not named or len(named) != 1 or None in sizes.values():
            continue
        best = (max if claim.most else min)(sizes, key=lambda sae_id: sizes[sae_id])
        own = sizes[named[0].sae_id]
        if own != sizes[best]:
            yield claim_finding(
                claim, f"{claim.field} of {named[0].sae_id}, which the code loads, is {own}, that of {best} is {sizes[best]}",
                f"load {best}, or say what is loaded", topic=f"most {claim.field}",
            )  # fmt: skip


EVERY_DEAD = re.compile(
    r"^(?:every|each|all)\b(?: of)?(?: the| these| our)?(?: \w+)? SAEs?\b[^.]{0,60}? (?:has|have|had) (?:at least one|some|one or more|several) (?:dead|inactive) (?:latents?|features?)\b|"
    r"(?P<none>^(?:no SAE|none of (?:the|these|our) SAEs)\b[^.]{0,60}? (?:has|have|had) (?:an? |any )?dead (?:latents?|features?)\b)",
    re.IGNORECASE,
)


def dead_of_all(repo: RepoFacts) -> Iterator[Found]:
    """ "Every SAE had at least one dead latent", "no SAE has a dead latent", against what the training counted."""
    counts = {sae.sae_id: values_of(sae, "num_dead_features") for sae in repo.saes}
    if not counts or not all(counts.values()):
        return
    for line in repo.page.prose if repo.page else ():
        for sentence in () if line.of_others else line.sentences():
            if not (match := EVERY_DEAD.match(sentence)):
                continue
            none = match["none"] is not None
            other = next((sae_id for sae_id, (dead, *_) in counts.items() if bool(dead) is none), None)
            if other is not None:
                claim = Claim(line=line.number, quote=shortened(sentence))
                yield claim_finding(
                    claim, f"num_dead_features of {other} is {counts[other][0]} in the configurations", HINT, topic="dead of all"
                )  # fmt: skip


def _of_another_form(repo: RepoFacts, saes: list[SaeFacts]) -> set[int]:
    """Lines whose `hook_name` has a form that no configuration has: told as that."""
    forms = {form_of(name) for sae in saes if (name := sae.sae.hook_name)}
    return {claim.line for claim in repo.claims.of(HookForm) if claim.form not in forms}


def _meant(claim: Property, saes: list[SaeFacts]) -> list[SaeFacts]:
    """The SAEs that the claim is about; none where that cannot be told."""
    if claim.sae_id is not None:
        return [sae for sae in saes if sae.sae_id == claim.sae_id.strip("/")]
    if claim.only is not None:
        return [sae for sae in saes if claim.only in (sae.sae.architecture, sae.sae.trained_as)]
    return saes


def _rows_meant(repo: RepoFacts, saes: list[SaeFacts]) -> dict[int, list[SaeFacts]]:
    """For each row without an id the SAEs that it can mean: those that most of its cells fit. None where no cell fits, and where the row is of another base model
    and something else does not fit either: it may be of another repository.
    """
    rows: dict[int, list[Property]] = {}
    for claim in repo.claims.of(Property):
        if claim.row is not None:
            rows.setdefault(claim.row, []).append(claim)
    return {row: _row_meant(claims, saes) for row, claims in rows.items()}


def _row_meant(claims: list[Property], saes: list[SaeFacts]) -> list[SaeFacts]:
    verdicts = [
        (sae, {claim.field: _agrees(claim, sae, values_of(sae, claim.field)) for claim in claims})
        for sae in saes
    ]
    most = max((list(one.values()).count(True) for _, one in verdicts), default=0)
    best = [(sae, one) for sae, one in verdicts if list(one.values()).count(True) == most and most]
    fewest = min((list(one.values()).count(False) for _, one in best), default=0)
    if any(one.get("model_name") is False for _, one in best) and fewest > 1:
        return []
    return [sae for sae, one in best if list(one.values()).count(False) == fewest]


def _judged(claim: Property, saes: list[SaeFacts], *, named: bool = False) -> Found | None:
    """A finding, where the claim is wrong of all its SAEs, or of one if it is about all; where they are `named`, of all that are."""
    kind = FIELDS[claim.field].kind
    true = {sae.sae_id: values for sae in saes if (values := values_of(sae, claim.field))}
    by_id = {sae.sae_id: sae for sae in saes}
    verdicts = {sae_id: _agrees(claim, by_id[sae_id], values) for sae_id, values in true.items()}
    wrong = [sae_id for sae_id, verdict in verdicts.items() if verdict is False]
    if claim.field == "l0":
        return _too_many(claim, true)
    # of "the SAE" beside several nobody knows which is meant: it is wrong where none of them has it
    if not wrong or ((claim.scope != "all" or named) and len(wrong) < len(verdicts)):
        return None
    if named and settled(verdicts.values()) is not False:
        return None
    whose = f" of {wrong[0]}" if named or len(wrong) < len(verdicts) else ""
    shown = " or ".join(_first({_shown(true[sae_id]) for sae_id in wrong}))
    where = "weights" if claim.field in OF_WEIGHTS else "configurations"
    message = f"{claim.field}{whose} is {shown} in the {where}, the card says {kind.shown(claim.stated)}"
    hint = (
        "correct the card: hubkit validate --deep reads it from the weights" if where == "weights" else HINT
    )
    if claim.field == "model_name" and any(map(width_is_doubted, saes)):
        hint = DOUBTED
    found = claim_finding(claim, message, hint, topic=f"{claim.field} {kind.shown(claim.stated)}")
    return _softened(claim, found, [value for sae_id in wrong for value in true[sae_id]])


def _agrees(claim: Property, sae: SaeFacts, values: list[Any]) -> bool | None:
    """True where one of the values says the same, False where one of them says otherwise, None where nobody can tell."""
    kind = FIELDS[claim.field].kind
    if claim.loosely and claim.field == "d_sae":  # "width": perhaps the base model's
        values = [*values, *values_of(sae, "d_model"), *values_of(sae, "d_in")]
    if claim.loosely and claim.field == "dtype":  # "precision": perhaps the base model's
        values = [*values, *values_of(sae, "model_dtype")]
    verdicts = {kind.agrees(claim.stated, value) for value in values}
    if claim.field == "layer":
        verdicts -= {None}
    if verdicts == {False} and claim.beside and _one_place(claim, sae):
        return True
    return True if True in verdicts else False if verdicts == {False} else None


def _one_place(claim: Property, sae: SaeFacts) -> bool:
    """Whether a layer and a site that one sentence names are together a place of the SAE: what block 10 reads is the output of block 9."""
    sites, layers = (claim.beside, claim.stated) if claim.field == "layer" else (claim.stated, claim.beside)
    return any(site in sites and layer in layers for site, layer in places_of(sae))


def _softened(claim: Property, found: Found, true: list[Any]) -> Found | None:
    """What a reader may take for right is a warning: a hook that is the same place, a TopK that is published as JumpReLU, the parent of the model."""
    if claim.field == "model_name":
        return _of_family(claim, found, true)
    if claim.field == "hook_name" and any(_same_place(claim.stated, value) for value in true):
        hint = "give the name that cfg.json has: it is the same place, but who looks for it in the configurations finds nothing"
        return replace(found, severity=Severity.WARNING, hint=hint)
    if claim.field == "architecture" and all("jumprelu" in names for names in true):
        return _of_threshold(claim, found)
    return replace(found, severity=Severity.WARNING, confidence="medium") if claim.loosely else found


def _of_threshold(claim: Property, found: Found) -> Found:
    """A JumpReLU is also how a BatchTopK is published, and what people call one of them differs."""
    severity = {"topk": Severity.WARNING, "batchtopk": Severity.NOTE, "matryoshka": Severity.NOTE}
    mildest = min((severity.get(name, Severity.ERROR) for name in claim.stated), key=int)
    return replace(found, severity=mildest, confidence="high" if mildest is Severity.ERROR else "medium")


def _of_family(claim: Property, found: Found, true: list[Any]) -> Found | None:
    """A model and its fine-tuned child: a warning where both are known, else perhaps a name that was cut off."""
    stated = resolved(claim.stated) or ""
    rests = [
        rest for name in true if (rest := _rest(squeezed(stated), squeezed(resolved(name) or ""))) is not None
    ]
    if not rests:
        return found
    cut_off = known_config(stated) is None and all(
        len(squeezed(stated)) < len(squeezed(resolved(name) or "")) for name in true
    )
    if cut_off:  # the name of a family, "google/gemma-2"
        return None
    return found if any(SIZE.match(rest) for rest in rests) else replace(found, severity=Severity.WARNING)


def _rest(one: str, other: str) -> str | None:
    """What the longer of two names has behind the shorter."""
    short, long = sorted((one, other), key=len)
    return long[len(short) :] if short and long.startswith(short) else None


def _same_place(stated: str, true: str) -> bool:
    """`resid_pre` of a block is `resid_post` of the block before."""
    pair = sorted((stated, true), key=lambda name: name.endswith("resid_pre"))
    places = [name.split(".") for name in pair]
    if not (pair[0].endswith("hook_resid_post") and pair[1].endswith("hook_resid_pre")):
        return False
    return (
        places[0][1].isdecimal() and places[1][1].isdecimal() and int(places[0][1]) + 1 == int(places[1][1])
    )


def _too_many(claim: Property, true: dict[str, list[Any]]) -> Found | None:
    """TopK keeps at most k latents: a larger mean is impossible."""
    highest = max((k for ks in true.values() for k in ks), default=None)
    if highest is None or claim.stated[0] <= highest:
        return None
    message = f"TopK keeps at most k = {highest:g} latents in the configurations, the card says L0 {claim.stated[0]:g}"
    return claim_finding(claim, message, HINT, topic="l0 over k")


def _shown(values: Iterable[Any]) -> str:
    """The first of the values that say the same, as a finding tells it."""
    first = next(iter(values))
    if isinstance(first, set | frozenset):
        names: list[str] = sorted(first)
        return min(names, key=lambda name: name in {"matryoshka", "batchtopk"})
    return str(first).lower() if isinstance(first, bool) else str(first)


def _first(names: set[str]) -> list[str]:
    shown = sorted(names)
    return shown[:MOST_SHOWN] + ([f"{len(shown) - MOST_SHOWN} others"] if len(shown) > MOST_SHOWN else [])
