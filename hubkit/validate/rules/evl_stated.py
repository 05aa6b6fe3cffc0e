"""EVL011: what evidence.yaml states in words that the files say too, or that no number can be."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from hubkit.measures.catalogue import CATALOGUE
from hubkit.validate.card import countable, layer_of, own_model, shape_of
from hubkit.validate.facts import RepoFacts, SaeFacts
from hubkit.validate.finding import Found, Severity
from hubkit.validate.measured_values import computed_beside, contradicts, hubkit_files, values_in
from hubkit.validate.need import Need
from hubkit.validate.rule import repo_rule
from hubkit.validate.true_values import values_of

HINT = "correct it, or take it out: the card has it from the files"
I = re.IGNORECASE  # noqa: E741 - as short as it is common here
SIZES = ("d_in", "d_sae", "d_model", "d_out", "k", "context_size", "layer")
"""Fields whose value is a whole number."""
NEVER_MEASURED = {"latents", "width", "layer", "hook layer", "dictionary"}
"""Names that can mean something else in a card, and here, where the rest of the file is measured, mean the field."""
SAES = re.compile(
    r"(?:(?:total )?(?:number|count) of |num[. ]|n )?(?:SAEs|sparse auto-?encoders)(?: in (?:total|the release))?",
    I,
)
LAYERS = re.compile(
    r"(?:(?:total )?(?:number|count) of |num[. ]|n )(?:transformer )?(?:layers|blocks)|blocks", I
)
L0 = re.compile(rf"(?:{CATALOGUE['l0'].columns_elsewhere})", I)
COUNT = re.compile(r"\b(?:dead|alive|living|active) (?:latents|features|neurons|units)\b", I)
SHARE = re.compile(
    r"\b(?:share|fraction|proportion|percentage|per ?cent|accuracy|AUROC|AUC|explained|precision|recall|F1)\b",
    I,
)
NO_SHARE = re.compile(
    r"\b(?:unexplained|recovered|increas\w*|change\w*|differ\w*|delta|drop\w*|gain\w*|ris\w+|relative|ratio|points?|improv\w*|times|more|less)\b",
    I,
)
"""May well be more than all."""
PERCENT = re.compile(r"(?<!\d)([-+]?\d[\d,]{0,40}(?:\.\d{1,40})?) ?(?:%|per ?cent)", I)
OF_TALLY = ("subject", "reference", "measure", "split")
"""What a tally is of."""
FAR = 1.5
"""A ratio of two means of L0 that neither other rows nor another pooling explains."""


@repo_rule("EVL011", Severity.ERROR, Need.CFG | Need.EVALUATION | Need.README)
def stated_against_the_files(repo: RepoFacts) -> Iterator[Found]:
    """evidence.yaml states what the files contradict, or what cannot be.

    A value whose name is a field of the SAEs (k, d_sae, latents, layer, the number of SAEs or of layers) is held against the configurations; shares, accuracies and
    explained variances lie below 100 %; a layer is one that the base model has; no more latents are dead or alive than there are, and a mean L0 is no larger than d_sae. A stated L0 that is one and a half times the computed
    one, or less than two thirds of it, is a warning: the two may be of other rows, which the value should then say. A value, or a tally, that evaluation.json has of the same measure, SAE and split
    with another number is an error; where n says that it was taken on other rows, a warning.
    """
    file = repo.evidence
    if file is None or not file.is_ours:
        return
    yield from _against_computed(repo)
    yield from _tallies(repo)
    computed, models = _computed(repo), {sae.sae.model_name for sae in repo.saes}
    base = models.pop() if len(models) == 1 else None
    shape = shape_of(base) if base else None
    depth = shape.n_layers if shape else None
    for position, raw in file.values():
        name, value, sae_id = (
            str(raw.get("name") or raw.get("measure") or ""),
            raw.get("value"),
            raw.get("sae_id"),
        )
        if isinstance(value, bool) or not isinstance(value, int | float):
            continue
        place: dict[str, Any] = {
            "path": file.path,
            "line": file.line(("values", position, "value")),
            "identity": f"{sae_id or raw.get('layer')} {name}",
        }
        if depth and isinstance(layer := raw.get("layer"), int) and layer >= depth:
            outside = f"{name} is of layer {layer}; {base} has {depth} layers, 0 to {depth - 1}"
            yield Found(outside, "give the layer that it was measured at", **place)
            continue
        saes = [sae for sae in repo.saes if sae_id is None or sae.sae_id == sae_id]
        wrong = (_of_field(repo, raw, name, value, saes) if raw.get("name") else None) or _impossible(
            raw, name, value, saes
        )
        if wrong:
            yield Found(wrong, HINT, **place)
        elif L0.fullmatch(name) and (
            far := _far(value, [n for sae in saes for n in computed.get(sae.sae_id, [])])
        ):
            yield Found(
                f"{name} is {value:g}, hubkit computed {far}",
                "say in its name and note what else it was measured on, or take it out",
                severity=Severity.WARNING,
                **place,
            )


def _against_computed(repo: RepoFacts) -> Iterator[Found]:
    """Stated values of a measure that hubkit computed of the same SAE, or layer, on the same split."""
    rows = {
        (one.owner, one.measure, one.split): one.n
        for one in repo.values
        if not one.stated and one.n is not None
    }
    for value in repo.values:
        there = computed_beside(value, repo.values) if value.stated and value.split else []
        if not contradicts(value, there):
            continue
        others = rows.get((value.owner, value.measure, value.split))
        elsewhere = None not in (value.n, others) and value.n != others
        shown = " or ".join(f"{one:.6g}" for one in sorted(set(there))[:3])
        yield Found(
            f"{value.measure} of {value.owner} ({value.split}) is {value.number:g}, evaluation.json has {shown}",
            "take it out: the card has the computed one"
            if not elsewhere
            else "say in its note which rows it is of, and state it under a name of its own; or take it out",
            path=value.path, line=value.line, identity=f"computed {value.owner} {value.measure} {value.split}",
            severity=Severity.WARNING if elsewhere else None,
        )  # fmt: skip


def _tallies(repo: RepoFacts) -> Iterator[Found]:
    """Stated tallies beside one of the same subject, reference, measure and split in evaluation.json."""
    raw = repo.evidence.raw if repo.evidence else None
    stated = raw.get("tallies") if isinstance(raw, Mapping) else None
    computed = repo.evaluation.value.get("tallies") if repo.evaluation and repo.evaluation.document else None
    for position, one in enumerate(stated if isinstance(stated, list) else []):
        for other in computed if isinstance(computed, list) and isinstance(one, Mapping) else []:
            same = isinstance(other, Mapping) and all(
                str(one.get(key)).lower() == str(other.get(key)).lower() for key in OF_TALLY
            )
            if same and (one.get("above"), one.get("total")) != (other.get("above"), other.get("total")):
                assert repo.evidence is not None  # noqa: S101 - it has the tally
                yield Found(
                    f"{one.get('above')} of {one.get('total')} {one.get('subject')} are above {one.get('reference')}; evaluation.json has {other.get('above')} of {other.get('total')}",
                    "take it out: the card has the computed one",
                    path=repo.evidence.path,
                    line=repo.evidence.line(("tallies", position, "above")),
                    identity=f"tally {one.get('subject')} {one.get('reference')} {one.get('measure')}",
                )


def _of_field(
    repo: RepoFacts, raw: Mapping[str, Any], name: str, value: float, saes: list[SaeFacts]
) -> str | None:
    """What the files say, where the name is that of a field and the value is none of theirs."""
    true, what = _true(repo, raw, name, saes)
    if not true or value in true:
        return None
    return f"{name} is {value:g}, {what} {' or '.join(f'{one:g}' for one in sorted(true)[:3])}"


def _true(repo: RepoFacts, raw: Mapping[str, Any], name: str, saes: list[SaeFacts]) -> tuple[set[float], str]:
    """Every value that the files have for a name, and who says so; none where it is no name of a field, or they do not say."""
    from hubkit.readme.claims.fields import (
        named,  # its patterns take longer to compile than a release without the file takes
    )

    if SAES.fullmatch(name):
        return (
            {float(len(repo.saes))}
            if countable(repo) and raw.get("sae_id") is None and raw.get("layer") is None
            else set()
        ), "the repository has"
    if LAYERS.fullmatch(name):
        layers = [layer_of(sae) for sae in repo.saes]
        base = own_model(repo)
        shape = shape_of(base) if base else None
        if shape is None or None in layers or not layers:
            return set(), ""
        return {float(len(set(layers))), float(shape.n_layers)}, "the SAEs and the base model have"
    about = named(name)
    if about is None or about[0].name not in SIZES or (about[1] and name.lower() not in NEVER_MEASURED):
        return set(), ""
    found = [values_of(sae, about[0].name) for sae in saes]
    if not all(found):
        return set(), ""
    return {
        float(one) for values in found for one in values if isinstance(one, int | float)
    }, "the configurations say"


def _impossible(raw: Mapping[str, Any], name: str, value: float, saes: list[SaeFacts]) -> str | None:
    """Why no SAE can have the value."""
    percent = PERCENT.search(str(raw.get("written") or ""))
    share = float(percent[1].replace(",", "")) if percent else value
    if raw.get("name") and SHARE.search(name) and not NO_SHARE.search(name) and share > 100:
        return f"{name} is {share:g} %, more than all"
    widths = [size for sae in saes if (size := sae.sae.d_sae)]
    if not raw.get("name") or not widths or len(widths) < len(saes) or percent:
        return None
    counts = (COUNT.search(name) and not SHARE.search(name)) or L0.fullmatch(name)
    return (
        f"{name} is {value:g}, more than the {max(widths)} latents that there are"
        if counts and value > max(widths)
        else None
    )


def _computed(repo: RepoFacts) -> dict[str, list[float]]:
    """sae_id to every L0 that hubkit computed of it."""
    found: dict[str, list[float]] = {}
    for file in hubkit_files(repo):
        for value in values_in(file):
            if value.sae_id and value.measure == "l0" and value.number is not None:
                found.setdefault(value.sae_id, []).append(value.number)
    return found


def _far(value: float, computed: list[float]) -> str | None:
    """What was computed, where the value is far from all of it."""
    if not computed or min(computed) / FAR <= value <= max(computed) * FAR:
        return None
    low, high = min(computed), max(computed)
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"
