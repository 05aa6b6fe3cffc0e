"""What a judge is: completions in, verdicts out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict

from hubkit.collect.scenarios import Scenario

Lost = Literal["timeout", "refusal", "no answer", "error", "not filled in"]
"""Why there is no verdict, where that says nothing of the completion: the judge gave none."""


@dataclass(frozen=True)
class Reply:
    """One completion as a judge sees it: what was asked, and what came. Never the label that another judge gave."""

    completion_id: str
    scenario: Scenario
    text: str
    """The completion, without its prompt."""

    @property
    def situation(self) -> list[tuple[str, str]]:
        """What the completion goes on from, part by part: who says it, and what. No name of the scenario and none of its notes: they may say
        what is expected."""
        scenario = self.scenario
        turns: list[tuple[str, str]] = [(one.role, one.content) for one in scenario.messages] or [
            ("prompt", scenario.prompt)
        ]
        parts = [("system", scenario.system or ""), *turns, ("begun answer", scenario.prefill)]
        return [(who, said) for who, said in parts if said]


@dataclass(frozen=True)
class Judgement:
    """The verdict on one completion."""

    label: str | None
    """The study's own name of the behaviour; None when it cannot be told."""
    reason: str
    commit_span: tuple[int, int] | None = None
    """Characters of the completion, start and end, in which it commits to the behaviour."""
    label_unflipped: str | None = None
    """What the label would be without noise added on purpose; the same as `label` for every other judge."""
    lost: Lost | None = None
    """Why the judge gave no verdict; None where it did, also where that was that the completion is ambiguous."""
    by: str = ""
    """What answered, as it says of itself: a model and its version."""
    tokens: int = 0
    """What the answer cost: this completion's share of the tokens of its requests, of prompt and answer."""
    requests: int = 0
    """How many requests were made, of which this completion was the first or the only one."""


class Judge(BaseModel, ABC):
    """A judge with its settings, as a study file writes it: its fields are the settings, `kind` names it.

    The verdict on a completion depends on the completion and the settings, not on what it is judged together with.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    how: ClassVar[frozenset[str]] = frozenset()
    """Settings that say how it is asked, and not what it answers: with others its verdicts stand."""

    @property
    @abstractmethod
    def name(self) -> str:
        """Short, with its settings where they matter: it goes into the manifest."""

    @property
    def description(self) -> str:
        """Who decides, in the words of a card."""
        return self.name

    @property
    @abstractmethod
    def labels(self) -> frozenset[str]:
        """The labels it can give."""

    @property
    def batch_size(self) -> int | None:
        """How many it wants at once, None for all. After each batch its verdicts are on disk: a killed run goes on behind it."""
        return None

    @property
    def remembers(self) -> bool:
        """Whether what it said once stands: then it is not asked again. Not where its answers lie in a file that a person still edits."""
        return True

    @property
    def asked_again(self) -> float:
        """Share of the completions that it is asked for a second time, among others than before: its labels should not depend on them."""
        return 0.0

    @property
    def members(self) -> tuple[Judge, ...]:
        """The judges that it asks, each by itself; none for a judge that judges."""
        return ()

    def in_folder(self, _folder: Path) -> Self:
        """The same judge, its files looked for in the work folder."""
        return self

    @property
    def file(self) -> Path | None:
        """What a person fills in for it; None where nobody does."""
        return None

    @property
    def state_sha256(self) -> str | None:
        """Digest of what its verdicts depend on beside its settings: a file that somebody fills in. None where there is nothing."""
        return None

    def settings(self) -> dict[str, Any]:
        """What decides its verdicts, as JSON has it."""
        return self.model_dump(mode="json", exclude=set(self.how))

    def problem(self, _scenario: Scenario) -> str | None:
        """Why it cannot judge completions of a scenario; None where it can."""
        return None

    def words(self, scenario: Scenario) -> dict[str, tuple[str, ...]]:
        """Label to the words that say it in completions of a scenario: its anchors, where a judge has none of its own."""
        return dict(scenario.anchors)

    def stops(self, _known: Sequence[Judgement]) -> str | None:
        """Why it is asked no more, by what it has said so far (a cap on what it costs); None where it goes on."""
        return None

    @abstractmethod
    def judge(self, replies: Sequence[Reply]) -> list[Judgement]:
        """One verdict for each reply, in their order."""


class GroupJudge(Judge):
    """A judge of members, each of which is asked by itself."""

    @abstractmethod
    def combined(self, said: Sequence[Judgement]) -> Judgement:
        """The verdict on one completion from those of the members, in their order."""


class TextJudge(Judge):
    """A judge that looks at the text alone, one at a time, in next to no time."""

    @abstractmethod
    def judge_text(self, text: str) -> Judgement:
        """The verdict on one completion (without its prompt)."""

    def judge(self, replies: Sequence[Reply]) -> list[Judgement]:
        """One verdict for each reply, in their order."""
        return [self.judge_text(reply.text) for reply in replies]
