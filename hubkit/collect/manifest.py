"""What the manifest of a pool says by the plan and the labelled completions, wherever its activations came from. Torch-free."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hubkit.release.pool import PoolRow, PoolScenario

if TYPE_CHECKING:
    from hubkit.collect.completions import Completion
    from hubkit.collect.plan import CollectPlan
    from hubkit.collect.scenarios import Scenario

Pooled = Mapping[str, tuple[int, ...]]
"""completion_id -> positions of the tokens to pool."""


def described(plan: CollectPlan, completions: Sequence[Completion], pooled: Pooled) -> dict[str, Any]:
    """Fields of `PoolManifest`."""
    return {
        "pooling": plan.pooling,
        "token_span": plan.token_span,
        "labels": plan.labels,
        "judge": plan.judge.name,
        "rows": _rows(plan, completions, pooled),
        "scenarios": _scenarios(plan, completions),
    }


def _rows(plan: CollectPlan, completions: Sequence[Completion], pooled: Pooled) -> list[PoolRow]:
    """One for each decisive completion, or for each of its pooled tokens."""
    return [
        PoolRow(
            completion_id=one.completion_id,
            scenario_id=one.scenario_id,
            variant=one.variant,
            label=str(one.label),
            split=str(one.split),
            token=token,
        )
        for one in completions
        if one.decisive
        for token in (pooled[one.completion_id] if plan.pooling == "all" else (None,))
    ]


def _scenarios(plan: CollectPlan, completions: Sequence[Completion]) -> list[PoolScenario]:
    """Every scenario in the order of the plan, with what was sampled of it and what was decided; controls are none."""
    sampled = Counter(one.scenario_id for one in completions if not one.control)
    decisive = Counter(one.scenario_id for one in completions if one.decisive)
    own: dict[str, list[Scenario]] = {}
    for one in plan.scenarios:
        own.setdefault(one.scenario_id, []).append(one)
    return [
        PoolScenario(
            scenario_id=name,
            sampled=count,
            decisive=decisive[name],
            family=next((one.family for one in own.get(name, ()) if one.family), ""),
            words=_words(plan, own.get(name, ())),
        )
        for name, count in sampled.items()
    ]


def _words(plan: CollectPlan, wordings: Iterable[Scenario]) -> list[str]:
    """Of both labels, in every wording."""
    said = (words for one in wordings for words in plan.judge.words(one).values())
    return sorted({word for several in said for word in several})
