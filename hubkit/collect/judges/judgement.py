"""What a judge is: completions in, verdicts out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from hubkit.collect.scenarios import Scenario


@dataclass(frozen=True)
class Reply:
    """One completion as a judge sees it: what was asked, and what came. Never the label that another judge gave."""

    completion_id: str
    scenario: Scenario
    text: str
    """The completion, without its prompt."""


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


class Judge(BaseModel, ABC):
    """A judge with its settings, as a study file writes it: its fields are the settings, `kind` names it.

    The verdict on a completion depends on the completion and the settings, not on what it is judged together with.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

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

    @abstractmethod
    def judge(self, replies: Sequence[Reply]) -> list[Judgement]:
        """One verdict for each reply, in their order."""


class TextJudge(Judge):
    """A judge that looks at the text alone, one at a time, in next to no time."""

    @abstractmethod
    def judge_text(self, text: str) -> Judgement:
        """The verdict on one completion (without its prompt)."""

    def judge(self, replies: Sequence[Reply]) -> list[Judgement]:
        """One verdict for each reply, in their order."""
        return [self.judge_text(reply.text) for reply in replies]
