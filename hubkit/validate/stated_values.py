"""What evidence.yaml states, value by value: what agrees with the files, what they contradict or nothing can be, and what there is nothing to hold against.

One place for the rule that names the second (EVL011), for the card's numbers, which agree with none of those, and for the verdict, which lists the third.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from statistics import mean, median
from typing import TYPE_CHECKING, Any, Literal

from hubkit.release.experiments import EXPERIMENTS
from hubkit.texts import shortened
from hubkit.validate.card import countable, layer_of, own_model, shape_of
from hubkit.validate.finding import Severity
from hubkit.validate.measured_values import slack_of
from hubkit.validate.rules.evl import impossible
from hubkit.validate.rules.thr_unlearned import thresholds
from hubkit.validate.stated_measures import (
    COMPUTED,
    EXACT,
    HINT,
    Answer,
    Computed,
    Wrong,
    computed_of,
    counted_of,
    number_of,
    of_measure,
    percent_of,
    says_elsewhere,
)
from hubkit.validate.stated_names import Meant, meant
from hubkit.validate.true_values import sizes_agree, values_of
from hubkit.words import some

if TYPE_CHECKING:
    from hubkit.validate.facts import RepoFacts, SaeFacts

I = re.IGNORECASE  # noqa: E741 - as short as it is common here
SAES = re.compile(
    r"(?:(?:total )?(?:number|count) of |num[. ]|n )?(?:SAEs|sparse auto-?encoders)(?: in (?:total|the release))?",
    I,
)
LAYERS = re.compile(
    r"(?:(?:total )?(?:number|count) of |num[. ]|n )(?:transformer )?(?:layers|blocks)|blocks", I
)
EXPANSION = re.compile(r"expansion(?: (?:factor|ratio|multiplier))?", I)
THRESHOLD = re.compile(
    r"(?P<which>mean|average|median|min(?:imum)?|smallest|lowest|max(?:imum)?|largest|highest) threshold|"
    r"(?P<zero>(?:number of )?(?:zero thresholds|thresholds (?:that are |at |equal to |of )?(?:exactly )?(?:zero|0)))",
    I,
)
STATISTICS: dict[str, Callable[[list[float]], float]] = {
    "mea": mean, "ave": mean, "med": median, "min": min, "sma": min, "low": min, "max": max, "lar": max, "hig": max,
}  # fmt: skip
"""By the first letters of their names."""
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
OF_TALLY = ("subject", "reference", "measure", "split")
"""What a tally is of."""
MOST_WORDS = 4
"""Fields of an experiment that the verdict's list shows."""
Verdict = Literal["agrees", "wrong", "open"]


@dataclass(frozen=True)
class Judged:
    """One statement of evidence.yaml."""

    raw: Mapping[str, Any]
    line: int
    quote: str
    """What it states, in a few words."""
    verdict: Verdict
    """`open`: there is nothing in the files to hold it against, or what there is may be of other rows."""
    message: str = ""
    """What the files say instead."""
    hint: str = HINT
    identity: str = ""
    severity: Severity | None = None
    """Another one than the rule's."""
    told_by: str = "EVL011"
    """The rule that says so."""


def judged(repo: RepoFacts) -> tuple[Judged, ...]:
    """Every value and every experiment of an evidence.yaml of hubkit's form, in the order of the file's keys. Never raises."""
    file = repo.evidence
    if file is None or not file.is_ours:
        return ()
    computed, found = computed_of(repo), []
    for position, raw in file.values():
        value = raw.get("value")
        if isinstance(value, bool) or not isinstance(value, int | float):
            continue  # EVL009 says so
        what = meant(repo, raw)
        answer = _answer(repo, computed, raw, what, float(value))
        identity = f"{raw.get('sae_id') or raw.get('layer')} {raw.get('name') or raw.get('measure') or ''}"
        found.append(
            _judged(answer, raw, file.line(("values", position, "value")), _quote(raw, value), identity)
        )
    return (*found, *_experiments(repo))


def _judged(answer: Answer, raw: Mapping[str, Any], line: int, quote: str, identity: str) -> Judged:
    if not isinstance(answer, Wrong):
        return Judged(raw, line, quote, answer)
    return Judged(
        raw, line, quote, "wrong", answer.message, answer.hint, answer.identity or identity, answer.severity, answer.told_by
    )  # fmt: skip


