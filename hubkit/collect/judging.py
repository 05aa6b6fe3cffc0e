"""From sampled completions to labelled ones: the verdict, the tokens to pool, the fold. Torch-free."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hubkit.collect.agreement import agreement
from hubkit.collect.completions import Completion
from hubkit.collect.folds import assign_folds
from hubkit.collect.judges import Reply
from hubkit.collect.panel import Desk, Panel, ask_panel, write_judgements
from hubkit.collect.spans import pooled_tokens
from hubkit.engine.events import Progress, silent
from hubkit.errors import HubkitError
from hubkit.release.layout import AGREEMENT, JUDGEMENTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hubkit.collect.plan import CollectPlan


def audit(plan: CollectPlan, sampled: Sequence[Completion], desk: Desk, report: Progress = silent) -> Panel:
    """What every judge of the plan says of the completions, written beside them with how far the judges agree (controls
    apart). Asks for what is not kept.

    Nothing is sampled and no model is opened: judges may be added to a pool that is finished.
    """
    scenarios = {(one.scenario_id, one.variant): one for one in plan.scenarios}
    replies = [Reply(one.completion_id, scenarios[one.scenario_id, one.variant], one.text) for one in sampled]
    controls = {one.completion_id for one in sampled if one.control}
    panel = ask_panel(plan.judge, plan.second_judges, replies, desk, report)
    write_judgements(desk.folder / JUDGEMENTS, panel)
    main = {name: scenario for name, scenario in panel.scenarios.items() if name not in controls}
    agreement(replace(panel, scenarios=main)).save(desk.folder / AGREEMENT)
    return panel


def labelled(plan: CollectPlan, sampled: Sequence[Completion], panel: Panel) -> list[Completion]:
    """The completions with the verdicts of the deciding judge."""
    said = panel.deciding.said
    return [
        replace(
            one,
            label=said[one.completion_id].label,
            label_unflipped=said[one.completion_id].label_unflipped,
            judge=plan.judge.name,
            reason=said[one.completion_id].reason,
            commit_span=said[one.completion_id].commit_span,
            split=None,
        )
        for one in sampled
    ]


def judge_completions(
    plan: CollectPlan, tokenizer: Any, sampled: Sequence[Completion], panel: Panel
) -> tuple[list[Completion], dict[str, tuple[int, ...]]]:
    """The labelled completions, and completion_id -> positions of the tokens to pool; a label without such a token is taken away."""
    judged, pooled = [], {}
    for completion in labelled(plan, sampled, panel):
        tokens = pooled_tokens(plan, tokenizer, completion.token_ids, completion.commit_span)
        pooled[completion.completion_id] = tokens
        if completion.label is not None and not tokens:
            reason = f"{completion.reason}, but no token in the {plan.token_span}"
            judged.append(replace(completion, label=None, label_unflipped=None, reason=reason))
        else:
            judged.append(completion)
    return judged, pooled


def split_completions(plan: CollectPlan, completions: list[Completion]) -> list[Completion]:
    """The completions with the fold of each decisive one. Raises HubkitError when one of the labels was never given."""
    decisive = [(one.completion_id, (one.scenario_id, str(one.label))) for one in completions if one.decisive]
    missing = set(plan.labels) - {label for _, (_, label) in decisive}
    if missing:
        raise HubkitError(
            f"{len(completions)} completions, none of them {' or '.join(sorted(missing))}; expected both labels",
            hint=f"look at the reasons in {JUDGEMENTS}; another judge, more samples, other scenarios, or --ask-again where verdicts were lost",
        )
    ids = [completion_id for completion_id, _ in decisive]
    folds = assign_folds(ids, [stratum for _, stratum in decisive], folds=plan.folds, seed=plan.seed)
    fold_of = dict(zip(ids, folds, strict=True))
    return [replace(one, split=fold_of.get(one.completion_id)) for one in completions]
