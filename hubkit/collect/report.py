"""The pool report, from the completions and the manifest. Torch-free."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from hubkit.collect.agreement import judge_warnings
from hubkit.collect.completions import read_completions
from hubkit.collect.texts import REFUSALS, texts_of, words_of
from hubkit.errors import IncompleteError
from hubkit.measures.shares import cramers_v, newcombe, t_interval
from hubkit.release.agreement import Agreement
from hubkit.release.layout import AGREEMENT, COMPLETIONS, POOL_REPORT
from hubkit.release.pool_report import PoolReport, ScenarioReport, Turned, TurnedMean

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from hubkit.collect.completions import Completion
    from hubkit.collect.plan import CollectPlan
    from hubkit.release.pool import PoolManifest

DOMINATES = 2.5
"""Times its equal share, from which one scenario is most of what is learned."""
CONFOUNDED = 0.3
TOO_FEW = 181
"""Decisive completions below which the recipe of a JumpReLU was not seen to converge, and the smallest pool that it was seen on."""
FEW_SCENARIOS = 12
"""Fewer cannot carry a test over scenarios."""
DUPLICATED = 0.05


def keep_report(plan: CollectPlan, out: Path, manifest: PoolManifest) -> PoolReport:
    """The report of the pool in `out`: the one that is there if it is of this pool, else written anew."""
    path, judges = out / POOL_REPORT, Agreement.load_ours(out / AGREEMENT)
    try:
        found = PoolReport.load(path)
        if found.pool_sha256 == manifest.inputs_sha256 and found.judges == judges:
            return found
    except IncompleteError:
        pass
    report = pool_report(plan, read_completions(out / COMPLETIONS), manifest, judges)
    report.save(path)
    return report


def pool_report(
    plan: CollectPlan,
    completions: Sequence[Completion],
    manifest: PoolManifest,
    judges: Agreement | None = None,
) -> PoolReport:
    """What the completions of `plan` came to, and what is recorded of their judges."""
    main = [one for one in completions if not one.control]
    decisive = [one for one in main if one.label is not None]
    scenarios = _scenarios(plan, completions)
    table = _table(decisive, plan.labels)
    turned = _turned(scenarios, plan.labels[0])
    report = PoolReport(
        pool_sha256=manifest.inputs_sha256,
        model_name=plan.model_name,
        judge=plan.judge.description,
        labels=plan.labels,
        token_span=plan.token_span,
        pooling=plan.pooling,
        d_in=manifest.d_in,
        sampled=len(main),
        decisive=len(decisive),
        counts=_counted(decisive, plan.labels),
        n_effective=round(float(sum(2 * a * b / (a + b) for a, b in table)), 1),
        confounding=cramers_v(table),
        texts=texts_of(main),
        refusal_phrases=list(REFUSALS),
        words=words_of(decisive, plan.labels),
        scenarios=scenarios,
        turned=turned,
        turned_mean=_turned_mean(turned),
        judges=judges,
        warnings=[],
    )
    return report.model_copy(update={"warnings": warnings_of(report)})


def warnings_of(report: PoolReport) -> list[str]:
    """What a reader must know before training on the pool, or reading a number from it."""
    n, found = report.decisive, []
    if n < TOO_FEW:
        found.append(f"few decisive completions: {n}, fewer than {TOO_FEW}")
    if n < report.d_in:
        found.append(
            f"fewer rows than dimensions: {n} rows of {report.d_in}, so that a linear probe fits any labels, and a dictionary overfits"
        )
    if report.sampled and n < report.sampled / 2:
        found.append(
            f"{1 - n / report.sampled:.0%} of the completions are ambiguous: the pool is of those that a judge could decide, not of what the model says"
        )
    by_scenario: Counter[str] = Counter()
    both: dict[str, set[str]] = {}
    for one in report.main:
        by_scenario[one.scenario_id] += one.decisive
        both.setdefault(one.scenario_id, set()).update(name for name, count in one.counts.items() if count)
    name, most = by_scenario.most_common(1)[0]
    if len(by_scenario) > 1 and n and most > n * min(DOMINATES / len(by_scenario), 0.9):
        found.append(f"one scenario dominates: {name} has {most} of {n} decisive completions")
    if none := [name for name, count in by_scenario.items() if not count]:
        found.append(f"no decisive completion of {', '.join(none)}: losing a scenario is a selection")
    contrasting = sum(len(names) == 2 for names in both.values())
    if contrasting < FEW_SCENARIOS:
        found.append(
            f"{contrasting} scenarios have both labels, fewer than {FEW_SCENARIOS}: no test over scenarios can tell"
        )
    if report.confounding is not None and report.confounding > CONFOUNDED:
        found.append(
            f"label and scenario are confounded (Cramér's V {report.confounding:.2f}): what tells scenarios apart tells the labels too"
        )
    lower = min(report.counts.values(), default=0)
    if n and lower < n / 5:
        found.append(f"unbalanced labels: {lower} of {n} have the rarer one")
    judges = judge_warnings(report.judges) if report.judges is not None else []
    return found + judges + _text_warnings(report) + _control_warnings(report)


def _text_warnings(report: PoolReport) -> list[str]:
    texts, found = report.texts, []
    if texts.duplicates > DUPLICATED * texts.completions:
        found.append(
            f"{texts.duplicates} completions repeat another of the same prompt word for word: the same text is on both sides of a fold"
        )
    if texts.refusals > DUPLICATED * texts.completions:
        found.append(f"{texts.refusals} completions begin like a refusal")
    if texts.empty:
        found.append(f"{texts.empty} completions are empty")
    if texts.repetitive > DUPLICATED * texts.completions:
        found.append(f"{texts.repetitive} completions say the same again and again")
    if report.words.interval is not None and report.words.interval[0] > 0.5:
        found.append(
            f"the words beside the committing one tell the labels apart (balanced accuracy {report.words.value:.2f}): a probe must do better than they"
        )
    return found


def _control_warnings(report: PoolReport) -> list[str]:
    found, mean = [], report.turned_mean
    if mean is None:
        found.append(
            "no scenario with its facts turned around: whether the labels follow the facts is not known"
        )
    elif mean.interval is not None and mean.interval[0] <= 0 <= mean.interval[1]:
        found.append(
            f"turning the facts around does not move the labels ({mean.mean:+.2f}, 95 % {mean.interval[0]:+.2f} to {mean.interval[1]:+.2f}): "
            "they say which word was sampled, not what the model takes to be true"
        )
    elif mean.mean is not None and abs(mean.mean) < 0.5:
        found.append(
            f"turning the facts around moves the labels only a little ({mean.mean:+.2f} of {report.labels[0]}, in {max(mean.fall, mean.rise)} of "
            f"{mean.scenarios} scenarios the same way): most of what a label says is which word was sampled"
        )
    return found


def _scenarios(plan: CollectPlan, completions: Sequence[Completion]) -> list[ScenarioReport]:
    found = []
    for scenario in plan.scenarios:
        own = [
            one
            for one in completions
            if (one.scenario_id, one.variant) == (scenario.scenario_id, scenario.variant)
        ]
        decisive = [one for one in own if one.label is not None]
        if own:
            found.append(
                ScenarioReport(
                    scenario_id=scenario.scenario_id,
                    variant=scenario.variant,
                    family=scenario.family,
                    control=scenario.control,
                    meanings=scenario.labels,
                    sampled=len(own),
                    decisive=len(decisive),
                    counts=_counted(decisive, plan.labels),
                    texts=texts_of(own),
                )
            )
    return found


def _counted(decisive: Sequence[Completion], labels: tuple[str, str]) -> dict[str, int]:
    counted = Counter(one.label for one in decisive)
    return {label: counted[label] for label in labels}


def _table(decisive: Sequence[Completion], labels: tuple[str, str]) -> list[tuple[int, int]]:
    """Of each scenario the completions of either label."""
    counted = Counter((one.scenario_id, one.label) for one in decisive)
    return [
        (counted[name, labels[0]], counted[name, labels[1]]) for name in sorted({name for name, _ in counted})
    ]


def _turned(scenarios: Sequence[ScenarioReport], label: str) -> list[Turned]:
    """Each control with turned facts, beside all wordings of its scenario."""
    found = []
    for control in scenarios:
        if control.control != "turned":
            continue
        told = [one for one in scenarios if one.scenario_id == control.scenario_id and not one.control]
        a, m = sum(one.counts[label] for one in told), sum(one.decisive for one in told)
        b, n = control.counts[label], control.decisive
        known = bool(m and n)
        found.append(
            Turned(
                scenario_id=control.scenario_id,
                told=round(a / m, 4) if m else None,
                turned=round(b / n, 4) if n else None,
                difference=round(b / n - a / m, 4) if known else None,
                interval=newcombe(a, m, b, n) if known else None,
            )
        )
    return found


def _turned_mean(turned: Sequence[Turned]) -> TurnedMean | None:
    differences = [one.difference for one in turned if one.difference is not None]
    if not turned:
        return None
    mean = float(np.mean(differences)) if differences else None
    return TurnedMean(
        scenarios=len(differences),
        fall=sum(one < 0 for one in differences),
        rise=sum(one > 0 for one in differences),
        mean=None if mean is None else round(mean, 4),
        interval=t_interval(differences),
    )
