"""A judge that errs on purpose at a known rate, so that a study has a known ceiling: no probe can be right more often than 1 - rate."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from pydantic import Field, model_validator

from hubkit.collect.judges.judgement import Judge, Judgement, Reply
from hubkit.collect.judges.keyword import KeywordJudge
from hubkit.collect.scenarios import Scenario

RESOLUTION = 1 << 64


class NoisyJudge(Judge):
    """Another judge's verdict, its label swapped for the other one with probability `rate`.

    Whether a text is swapped is read off sha256(seed, text): fixed for the text, unrelated to everything about it.
    """

    kind: Literal["noisy"] = "noisy"
    """This judge."""
    judge_without_noise: KeywordJudge
    """Whose verdicts are swapped."""
    rate: float = Field(ge=0, lt=0.5)
    """Share of the labels that are swapped."""
    seed: int = 0
    """Which those are."""

    @model_validator(mode="after")
    def _two_labels(self) -> NoisyJudge:
        if len(self.judge_without_noise.labels) != 2:
            raise ValueError(f"{len(self.judge_without_noise.labels)} labels, expected two to swap")
        return self

    @property
    def name(self) -> str:
        """`keyword, 15 % of the labels flipped`."""
        return f"{self.judge_without_noise.name}, {self.rate:.0%} of the labels flipped".replace("%", " %")

    @property
    def description(self) -> str:
        """That of the judge that it wraps, and how many labels were flipped."""
        flipped = f"{self.rate:.0%} of the labels flipped on purpose".replace("%", " %")
        return f"{self.judge_without_noise.description}, with {flipped}"

    @property
    def labels(self) -> frozenset[str]:
        """The labels of the judge that it wraps."""
        return self.judge_without_noise.labels

    @property
    def batch_size(self) -> int | None:
        """As many as the judge that it wraps."""
        return self.judge_without_noise.batch_size

    def problem(self, scenario: Scenario) -> str | None:
        """That of the judge that it wraps."""
        return self.judge_without_noise.problem(scenario)

    def words(self, scenario: Scenario) -> dict[str, tuple[str, ...]]:
        """Those of the judge that it wraps."""
        return self.judge_without_noise.words(scenario)

    def judge(self, replies: Sequence[Reply]) -> list[Judgement]:
        """One verdict for each; `label_unflipped` and `reason` are those of the judge without noise."""
        verdicts = self.judge_without_noise.judge(replies)
        return [self._flipped(verdict, reply.text) for verdict, reply in zip(verdicts, replies, strict=True)]

    def _flipped(self, verdict: Judgement, text: str) -> Judgement:
        if verdict.label is None or not self._flips(text):
            return verdict
        (other,) = self.labels - {verdict.label}
        return replace(verdict, label=other)

    def _flips(self, text: str) -> bool:
        digest = hashlib.sha256(f"{self.seed}\n{text}".encode()).digest()
        return int.from_bytes(digest[:8], "big") < self.rate * RESOLUTION
