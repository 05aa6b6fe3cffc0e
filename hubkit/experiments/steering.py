"""Steering: a direction added to the activations that an SAE reads, at every token of a completion, and what becomes of the labels. Needs torch.

The same seeds at each dose, so that every completion has its twin at alpha 0; random directions of the same length beside.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from hubkit.collect.judges import Reply
from hubkit.collect.scenarios import completion_seed
from hubkit.engine.events import Event, Progress, silent
from hubkit.errors import UsageError
from hubkit.experiments.directions import CONTROLS, RAW, random_directions
from hubkit.experiments.plan import judge_problem
from hubkit.inference.generate import Draw, sample
from hubkit.inference.hooks import adding
from hubkit.inference.prompts import Prompts
from hubkit.inference.room import batch_size_for
from hubkit.inference.tokens import prompt_ids
from hubkit.measures.bootstrap import SEED
from hubkit.release.experiments import Steering, SteeringControl, SteeringDose

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from hubkit.collect.judges import Judge
    from hubkit.collect.plan import CollectPlan
    from hubkit.collect.scenarios import Scenario
    from hubkit.experiments.directions import Direction, Dose, Floats, Rows
    from hubkit.inference.load import BaseModel
    from hubkit.inference.structure import Place

ALPHAS = (-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0)
FEWEST_CONTROLS = 20
"""Of a kind: with fewer no direction can lie beyond 95 % of them."""
SHUFFLES = 1999
DRAWN_FOR = "steering"
"""Goes into the seeds: these completions are not those that the direction was found on."""
TREND = "label against alpha, alphas permuted within each seed, two-sided"

Labels = list[str | None]
Remember = Callable[[str, Callable[[], Labels]], Labels]
"""What was labelled under a name before, or what is labelled now: a run that was killed goes on."""


@dataclass(frozen=True)
class Asked:
    """One completion to draw at every dose."""

    completion_id: str
    scenario: Scenario
    draw: Draw


@dataclass(frozen=True)
class Steered:
    """What is steered along, and where."""

    place: Place
    directions: Sequence[Direction]
    dose: Dose
    x: Rows
    """(n, d) rows whose covariance the second kind of random directions has."""
    label: str
    """Whose rate is counted."""
    sae_id: str | None = None
    alphas: Sequence[float] = ALPHAS
    controls: int = FEWEST_CONTROLS
    """Random directions of either kind."""

    @property
    def doses(self) -> list[float]:
        """Rising, 0 among them. Raises UsageError where there is no other."""
        found = sorted({*self.alphas, 0.0})
        if len(found) < 2:
            raise UsageError(
                "no alpha but 0, expected doses to steer with", hint="alphas: [-1, -0.5, 0, 0.5, 1]"
            )
        return found


def check_judge(judge: Judge) -> None:
    """Raise UsageError for a judge that is none for steering."""
    if (problem := judge_problem(judge)) is not None:
        raise UsageError(
            problem, hint="experiments: {steering: {judge: {kind: keyword, ...}}} in the study file"
        )


def asked_of(
    plan: CollectPlan, base: BaseModel, completions: int, max_new_tokens: int | None = None
) -> list[Asked]:
    """`completions` of the plan's scenarios (controls apart), spread evenly, with seeds of their own. Raises UsageError for fewer than scenarios."""
    scenarios = [one for one in plan.scenarios if not one.control]
    if completions < len(scenarios):
        raise UsageError(
            f"{completions} completions of {len(scenarios)} scenarios, expected at least one of each"
        )
    each, rest = divmod(completions, len(scenarios))
    found = []
    for number, scenario in enumerate(scenarios):
        prompt = tuple(prompt_ids(base.tokenizer, scenario, chat=plan.chat))
        decoding = scenario.decoding(plan.decoding)
        if max_new_tokens is not None:
            decoding = decoding.model_copy(update={"max_new_tokens": max_new_tokens})
        for index in range(each + (number < rest)):
            seed = completion_seed(plan.seed, f"{DRAWN_FOR}\n{scenario.key}", index)
            found.append(Asked(f"{scenario.key}/{index:04d}", scenario, Draw(prompt, seed, decoding)))
    return found


