"""A measure that evidence.yaml states against what the files have of it: what hubkit computed, and what the training counted."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import isclose
from statistics import mean, median
from typing import TYPE_CHECKING, Any, Literal

from hubkit.measures.catalogue import CATALOGUE
from hubkit.validate.finding import Severity
from hubkit.validate.measured_values import slack_of
from hubkit.validate.rules.thr_values import training_number
from hubkit.validate.stated_names import Meant

if TYPE_CHECKING:
    from hubkit.validate.facts import RepoFacts, SaeFacts

I = re.IGNORECASE  # noqa: E741 - as short as it is common here
HINT = "correct it, or take it out: the card has it from the files"
ROWS = "correct it; where it was taken on other rows, say in its note on which"
COMPUTED = "take it out: the card has the computed one"
DEAD_OR_ALIVE = re.compile(r"(?:number of )?(dead|alive|living) (?:latents|features|neurons|units)", I)
PERCENT = re.compile(r"(?<!\d)([-+]?\d[\d,]{0,40}(?:\.\d{1,40})?) ?(?:%|per ?cent)", I)
FAR = 1.5
"""A ratio of two means of L0, or of two numbers of dead latents, that neither other rows nor another pooling explains."""
WINDOW = 1_000_000
"""Rows on which latents fire that a training calls dead: it counts those that were silent over millions of tokens (SAELens: 1,000 steps of 4,096)."""
OF_CARD = re.compile(r"(?:about, )?(?:line \d+|model-index) of the earlier card")
"""What `hubkit adopt` notes: where a number stood, not what it is of."""
EXACT = 1e-9


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


def counted_of(what: Meant, value: float) -> re.Match[str] | None:
    """`dead latents: 130`, which is a number of them and no share."""
    return DEAD_OR_ALIVE.fullmatch(what.name) if value % 1 == 0 and value != 1 else None


def percent_of(raw: Mapping[str, Any]) -> float | None:
    """The number before the sign, where its author wrote it in per cent."""
    percent = PERCENT.search(str(raw.get("written") or ""))
    return float(percent[1].replace(",", "")) if percent else None


def number_of(what: Meant, raw: Mapping[str, Any], value: float) -> tuple[float, float] | None:
    """The measure's own value, and what rounding hides of it: a share from per cent, of the rest the other part. None for what is no share, as a number of latents."""
    if what.called is None:
        return value, slack_of(raw)
    percent = percent_of(raw)
    if percent is not None and what.called.share and not isclose(percent, value):  # the value is the share
        return (1 - value if what.called.rest else value), slack_of(raw)
    return (
        what.called.number(f"{value:.12g}", percent=percent is not None)
        if value >= 0
        else (value, slack_of(raw))
    )


def of_measure(computed: Computed, raw: Mapping[str, Any], what: Meant, value: float) -> Answer:
    """A measure against what hubkit computed, and what the training counted."""
    counted = counted_of(what, value)
    measure = "alive_share" if counted else str(what.measure)
    if raw.get("version") not in (None, getattr(CATALOGUE.get(measure), "version", None)):
        return "open"
    read = number_of(what, raw, value)
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


def computed_of(repo: RepoFacts) -> Computed:
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
    if says_elsewhere(raw):
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


def says_elsewhere(raw: Mapping[str, Any]) -> bool:
    """Whether the author says of which rows, or between what, it was taken."""
    note = str(raw.get("note") or "")
    return bool(raw.get("contrast") or (note and not OF_CARD.fullmatch(note)))


def _shown(known: list[Known]) -> str:
    return " or ".join(f"{one:.6g}" for one in sorted({one.number for one in known})[:3])