def _quote(raw: Mapping[str, Any], value: float) -> str:
    """`explained_variance of layer_5: 0.8 (held_out, n = 2048)`."""
    sae_id, layer, n = raw.get("sae_id"), raw.get("layer"), raw.get("n")
    owner = f" of {sae_id}" if sae_id is not None else f" of layer {layer}" if layer is not None else ""
    beside = [str(raw["split"])] if raw.get("split") else []
    beside += [f"n = {n:,}"] if isinstance(n, int) else []
    shown = f"{raw.get('name') or raw.get('measure')}{owner}: {raw.get('written') or f'{value:g}'}"
    return shortened(f"{shown} ({', '.join(beside)})" if beside else shown)


def _answer(repo: RepoFacts, computed: Computed, raw: Mapping[str, Any], what: Meant, value: float) -> Answer:
    """What the files say of one value: first what cannot be at all, then fields, then measures."""
    if wrong := _no_such_layer(repo, raw, what):
        return wrong
    if raw.get("sae_id") is not None and not what.saes:
        return "open"  # EVL009 says that it is not here
    field = _of_field(repo, raw, what, value)
    if field is not None and field != "open":
        return field
    if wrong := _impossible(raw, what, value):
        return wrong
    measured = what.measure or counted_of(what, value)
    return of_measure(computed, raw, what, value) if measured else field or "open"


def _no_such_layer(repo: RepoFacts, raw: Mapping[str, Any], what: Meant) -> Wrong | None:
    """A layer that the base model has not; of a measure of SAEs one that none of them is of."""
    if what.layer is None:
        return None
    models = {sae.sae.model_name for sae in repo.saes}
    base = models.pop() if len(models) == 1 else None
    shape = shape_of(base) if base else None
    if shape and shape.n_layers and what.layer >= shape.n_layers:
        return Wrong(
            f"{what.name} is of layer {what.layer}; {base} has {shape.n_layers} layers, 0 to {shape.n_layers - 1}",
            "give the layer that it was measured at",
        )
    layers = {layer_of(sae) for sae in repo.saes}
    if what.of_raw or what.saes or None in layers or not countable(repo) or says_elsewhere(raw):
        return None
    if what.measure is None and what.field is None:
        return None  # in words alone it may be of anything
    there = some([f"layer {one}" for one in sorted(one for one in layers if one is not None)])
    return Wrong(
        f"{what.name} is said of layer {what.layer}, and it is of SAEs: the release has them at {there}",
        "give the sae_id or the layer of the SAE that it is of",
    )


def _of_field(repo: RepoFacts, raw: Mapping[str, Any], what: Meant, value: float) -> Answer | None:
    """Where the name is that of a field, or of a count of the release, whether it is what the files say; None for a measure."""
    if raw.get("measure") is not None:
        return None
    found = _true(repo, what)
    if found is None:
        return None
    true, whose = found
    if not true or not all(true):
        return "open"
    about, text = what.field, _text(raw, value)
    stated = about.kind.read(text) or about.kind.read(f"{value:.12g}") if about else None
    agrees = [
        any((about.kind.agrees(stated, one) if about and stated else abs(one - value) <= slack_of(raw) + EXACT) for one in own)
        for own in true
    ]  # fmt: skip
    if any(agrees):
        return "agrees" if all(agrees) else "open"
    shown = sorted({one for own in true for one in own if one >= 0})[:3]
    return Wrong(f"{what.name} is {value:g}, {whose} {' or '.join(f'{one:g}' for one in shown)}")


def _text(raw: Mapping[str, Any], value: float) -> str:
    return str(raw.get("written") or f"{value:.12g}")