def nothing_remembered(_: str, compute: Callable[[], Labels]) -> Labels:
    """Everything is labelled now."""
    return compute()


def steer(
    base: BaseModel,
    asked: Sequence[Asked],
    judge: Judge,
    steered: Steered,
    *,
    remember: Remember = nothing_remembered,
    report: Progress = silent,
) -> list[Steering]:
    """One result for each direction of `steered`: rates of its label at each dose, tests against alpha 0 and of the trend, random directions beside.

    Random directions are run at the largest and the smallest alpha alone. Raises UsageError for a judge that is not local, and for no dose but 0.
    """
    check_judge(judge)
    doses = steered.doses
    ends = (doses[0], doses[-1])
    total = (
        1
        + len(steered.directions) * (len(doses) - 1)
        + len(CONTROLS) * steered.controls * len([alpha for alpha in ends if alpha])
    )
    runs = _Runs(base, asked, judge, steered, remember, report, total)
    controls = {
        kind: [
            {alpha: runs.labels(f"{kind} {number}", one.unit, alpha) for alpha in ends}
            for number, one in enumerate(random_directions(steered.x, steered.controls, kind))
        ]
        for kind in CONTROLS
    }
    raw = next((one.unit for one in steered.directions if one.name == RAW), None)
    return [
        _result(
            one,
            {alpha: runs.labels(one.name, one.unit, alpha) for alpha in doses},
            controls,
            raw,
            runs,
        )
        for one in steered.directions
    ]


@dataclass
class _Runs:
    base: BaseModel
    asked: Sequence[Asked]
    judge: Judge
    steered: Steered
    remember: Remember
    report: Progress
    total: int
    done: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.prompts = Prompts(self.base)
        longest = max(len(one.draw.prompt) for one in self.asked)
        self.size = batch_size_for(
            self.base, longest, max(one.draw.decoding.max_new_tokens for one in self.asked)
        )

    def labels(self, name: str, unit: Floats, alpha: float) -> Labels:
        """Of every completion with alpha times the direction added; without alpha, of nothing added."""
        key = f"{name}, alpha {alpha:g}" if alpha else "alpha 0"
        found = self.remember(key, lambda: self._labelled(unit, alpha))
        self.done.add(key)
        self.report(Event("steering", len(self.done), self.total, key))
        return found

    def _labelled(self, unit: Floats, alpha: float) -> Labels:
        import torch

        vector = torch.from_numpy((alpha * self.steered.dose.length * unit).astype(np.float32))
        changes = {self.steered.place.hf_hook_name: adding(vector)} if alpha else {}
        replies = []
        for start in range(0, len(self.asked), self.size):
            part = self.asked[start : start + self.size]
            drawn = sample(self.base, [one.draw for one in part], self.prompts, changes=changes)
            replies += [
                Reply(one.completion_id, one.scenario, text.text)
                for one, text in zip(part, drawn, strict=True)
            ]
        return [verdict.label for verdict in self.judge.judge(replies)]


def _result(
    direction: Direction,
    labels: dict[float, Labels],
    controls: dict[str, list[dict[float, Labels]]],
    raw: Floats | None,
    runs: _Runs,
) -> Steering:
    label = runs.steered.label
    alphas = sorted(labels)
    values = np.array([scores(labels[alpha], label) for alpha in alphas])
    own = effect(labels, label)
    return Steering(
        sae_id=runs.steered.sae_id if direction.of_sae else None,
        direction=direction.name,
        label=label,
        cosine=None if raw is None or direction.name == RAW else float(np.clip(direction.unit @ raw, -1, 1)),
        cosine_to=None if raw is None or direction.name == RAW else RAW,
        doses=_doses(labels, label, runs.steered.dose),
        p_value=trend(values, np.array(alphas)),
        test=TREND,
        effect=own,
        controls=[_control(kind, several, own, label) for kind, several in controls.items() if several],
        hook_name=runs.steered.place.hook_name,
        completions=len(runs.asked),
        judge=runs.judge.name,
    )


