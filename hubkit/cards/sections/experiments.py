"""Effect sizes, stability, steering, top latents and the comparison of representations: what was measured, beside what chance gives."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from statistics import mean, stdev

from hubkit.cards.facts import Facts, SaeFact
from hubkit.cards.measured import AUROC, BALANCED, SPLIT_WORDS
from hubkit.cards.sections.detection import detection
from hubkit.cards.sections.section import NEITHER, NOT_COMPUTED, Absent, Context
from hubkit.cards.stated import experiments
from hubkit.measures.catalogue import CATALOGUE
from hubkit.release.evidence import StatedValue
from hubkit.release.experiments import RepresentationProbe, Stability, StabilityRun, Steering
from hubkit.release.metrics import MetricValue

LONG_TABLE = 12


@dataclass(frozen=True)
class Effect:
    """One maximum over latents, and whether it is above the same maximum without an effect."""

    sae: SaeFact
    d_max: MetricValue
    above_1: MetricValue | None

    @property
    def verdict(self) -> str:
        """Against its null."""
        return verdict(self.d_max)


def verdict(value: MetricValue | StatedValue) -> str:
    """Against the 95 % point of its null; else whether its interval lies beside a null that is one number; `no null`, or `not judged` where neither is known."""
    if value.value is None or value.null_level is None:
        return "no null"
    if value.null_point is not None:
        return "above its null" if value.value > value.null_point else "not above its null"
    if value.interval is None:
        return "not judged"
    low, high = value.interval
    return (
        "above its null"
        if low > value.null_level
        else "below its null"
        if high < value.null_level
        else "not told from its null"
    )


def effect_sizes(facts: Facts) -> Context | Absent:
    """The largest |d| of each SAE with its null: chosen from thousands of latents, it is large on noise too."""
    rows = [
        Effect(sae, value, _count_beside(sae, value))
        for sae in facts.saes
        for value in sae.of_measure("d_max")
        if value.value is not None
    ]
    if not rows:
        return Absent("Effect sizes", NOT_COMPUTED)
    judged = [row for row in rows if row.d_max.null_point is not None]
    return {
        "rows": rows,
        "long": len(rows) > LONG_TABLE,
        "contrasts": any(row.d_max.contrast for row in rows),
        "counts": any(row.above_1 for row in rows),
        "judged": len(judged),
        "above": sum(row.verdict == "above its null" for row in judged),
        "splits": SPLIT_WORDS,
        "kinds": sorted({row.d_max.null_kind for row in judged if row.d_max.null_kind}),
        "several_saes": len({row.sae.sae_id for row in rows}) > 1,
    }


def _count_beside(sae: SaeFact, d_max: MetricValue) -> MetricValue | None:
    """The count of latents above 1 on the same rows."""
    return next(
        (
            value
            for value in sae.of_measure("d_above_1")
            if (value.split, value.contrast) == (d_max.split, d_max.contrast)
        ),
        None,
    )


@dataclass(frozen=True)
class StabilityFact:
    """One stability experiment with its mean, spread and verdict."""

    stability: Stability
    mark: str | None
    """Who states it; None where hubkit computed it."""
    measure: str
    """What varies, in words."""
    mean: float
    spread: float | None
    """Sample standard deviation over the runs."""
    deltas: list[float]
    runs: list[tuple[StabilityRun, float]]
    """Those with a value."""
    verdict: str
    above: int
    judged: int
    """How many of the values, the reference included, have a null that they stand beside."""


IN_ONE_TABLE = 3
"""SAEs of which the same was asked: from here on they are rows of one table."""


def stability(facts: Facts) -> Context | Absent:
    """A value that does not move is only good news where it is above its null."""
    listed = experiments(facts, "stability")
    found = [fact for one, mark in listed if (fact := _stability(one, mark)) is not None]
    if not found:
        return Absent("Stability under re-sampling", NEITHER)
    alike: dict[tuple[object, ...], list[StabilityFact]] = {}
    for fact in found:
        seeds = tuple(run.seed for run, _ in fact.runs)
        alike.setdefault((fact.mark, fact.stability.varied, fact.measure, seeds), []).append(fact)
    return {
        "experiments": [
            fact for several in alike.values() if len(several) < IN_ONE_TABLE for fact in several
        ],
        "tables": [_table_of(several) for several in alike.values() if len(several) >= IN_ONE_TABLE],
    }


def _table_of(several: list[StabilityFact]) -> dict[str, object]:
    judged = [one for one in several if one.judged]
    return {
        "rows": several,
        "judged": len(judged),
        "above": sum(one.above == one.judged for one in judged),
        "not_above": sum(not one.above for one in judged),
    }


def _stability(one: Stability, mark: str | None) -> StabilityFact | None:
    runs = [(run, run.value.value) for run in one.runs if run.value.value is not None]
    values = [value for _, value in runs]
    if not values or one.reference.value is None:
        return None
    name = one.reference.measure
    return StabilityFact(
        one,
        mark,
        CATALOGUE[name].title if name in CATALOGUE else name,
        mean(values),
        stdev(values) if len(values) > 1 else None,
        [abs(value - one.reference.value) for value in values],
        runs,
        _verdict(beside := _beside_nulls(one)),
        sum(value > null for value, null, _ in beside),
        len(beside),
    )


def _beside_nulls(one: Stability) -> list[tuple[float, float, str | None]]:
    """Each value beside its own null, or beside the reference's where a run states none, and what that is; those without either are left out."""
    return [
        (value.value, null, value.null_kind or one.reference.null_kind)
        for value in (one.reference, *(run.value for run in one.runs))
        if value.value is not None
        and (null := value.null_point if value.null_point is not None else one.reference.null_point)
        is not None
    ]


