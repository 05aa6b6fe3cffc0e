"""What a judge says, and what a judge is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


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


class Judge(Protocol):
    """A pure function of the text: the same text has the same verdict, in any order, in any run."""

    @property
    def name(self) -> str:
        """Short, with its settings where they matter: it goes into the manifest."""
        ...

    @property
    def labels(self) -> frozenset[str]:
        """The labels it can give."""
        ...

    def judge(self, text: str) -> Judgement:
        """The verdict on one completion (without its prompt)."""
        ...