def _doses(labels: dict[float, Labels], label: str, dose: Dose) -> list[SteeringDose]:
    changed = {alpha: _changed(labels[0.0], found, label) for alpha, found in labels.items() if alpha}
    p_values = {alpha: mcnemar(*both) for alpha, both in changed.items()}
    corrected = dict(zip(p_values, holm(list(p_values.values())), strict=True))
    found = []
    for alpha in sorted(labels):
        decided = [one for one in labels[alpha] if one is not None]
        n, all_of_them = len(decided), len(labels[alpha])
        if not n:
            continue  # no rate: that nothing was decided is said where the doses are counted
        named = decided.count(label)
        found.append(
            SteeringDose(
                alpha=alpha,
                rate=named / n,
                n=n,
                undecided=1 - n / all_of_them,
                share_of_norm=dose.share(alpha),
                bounds=(named / all_of_them, (named + all_of_them - n) / all_of_them),
                changed=changed.get(alpha),
                p_value=p_values.get(alpha),
                corrected=corrected.get(alpha),
            )
        )
    return found


def _changed(before: Labels, after: Labels, label: str) -> tuple[int, int]:
    both = [
        (one == label, other == label)
        for one, other in zip(before, after, strict=True)
        if None not in {one, other}
    ]
    return both.count((False, True)), both.count((True, False))


def _control(kind: str, several: list[dict[float, Labels]], own: float, label: str) -> SteeringControl:
    effects = [effect(one, label) for one in several]
    beyond = sum(abs(one) >= abs(own) - 1e-12 for one in effects)
    # at alpha 0 nothing is added: what is said there is said of no direction
    told = [one for labels in several for alpha, found in labels.items() if alpha for one in found]
    return SteeringControl(
        kind=kind,
        effects=effects,
        undecided=told.count(None) / len(told),
        p_value=(1 + beyond) / (1 + len(effects)),
    )


def scores(labels: Labels, label: str) -> NDArray[np.float64]:
    """1 for the label, 0 for the other, a half for neither."""
    return np.array([0.5 if one is None else float(one == label) for one in labels])


def effect(labels: dict[float, Labels], label: str) -> float:
    """Mean score at the largest alpha less that at the smallest."""
    return float(scores(labels[max(labels)], label).mean() - scores(labels[min(labels)], label).mean())


def mcnemar(gained: int, lost: int) -> float:
    """Exact and two-sided: of `gained` and `lost` each is as likely where nothing has an effect (McNemar 1947)."""
    from scipy.stats import binomtest

    return float(binomtest(gained, gained + lost).pvalue) if gained + lost else 1.0


def holm(p_values: Sequence[float]) -> list[float]:
    """Each p corrected for all of them (Holm 1979), in their order."""
    order = np.argsort(p_values, kind="stable")
    found, largest = [0.0] * len(p_values), 0.0
    for rank, place in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[place]))
        found[place] = largest
    return found


def trend(values: NDArray[np.float64], alphas: NDArray[np.float64]) -> float:
    """p of sum over seeds and doses of (alpha - mean) score, values (doses, seeds), where the doses of each seed are permuted; (1 + b) / (1 + B)."""
    weights = alphas - alphas.mean()
    own = abs(float(weights @ values.sum(axis=1)))
    generator, beyond = np.random.default_rng(SEED), 0
    for _ in range(SHUFFLES):
        beyond += abs(float(weights @ generator.permuted(values, axis=0).sum(axis=1))) >= own - 1e-9
    return (1 + beyond) / (1 + SHUFFLES)
