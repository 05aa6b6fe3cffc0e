"""What evidence.yaml states, value by value: what agrees with the files, what they contradict or nothing can be, and what there is nothing to hold against.

One place for the rule that names the second (EVL011), for the card's numbers, which agree with none of those, and for the verdict, which lists the third.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from math import isclose
from statistics import mean, median
from typing import TYPE_CHECKING, Any, Literal

from hubkit.measures.catalogue import CATALOGUE
from hubkit.release.experiments import EXPERIMENTS
from hubkit.texts import shortened
from hubkit.validate.card import countable, layer_of, own_model, shape_of
from hubkit.validate.finding import Severity
from hubkit.validate.measured_values import slack_of
from hubkit.validate.rules.evl import impossible
from hubkit.validate.rules.thr_unlearned import thresholds
from hubkit.validate.rules.thr_values import training_number
from hubkit.validate.stated_names import Meant, meant
from hubkit.validate.true_values import sizes_agree, values_of
from hubkit.words import some

if TYPE_CHECKING:
    from hubkit.validate.facts import RepoFacts, SaeFacts

I = re.IGNORECASE  # noqa: E741 - as short as it is common here
HINT = "correct it, or take it out: the card has it from the files"
ROWS = "correct it; where it was taken on other rows, say in its note on which"
COMPUTED = "take it out: the card has the computed one"
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
DEAD_OR_ALIVE = re.compile(r"(?:number of )?(dead|alive|living) (?:latents|features|neurons|units)", I)
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
"""A ratio of two means of L0, or of two numbers of dead latents, that neither other rows nor another pooling explains."""
WINDOW = 1_000_000
"""Rows on which latents fire that a training calls dead: it counts those that were silent over millions of tokens (SAELens: 1,000 steps of 4,096)."""
OF_CARD = re.compile(r"(?:about, )?(?:line \d+|model-index) of the earlier card")
"""What `hubkit adopt` notes: where a number stood, not what it is of."""
EXACT = 1e-9
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


@dataclass(frozen=True)
class Known:
    """A number that the files have of the same measure of the same SAE or layer."""

    number: float
    source: str
    split: str | None = None
    n: int | None = None


Computed = dict[tuple[str, str], list[Known]]
"""What hubkit computed, by the SAE or layer and the measure."""


@dataclass(frozen=True)
class Wrong:
    """Why a value cannot stand."""

    message: str
    hint: str = HINT
    severity: Severity | None = None
    identity: str | None = None
    told_by: str = "EVL011"


Answer = Wrong | Literal["agrees", "open"]


def judged(repo: RepoFacts) -> tuple[Judged, ...]:
    """Every value and every experiment of an evidence.yaml of hubkit's form, in the order of the file's keys. Never raises."""
    file = repo.evidence
    if file is None or not file.is_ours:
        return ()
    computed, found = _computed(repo), []
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
    measured = what.measure or _counted(what, value)
    return _of_measure(computed, raw, what, value) if measured else field or "open"


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
    if what.of_raw or what.saes or None in layers or not countable(repo) or _says_elsewhere(raw):
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
    percent = _percent(raw)
    share = value if percent is None else percent
    if raw.get("name") and SHARE.search(what.name) and not NO_SHARE.search(what.name) and share > 100:
        return Wrong(f"{what.name} is {share:g} %, more than all")
    widths = [size for sae in what.saes if (size := sae.sae.d_sae)]
    counts = (COUNT.search(what.name) and not SHARE.search(what.name)) or what.measure == "l0"
    if raw.get("name") and counts and percent is None and len(widths) == len(what.saes) > 0 and value > max(widths):  # fmt: skip
        return Wrong(f"{what.name} is {value:g}, more than the {max(widths)} latents that there are")
    read = _number(what, raw, value) if what.measure and not _counted(what, value) else None
    reasons = [impossible(str(what.measure), read[0], sae, raw.get("version")) for sae in what.saes if read]
    if not reasons or not all(reasons):
        return None
    own = what.saes[0] if raw.get("sae_id") is not None else None
    by_measure = raw.get("measure") and impossible(str(what.measure), value, own, raw.get("version"))
    return Wrong(f"{what.name}: {reasons[0]}", told_by="EVL002" if by_measure else "EVL011")


def _counted(what: Meant, value: float) -> re.Match[str] | None:
    """`dead latents: 130`, which is a number of them and no share."""
    return DEAD_OR_ALIVE.fullmatch(what.name) if value % 1 == 0 and value != 1 else None


def _percent(raw: Mapping[str, Any]) -> float | None:
    """The number before the sign, where its author wrote it in per cent."""
    percent = PERCENT.search(str(raw.get("written") or ""))
    return float(percent[1].replace(",", "")) if percent else None


def _number(what: Meant, raw: Mapping[str, Any], value: float) -> tuple[float, float] | None:
    """The measure's own value, and what rounding hides of it: a share from per cent, of the rest the other part. None for what is no share, as a number of latents."""
    if what.called is None:
        return value, slack_of(raw)
    percent = _percent(raw)
    if percent is not None and what.called.share and not isclose(percent, value):  # the value is the share
        return (1 - value if what.called.rest else value), slack_of(raw)
    return (
        what.called.number(f"{value:.12g}", percent=percent is not None)
        if value >= 0
        else (value, slack_of(raw))
    )


