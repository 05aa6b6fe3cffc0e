"""Several judges who vote. Each is asked by itself, and what each said is kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field, model_validator

from hubkit.collect.judges.judgement import GroupJudge, Judge, Judgement, Reply
from hubkit.collect.scenarios import Scenario

if TYPE_CHECKING:
    from pathlib import Path

    Member = Judge
LEAST = 2
"""Members that must have answered: one alone is no consortium."""


class ConsortiumJudge(GroupJudge):
    """A label that more than half of the members give who answered, or all of them.

    Ambiguous is an answer, and a vote against every label; a member that gave no verdict (a timeout, a refusal, a row that is not filled in)
    has no vote. `unanimity` needs the answer of every member.
    """

    kind: Literal["consortium"] = "consortium"
    """This judge."""
    judges: tuple[Member, ...] = Field(min_length=2)
    """Its members, of any kind but this one."""
    rule: Literal["majority", "unanimity"] = "majority"
    """How many members must agree."""

    @model_validator(mode="after")
    def _members_fit_together(self) -> Self:
        names = [judge.name for judge in self.judges]
        if len(set(names)) != len(names):
            raise ValueError(f"judges {names}, expected each once")
        if len({judge.labels for judge in self.judges}) != 1:
            told = "; ".join(f"{judge.name}: {', '.join(sorted(judge.labels))}" for judge in self.judges)
            raise ValueError(f"judges of different labels: {told}")
        return self

    @property
    def name(self) -> str:
        """`majority of keyword, llm x, human`."""
        return f"{self.rule} of {', '.join(judge.name for judge in self.judges)}"

    @property
    def description(self) -> str:
        """What the members are, in the words of a card."""
        how = "a majority of" if self.rule == "majority" else "all of"
        return f"{how} {len(self.judges)} judges: {'; '.join(judge.description for judge in self.judges)}"

    @property
    def labels(self) -> frozenset[str]:
        """Those of its members."""
        return self.judges[0].labels

    @property
    def members(self) -> tuple[Judge, ...]:
        """Its judges."""
        return self.judges

    def in_folder(self, folder: Path) -> Self:
        """The same with its members' files below `folder`."""
        return self.model_copy(update={"judges": tuple(judge.in_folder(folder) for judge in self.judges)})

    @property
    def state_sha256(self) -> str | None:
        """Of its members' files."""
        states = [judge.state_sha256 for judge in self.judges]
        return "-".join(state or "" for state in states) if any(states) else None

    def settings(self) -> dict[str, Any]:
        """Its members' settings and the rule."""
        return {"kind": self.kind, "rule": self.rule, "judges": [judge.settings() for judge in self.judges]}

    def problem(self, scenario: Scenario) -> str | None:
        """That of the first member that has one."""
        return next((found for judge in self.judges if (found := judge.problem(scenario))), None)

    def words(self, scenario: Scenario) -> dict[str, tuple[str, ...]]:
        """Those of the first member that has some."""
        return next((found for judge in self.judges if (found := judge.words(scenario))), {})

    def judge(self, replies: Sequence[Reply]) -> list[Judgement]:
        """All members asked at once, nothing kept: `verdicts.verdicts_of` asks each by itself."""
        said = [judge.judge(replies) for judge in self.judges]
        return [self.combined(votes) for votes in zip(*said, strict=True)]

    def combined(self, said: Sequence[Judgement]) -> Judgement:
        """The vote on one completion."""
        told = "; ".join(
            f"{judge.name}: {one.label or one.lost or 'ambiguous'}"
            for judge, one in zip(self.judges, said, strict=True)
        )
        answered = [one for one in said if one.lost is None]
        needed = len(said) if self.rule == "unanimity" else LEAST
        if len(answered) < needed:
            lost = next(one.lost for one in said if one.lost is not None)
            return Judgement(None, told, lost=lost)
        votes = Counter(one.label for one in answered)
        label, count = votes.most_common(1)[0]
        enough = count == len(said) if self.rule == "unanimity" else 2 * count > len(answered)
        if label is None or not enough:
            return Judgement(None, told)
        span = next((one.commit_span for one in answered if one.label == label and one.commit_span), None)
        return Judgement(label, told, span, label)