def _true(repo: RepoFacts, what: Meant) -> tuple[list[list[float]], str] | None:
    """For each SAE that a value may be of what the files have for its name, and who says so; None where it is the name of no field."""
    name, saes = what.name, what.saes
    if SAES.fullmatch(name):
        return ([] if what.alone or not countable(repo) else [[float(len(repo.saes))]]), "the repository has"
    if LAYERS.fullmatch(name):
        layers, base = {layer_of(sae) for sae in repo.saes}, own_model(repo)
        shape = shape_of(base) if base else None
        known = shape is not None and layers and None not in layers
        return [
            [float(len(layers)), float(shape.n_layers or len(layers))]
        ] if known and shape else [], "the SAEs and the base model have"
    if EXPANSION.fullmatch(name):
        return [
            [sae.sae.d_sae / sae.sae.d_in] if sae.sae.d_in and sae.sae.d_sae and sizes_agree(sae) else []
            for sae in saes
        ], "the configurations say"
    if match := THRESHOLD.fullmatch(name):
        return [_thresholds(sae, match["which"]) for sae in saes], "the weights say"
    if what.field is None or what.field.name in {"l0", "num_dead_features"}:
        return None
    found = [
        [
            one
            for one in values_of(sae, what.field.name)
            if isinstance(one, int | float) and not isinstance(one, bool)
        ]
        for sae in saes
    ]
    return found, "the configurations say"


def _thresholds(sae: SaeFacts, which: str | None) -> list[float]:
    """A statistic of the thresholds, or how many are 0."""
    values = thresholds(sae)
    if values is None or values.size < 2:
        return []
    if which is None:
        return [float((values == 0).sum())]
    return [STATISTICS[which.lower()[:3]](sorted(float(one) for one in values))]


def _impossible(raw: Mapping[str, Any], what: Meant, value: float) -> Wrong | None:
    """Why no SAE can have the value."""
    percent = percent_of(raw)
    share = value if percent is None else percent
    if raw.get("name") and SHARE.search(what.name) and not NO_SHARE.search(what.name) and share > 100:
        return Wrong(f"{what.name} is {share:g} %, more than all")
    widths = [size for sae in what.saes if (size := sae.sae.d_sae)]
    counts = (COUNT.search(what.name) and not SHARE.search(what.name)) or what.measure == "l0"
    if raw.get("name") and counts and percent is None and len(widths) == len(what.saes) > 0 and value > max(widths):  # fmt: skip
        return Wrong(f"{what.name} is {value:g}, more than the {max(widths)} latents that there are")
    read = number_of(what, raw, value) if what.measure and not counted_of(what, value) else None
    reasons = [impossible(str(what.measure), read[0], sae, raw.get("version")) for sae in what.saes if read]
    if not reasons or not all(reasons):
        return None
    own = what.saes[0] if raw.get("sae_id") is not None else None
    by_measure = raw.get("measure") and impossible(str(what.measure), value, own, raw.get("version"))
    return Wrong(f"{what.name}: {reasons[0]}", told_by="EVL002" if by_measure else "EVL011")


def _experiments(repo: RepoFacts) -> Iterator[Judged]:
    """Tallies are held against those that were computed; the rest is the author's word."""
    file = repo.evidence
    raw = file.raw if file is not None and isinstance(file.raw, Mapping) else {}
    for key in EXPERIMENTS:
        listed = raw.get(key)
        for position, one in enumerate(listed if isinstance(listed, list) else []):
            if isinstance(one, Mapping) and file is not None:
                answer = _of_tally(repo, one) if key == "tallies" else "open"
                place = (key, position, "above") if key == "tallies" else (key, position)
                identity = f"tally {one.get('subject')} {one.get('reference')} {one.get('measure')}"
                yield _judged(answer, one, file.line(place), _experiment(key, one), identity)


def _experiment(key: str, one: Mapping[str, Any]) -> str:
    """`steering: layer_5, decoded difference of means`."""
    said = [
        str(value) for name, value in one.items() if name != "source" and isinstance(value, str | int | float)
    ]
    return shortened(f"{key.replace('_', ' ')}: {', '.join(said[:MOST_WORDS])}")


def _of_tally(repo: RepoFacts, one: Mapping[str, Any]) -> Answer:
    """A tally beside one of the same subject, reference, measure and split in evaluation.json."""
    computed = repo.evaluation.value.get("tallies") if repo.evaluation and repo.evaluation.document else None
    same = [
        other
        for other in (computed if isinstance(computed, list) else [])
        if isinstance(other, Mapping)
        and all(str(one.get(key)).lower() == str(other.get(key)).lower() for key in OF_TALLY)
    ]
    if not same:
        return "open"
    for other in same:
        if (one.get("above"), one.get("total")) != (other.get("above"), other.get("total")):
            return Wrong(
                f"{one.get('above')} of {one.get('total')} {one.get('subject')} are above {one.get('reference')}; evaluation.json has {other.get('above')} of {other.get('total')}",
                COMPUTED,
            )
    return "agrees"
