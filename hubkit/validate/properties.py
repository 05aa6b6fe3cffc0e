"""What a card states of its SAEs' fields, against the files: for each field where its true value stands, and when a claim about several SAEs is wrong."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hubkit.formats.architectures import INFERENCE
from hubkit.formats.sae import BATCH_TOPK, TOPK
from hubkit.models.known import known_config
from hubkit.models.names import is_placeholder
from hubkit.readme.claims.hooks import form_of
from hubkit.readme.claims.kinds import HookForm, Property
from hubkit.readme.claims.properties import FIELDS
from hubkit.readme.claims.values import resolved, squeezed
from hubkit.validate.card import claim_finding, shape_of
from hubkit.validate.finding import Found, Severity

if TYPE_CHECKING:
    from hubkit.validate.facts import RepoFacts, SaeFacts

HINT = "correct the card: cfg.json has the value; hubkit build-cards copies it"
SHORT_DTYPES = {"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16"}
RESIDUAL = ("resid_pre", "resid_mid", "resid_post", "mlp_out", "attn_out", "hook_out")
SIZE = re.compile(r"(?:small|medium|large|xl|mini|xxl|\d+(?:\.\d+)?[mb])(?![a-z])")
"""Behind the name of a model: another model, not its child."""
MOST_SHOWN = 3


def contradicted(repo: RepoFacts, saes: list[SaeFacts]) -> Iterator[Found]:
    """Every claim about a field that the SAEs, all of them known, contradict; once for each field and value."""
    told: set[tuple[str, str]] = set()
    of_form = _of_another_form(repo, saes)
    for claim in repo.claims.of(Property):
        if claim.field == "hook_name" and claim.line in of_form:
            continue
        key = (claim.field, repr(claim.stated) if not claim.sae_id else claim.sae_id)
        if key in told:
            continue
        found = _judged(claim, _meant(claim, saes))
        if found is not None:
            told.add(key)
            yield found


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
    return saes if claim.scope != "one" or len(saes) == 1 else []


def _judged(claim: Property, saes: list[SaeFacts]) -> Found | None:
    """A finding, where the claim is wrong of all its SAEs, or of one if it is about all."""
    kind = FIELDS[claim.field].kind
    true = {sae.sae_id: values for sae in saes if (values := values_of(sae, claim.field))}
    verdicts = {sae_id: _agrees(claim, values) for sae_id, values in true.items()}
    wrong = [sae_id for sae_id, verdict in verdicts.items() if verdict is False]
    if claim.field == "l0":
        return _too_many(claim, true)
    if not wrong or (claim.scope == "any" and len(wrong) < len(verdicts)):
        return None
    whose = f" of {wrong[0]}" if len(wrong) < len(verdicts) else ""
    shown = " or ".join(_first({_shown(true[sae_id]) for sae_id in wrong}))
    message = (
        f"{claim.field}{whose} is {shown} in the configurations, the card says {kind.shown(claim.stated)}"
    )
    found = claim_finding(claim, message, HINT, topic=f"{claim.field} {kind.shown(claim.stated)}")
    return _softened(claim, found, [value for sae_id in wrong for value in true[sae_id]])


def _agrees(claim: Property, values: list[Any]) -> bool | None:
    """True where one of the values says the same, False where one of them says otherwise, None where nobody can tell."""
    kind = FIELDS[claim.field].kind
    verdicts = {kind.agrees(claim.stated, value) for value in values}
    return True if True in verdicts else False if verdicts == {False} else None


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


def values_of(sae: SaeFacts, field: str) -> list[Any]:
    """What the files say of a field; several where any of them is right. Nothing where they do not say."""
    special = {
        "architecture": _architectures, "model_name": _models, "hook_name": _hooks, "d_model": _d_models, "k": _ks, "l0": _most_active, "dtype": _dtypes,
    }  # fmt: skip
    if field in special:
        return list(special[field](sae))
    value = getattr(sae.sae, field) if hasattr(type(sae.sae), field) else _written(sae, field)
    return [] if value is None else [value]


def _written(sae: SaeFacts, key: str) -> Any:
    """A key of SAELens's configuration as the file has it: what SAELens would take for a missing one was stated by nobody."""
    raw = sae.cfg.raw if sae.cfg else {}
    metadata = raw.get("metadata")
    inside = metadata.get(key) if isinstance(metadata, dict) else None
    return raw.get(key) if inside is None else inside


def _architectures(sae: SaeFacts) -> Iterator[set[str]]:
    """All names by which people may call it, in one set."""
    built, trained = sae.sae.architecture, sae.sae.training.architecture
    if built is None:
        return
    plain = built.removesuffix("_transcoder").removesuffix("_skip")
    names = {plain, *({"transcoder"} if "transcoder" in built else ())}
    names |= {"standard"} if built in ("transcoder", "skip_transcoder") else set()
    names |= {"topk"} if built in TOPK else set()
    for one in (built, trained):
        names |= {"batchtopk", "topk", "jumprelu"} if one in BATCH_TOPK else set()
        names |= {"matryoshka"} if one == "matryoshka_batchtopk" else set()
    names |= {trained} if trained else {"matryoshka"}
    if trained is None and names & {"topk", "jumprelu"}:
        names.add("batchtopk")  # nothing says what it was trained as
    yield names if plain in KNOWN_ARCHITECTURES or built in BATCH_TOPK else set()


KNOWN_ARCHITECTURES = {*INFERENCE, "groupmax"} - {"temporal"}
"""Whose names say what a card would."""


def _models(sae: SaeFacts) -> Iterator[str]:
    name = sae.sae.model_name
    if name and not is_placeholder(name):
        yield name


def _hooks(sae: SaeFacts) -> Iterator[str]:
    yield from filter(
        None, (sae.sae.hook_name, sae.sae.hf_hook_name, sae.sae.hook_name_out, sae.sae.hf_hook_name_out)
    )


def _d_models(sae: SaeFacts) -> Iterator[int]:
    """Width of the base model; where it is not known, that of an SAE of the residual stream. People also call the SAE's own sizes hidden."""
    shape = shape_of(sae.sae.model_name) if sae.sae.model_name else None
    residual = sae.sae.hook_name is not None and sae.sae.hook_name.endswith(RESIDUAL)
    if shape is not None:
        yield shape.d_model
    elif not residual:
        return
    yield from filter(None, (sae.sae.d_in, sae.sae.d_sae))


def _ks(sae: SaeFacts) -> Iterator[float]:
    """At inference, or of the training where that kept k on average."""
    details = sae.cfg.metadata.get("training_architecture_details") if sae.cfg else None
    trained = details.get("k") if isinstance(details, dict) else None
    for value in (sae.sae.k, trained):
        if isinstance(value, int | float) and not isinstance(value, bool):
            yield value


def _most_active(sae: SaeFacts) -> Iterator[int]:
    if sae.sae.architecture in TOPK and sae.sae.k:
        yield sae.sae.k


def _dtypes(sae: SaeFacts) -> Iterator[str]:
    if sae.sae.dtype:
        yield sae.sae.dtype
        yield from (
            SHORT_DTYPES[tensor.info.dtype]
            for tensor in sae.sae.tensors.values()
            if tensor.info.dtype in SHORT_DTYPES
        )


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
