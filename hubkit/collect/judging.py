"""From sampled completions to labelled ones: the verdict, the tokens to pool, the fold. Torch-free."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hubkit.collect.completions import Completion
from hubkit.collect.folds import assign_folds
from hubkit.collect.judges import Reply
from hubkit.collect.spans import pooled_tokens
from hubkit.collect.verdicts import verdicts_of
from hubkit.engine.events import Progress, silent
from hubkit.errors import HubkitError
from hubkit.release.layout import COMPLETIONS

if TYPE_CHECKING:
    from pathlib import Path

    from hubkit.collect.plan import CollectPlan


def judge_completions(
    plan: CollectPlan, tokenizer: Any, sampled: list[Completion], kept: Path, report: Progress = silent
) -> tuple[list[Completion], dict[str, tuple[int, ...]]]:
    """The completions with their verdicts, and completion_id -> positions of the tokens to pool; `kept` is the judge's file (`verdicts`)."""
    scenarios = {(one.scenario_id, one.variant): one for one in plan.scenarios}
    replies = [Reply(one.completion_id, scenarios[one.scenario_id, one.variant], one.text) for one in sampled]
    verdicts = verdicts_of(plan.judge, replies, kept, report)
    judged, pooled = [], {}
    for completion, verdict in zip(sampled, verdicts, strict=True):
        label, unflipped, reason = verdict.label, verdict.label_unflipped, verdict.reason
        tokens = pooled_tokens(plan, tokenizer, completion.token_ids, verdict.commit_span)
        if label is not None and not tokens:
            label, unflipped, reason = None, None, f"{reason}, but no token in the {plan.token_span}"
        pooled[completion.completion_id] = tokens
        judged.append(
            replace(
                completion,
                label=label,
                label_unflipped=unflipped,
                judge=plan.judge.name,
                reason=reason,
                commit_span=verdict.commit_span,
                split=None,
            )
        )
    return judged, pooled


def split_completions(plan: CollectPlan, completions: list[Completion]) -> list[Completion]:
    """The completions with the fold of each decisive one. Raises HubkitError when one of the labels was never given."""
    decisive = [(one.completion_id, (one.scenario_id, str(one.label))) for one in completions if one.decisive]
    missing = set(plan.labels) - {label for _, (_, label) in decisive}
    if missing:
        raise HubkitError(
            f"{len(completions)} completions, none of them {' or '.join(sorted(missing))}; expected both labels",
            hint=f"look at the reasons in {COMPLETIONS}; another judge, more samples, or other scenarios",
        )
    ids = [completion_id for completion_id, _ in decisive]
    folds = assign_folds(ids, [stratum for _, stratum in decisive], folds=plan.folds, seed=plan.seed)
    fold_of = dict(zip(ids, folds, strict=True))
    return [replace(one, split=fold_of.get(one.completion_id)) for one in completions]