def _verdict(found: list[tuple[float, float, str | None]]) -> str:
    """Whether what comes back is more than noise gives."""
    if not found:
        return "whether the value itself is more than chance is not known: the 95 % point of its null is not known"
    points, kinds = sorted({null for _, null, _ in found}), found[0][2]
    where = (
        f"{points[0]:.3f} ({kinds})"
        if len(points) == 1
        else f"the 95 % point of their nulls, {points[0]:.3f} to {points[-1]:.3f} ({kinds})"
    )
    above = sum(value > null for value, null, _ in found)
    if not above:
        return f"not one of them, the reference included, is above {where}: what is stable here is what noise gives"
    if above == len(found):
        return f"all of them are above {where}"
    return f"some are above and some are not above {where}"


FEWEST_DOSES = 3
"""Two points are always monotonic."""
SIGNIFICANT = 0.05
ENOUGH = 20
"""Random directions: the furthest of 19 and one of interest is it one time in twenty."""


@dataclass(frozen=True)
class SteeringFact:
    """One direction with what may be said of it."""

    steering: Steering
    mark: str | None
    monotonic: bool | None
    """None of fewer than three doses."""

    @property
    def counted(self) -> bool:
        """Whether a dose says on how many completions it stands."""
        return any(dose.n is not None for dose in self.steering.doses)

    @property
    def tested(self) -> bool:
        """Whether doses are held against alpha 0, seed by seed."""
        return any(dose.p_value is not None for dose in self.steering.doses)

    @property
    def added(self) -> float | None:
        """Length of alpha 1, as a share of the median length of a row."""
        return next(
            (
                dose.share_of_norm / abs(dose.alpha)
                for dose in self.steering.doses
                if dose.alpha and dose.share_of_norm
            ),
            None,
        )

    @property
    def verdict(self) -> str:
        """What the tests say; empty where none was made."""
        one = self.steering
        if one.test is None:
            return ""
        doses = [
            dose.alpha for dose in one.doses if dose.corrected is not None and dose.corrected < SIGNIFICANT
        ]
        trend = one.p_value is not None and one.p_value < SIGNIFICANT
        if not trend and not doses:
            return "**No causal effect was found**: neither the trend over alpha nor a dose against alpha 0 is significant (0.05)."
        moved = " and ".join(
            (["with alpha"] if trend else [])
            + ([f"at alpha {', '.join(f'{alpha:+g}' for alpha in doses)} against 0"] if doses else [])
        )
        if not one.controls or min(len(control.effects) for control in one.controls) < ENOUGH:
            return f"The labels moved {moved}; too few random directions were tried to say whether that is more than any direction does."
        if all(control.p_value < SIGNIFICANT for control in one.controls):
            return f"The labels moved {moved}, and further than along random directions of the same length."
        return f"The labels moved {moved}, but **no further than along random directions of the same length**: no causal effect of this direction was found."


