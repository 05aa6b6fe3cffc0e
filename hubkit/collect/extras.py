"""Rows that are kept beside a pool, by which it can be told what its labels mean: which tokens are run, and which of them are kept. Torch-free."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hubkit.collect.folds import assign_folds
from hubkit.collect.spans import pooled_tokens, tokens_inside
from hubkit.collect.swapped import other_word, replacement
from hubkit.release.pool_extras import ExtraRow, SetName

if TYPE_CHECKING:
    from hubkit.collect.completions import Completion
    from hubkit.collect.plan import CollectPlan
    from hubkit.collect.scenarios import Scenario


@dataclass(frozen=True)
class Asked:
    """One completion of a set: the tokens to run behind its prompt, those of them to keep, and the rows that this gives."""

    completion: Completion
    token_ids: tuple[int, ...]
    kept: tuple[int, ...]
    rows: tuple[ExtraRow, ...]


@dataclass(frozen=True)
class AskedSet:
    """What is to be taken for one set."""

    name: SetName
    each: bool
    """Whether every kept token is a row of its own; else they are pooled as the pool is."""
    asked: tuple[Asked, ...]
    without: int
    """Completions that give no row."""


def extra_sets(plan: CollectPlan, tokenizer: Any, completions: Sequence[Completion]) -> list[AskedSet]:
    """The sets that the plan asks for and some completion has a row of, in the order of their names in `SetName`. `completions` are judged, with their folds."""
    return [one for one in _Sets(plan, tokenizer, completions).all() if one.asked]


class _Sets:
    def __init__(self, plan: CollectPlan, tokenizer: Any, completions: Sequence[Completion]) -> None:
        self.plan, self.tokenizer = plan, tokenizer
        self.scenarios = {(one.scenario_id, one.variant): one for one in plan.scenarios}
        self.main = [one for one in completions if one.decisive]
        decided = [one for one in completions if one.control and one.label is not None]
        self.controls = decided if plan.also.controls else []
        self.folds = {one.completion_id: one.split for one in self.main}
        self.folds.update(_folds(plan, self.controls))

    def all(self) -> list[AskedSet]:
        found = [self._set("controls", self.controls, self._pooled)]
        if self.plan.also.distances:
            found.append(self._set("distances", [*self.main, *self.controls], self._at_distances, each=True))
        if "swapped" in self.plan.also.word:
            found.append(self._set("swapped", self.main, self._swapped))
        if "deleted" in self.plan.also.word:
            found.append(self._set("deleted", self.main, self._deleted))
        return found

    def _set(
        self, name: SetName, completions: Sequence[Completion], ask: Any, *, each: bool = False
    ) -> AskedSet:
        asked = [one for completion in completions if (one := ask(completion)) is not None]
        each = each or self.plan.pooling == "all"
        return AskedSet(name, each, tuple(asked), len(completions) - len(asked))

    def _scenario(self, one: Completion) -> Scenario:
        return self.scenarios[one.scenario_id, one.variant]

    def _row(self, one: Completion, **said: Any) -> ExtraRow:
        return ExtraRow(
            completion_id=one.completion_id,
            scenario_id=one.scenario_id,
            variant=one.variant,
            control=self._scenario(one).control,
            label=str(one.label),
            split=self.folds.get(one.completion_id),
            **said,
        )

    def _kept(
        self, one: Completion, tokens: Sequence[int], kept: tuple[int, ...], **said: Any
    ) -> Asked | None:
        """Pooled as the pool is; None where there is nothing to pool."""
        each = kept if self.plan.pooling == "all" else (None,)
        rows = tuple(self._row(one, token=token, **said) for token in each)
        return Asked(one, tuple(tokens), kept, rows) if kept else None

    def _pooled(self, one: Completion) -> Asked | None:
        kept = pooled_tokens(self.plan, self.tokenizer, one.token_ids, one.commit_span)
        return self._kept(one, one.token_ids, kept)

    def _word(self, one: Completion) -> tuple[int, int] | None:
        """Tokens of the committing word, start and end."""
        if one.commit_span is None:
            return None
        inside = tokens_inside(self.tokenizer, one.token_ids, one.commit_span)
        return (inside[0], inside[-1] + 1) if inside else None

    def _at_distances(self, one: Completion) -> Asked | None:
        word = self._word(one)
        if word is None:
            return None
        at = {word[1] - 1 + far: far for far in sorted(self.plan.also.distances)}
        kept = tuple(token for token in at if token < len(one.token_ids))
        rows = tuple(self._row(one, distance=at[token], token=token) for token in kept)
        return Asked(one, one.token_ids, kept, rows) if kept else None

    def _swapped(self, one: Completion) -> Asked | None:
        word = self._word(one)
        if word is None or one.commit_span is None:
            return None
        other = other_word(one, self.plan.judge.words(self._scenario(one)))
        by = (
            None
            if other is None
            else replacement(self.tokenizer, one.token_ids, word, one.commit_span, other)
        )
        return None if by is None else self._changed(one, word, by)

    def _deleted(self, one: Completion) -> Asked | None:
        word = self._word(one)
        return None if word is None else self._changed(one, word, ())

    def _changed(self, one: Completion, word: tuple[int, int], by: tuple[int, ...]) -> Asked | None:
        """The tokens with others in place of the word; kept are those that were pooled, where they stand now."""
        start, end = word
        pooled = pooled_tokens(self.plan, self.tokenizer, one.token_ids, one.commit_span)
        inside = range(start, start + len(by)) if any(start <= token < end for token in pooled) else ()
        before = [token for token in pooled if token < start]
        behind = [token - (end - start) + len(by) for token in pooled if token >= end]
        tokens = [*one.token_ids[:start], *by, *one.token_ids[end:]]
        return self._kept(one, tokens, (*before, *inside, *behind), replaced=word, by=by)


def _folds(plan: CollectPlan, controls: Sequence[Completion]) -> Mapping[str, str]:
    """The folds of controls, those of one kind among themselves; none where they are fewer than folds."""
    kinds: dict[str, list[Completion]] = defaultdict(list)
    for one in controls:
        kinds[one.control].append(one)
    found: dict[str, str] = {}
    for kind in kinds.values():
        if len(kind) >= plan.folds:
            ids = [one.completion_id for one in kind]
            strata = [(one.scenario_id, str(one.label)) for one in kind]
            found |= dict(zip(ids, assign_folds(ids, strata, folds=plan.folds, seed=plan.seed), strict=True))
    return found