def _of_measure(computed: Computed, raw: Mapping[str, Any], what: Meant, value: float) -> Answer:
    """A measure against what hubkit computed, and what the training counted."""
    counted = _counted(what, value)
    measure = "alive_share" if counted else str(what.measure)
    if raw.get("version") not in (None, getattr(CATALOGUE.get(measure), "version", None)):
        return "open"
    read = _number(what, raw, value)
    if counted:
        widths = {sae.sae.d_sae for sae in what.saes}
        width = widths.pop() if len(widths) == 1 else None
        if width is None:
            return "open"
        alive = width - value if counted[1].lower() == "dead" else value
        read = alive / width, 0.5 / width
    if read is None:
        return "open"
    number, slack = read
    each = [_known(computed, sae.sae_id, measure, sae) for sae in what.saes]
    if what.of_raw:
        each = [_known(computed, f"layer {what.layer}", measure, None)]
    known = [one for own in each for one in own]
    if not each or not all(each):
        return "open"
    if not what.alone and len(each) > 1:
        firsts = [own[0].number for own in each]
        known = [] if what.over_all else known
        known += [Known(mean(firsts), each[0][0].source), Known(median(firsts), each[0][0].source)]
    split = raw.get("split")
    on_split = [one for one in known if split and one.split == split]
    said_so = on_split or [one for one in known if not split or one.split is None]
    if any(abs(one.number - number) <= slack + EXACT for one in said_so):
        return "agrees"
    return _differs(raw, what, number, measure, known)


def _computed(repo: RepoFacts) -> Computed:
    found: Computed = {}
    for one in repo.values:
        if not one.stated and one.number is not None:
            known = Known(one.number, one.path, one.split, one.n)
            found.setdefault((one.owner, one.measure), []).append(known)
    return found


def _known(computed: Computed, owner: str, measure: str, sae: SaeFacts | None) -> list[Known]:
    """What the files have of a measure of an SAE or of the raw activations of a layer, computed before counted."""
    found = list(computed.get((owner, measure), ()))
    if sae is None:
        return found
    if measure == "mse":  # others' is the sum over the dimensions
        sums = [replace(one, number=sae.sae.d_in * one.number) for one in found if sae.sae.d_in]
        found += [*computed.get((owner, "mse_sum"), ()), *sums]
    l0, dead = training_number(sae, "l0"), training_number(sae, "num_dead_features")
    if measure == "l0" and l0 is not None:
        found.append(Known(l0, "metadata.l0"))
    if measure == "alive_share" and dead is not None and sae.sae.d_sae and dead <= sae.sae.d_sae:
        found.append(Known(1 - dead / sae.sae.d_sae, "metadata.num_dead_features"))
    return found


def _differs(raw: Mapping[str, Any], what: Meant, number: float, measure: str, known: list[Known]) -> Answer:
    """None of the numbers of the files is the stated one: whether that is a contradiction."""
    split, n, owner = raw.get("split"), raw.get("n"), what.owner
    on_split = [one for one in known if split and one.split == split]
    same = [one for one in on_split if n is None or one.n is None or one.n == n]
    if same:
        shown = _shown(same)
        return Wrong(
            f"{measure} of {owner} ({split}) is {number:g}, {same[0].source} has {shown}",
            COMPUTED,
            None if raw.get("measure") else Severity.WARNING,
            f"computed {owner} {measure} {split}",
        )
    if _says_elsewhere(raw):
        return "open"
    if not split and (n is None or n in {one.n for one in known}):
        rows = [one for one in known if n is not None and one.n == n] or known
        return Wrong(
            f"{what.name} is {number:g}, {rows[0].source} has {_shown(rows)}", ROWS, Severity.WARNING
        )
    if measure == "l0" and _far(number, [one.number for one in known]):
        return Wrong(f"{what.name} is {number:g}, {known[0].source} has {_shown(known)}", ROWS, Severity.WARNING)  # fmt: skip
    if measure == "alive_share" and (one := _too_few_dead(1 - number, n, known)):
        return Wrong(
            f"{what.name}: {1 - number:.1%} of the latents would be dead; {one.source} says {1 - one.number:.1%}, and on fewer rows no fewer are silent",
            ROWS,
            Severity.WARNING,
        )
    return "open"


def _far(number: float, known: list[float]) -> bool:
    return not min(known) / FAR <= number <= max(known) * FAR


def _too_few_dead(dead: float, n: object, known: list[Known]) -> Known | None:
    """What says of more rows that far more latents never fire: each row more can only wake some."""
    rows = n if isinstance(n, int) else None
    later = [one for one in known if rows is not None and rows <= (one.n or WINDOW)]
    return later[0] if later and all(dead * FAR < 1 - one.number for one in known) else None


def _says_elsewhere(raw: Mapping[str, Any]) -> bool:
    """Whether the author says of which rows, or between what, it was taken."""
    note = str(raw.get("note") or "")
    return bool(raw.get("contrast") or (note and not OF_CARD.fullmatch(note)))


def _shown(known: list[Known]) -> str:
    return " or ".join(f"{one:.6g}" for one in sorted({one.number for one in known})[:3])


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