def steering(facts: Facts) -> Context | Absent:
    """Dose and response beside what random directions do; with the direction's alignment, and what the tests say."""
    listed = experiments(facts, "steering")
    if not listed:
        return Absent("Steering", NEITHER)
    rows = []
    for one, mark in listed:
        rates = [dose.rate for dose in sorted(one.doses, key=lambda dose: dose.alpha)]
        steps = [b - a for a, b in pairwise(rates)]
        monotonic = all(step >= 0 for step in steps) or all(step <= 0 for step in steps)
        rows.append(SteeringFact(one, mark, monotonic if len(rates) >= FEWEST_DOSES else None))
    return {"rows": rows, "tests": _tested(listed)}


def _tested(listed: list[tuple[Steering, str | None]]) -> list[tuple[str | None, list[Steering], bool]]:
    """Of each origin the directions with a p and nothing that says what of, and whether none of them changed the labels significantly."""
    found: dict[str | None, list[Steering]] = {}
    for one, mark in listed:
        if one.p_value is not None and one.test is None:
            found.setdefault(mark, []).append(one)
    return [
        (mark, tested, all(_not_significant(one.p_value, one.bound) for one in tested))
        for mark, tested in found.items()
    ]


def _not_significant(p_value: float | None, bound: str) -> bool:
    return p_value is not None and p_value >= 0.05 and bound != "<"


def top_features(facts: Facts) -> Context | Absent:
    """The latents with the largest d, and the beginnings of the completions that excite them most."""
    listed = experiments(facts, "top_features")
    return {"groups": listed} if listed else Absent("Top latents", NEITHER)


def all_at_chance(values: list[MetricValue]) -> bool:
    """Whether every one of some balanced accuracies has an interval, and it holds 0.5."""
    intervals = [value.interval for value in values]
    return bool(intervals) and all(one is not None and one[0] <= 0.5 <= one[1] for one in intervals)


def probes(facts: Facts) -> Context | Absent:
    """The same probe on raw activations, on SAEs, and on controls: a table for each origin."""
    groups: dict[str | None, list[RepresentationProbe]] = {}
    for one, mark in experiments(facts, "representations"):
        groups.setdefault(mark, []).append(one)
    beside = detection(facts)
    if not groups and beside is None:
        return Absent("Probe comparison", NEITHER)
    return {"tables": [_table(mark, listed) for mark, listed in groups.items()], "beside": beside}


def _table(mark: str | None, listed: list[RepresentationProbe]) -> dict[str, object]:
    rows = [
        (
            one,
            one.get(tuple(measure for measure, _ in BALANCED)),
            one.get(tuple(measure for measure, _ in AUROC)),
        )
        for one in listed
    ]
    balanced = [value for _, value, _ in rows if value is not None]
    return {
        "mark": mark,
        "rows": rows,
        "auroc": any(auroc for _, _, auroc in rows),
        "spread": any(getattr(value, "spread", None) for value in balanced),
        "all_chance": all_at_chance(balanced),
        "methods": sorted({value.interval_method for value in balanced if value.interval_method}),
        "n": sorted({value.n for value in balanced}),
        "seen": [
            one.representation for one, value, _ in rows if value is not None and value.split == "train"
        ],
    }
