"""A judge that errs on purpose at a known rate, so that a study has a known ceiling: no probe can be right more often than 1 - rate."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from hubkit.collect.judges.judgement import Judgement
from hubkit.collect.judges.keyword import KeywordJudge

RESOLUTION = 1 << 64


class NoisyJudge(BaseModel):
    """Another judge's verdict, its label swapped for the other one with probability `rate`.

    Whether a text is swapped is read off sha256(seed, text): fixed for the text, unrelated to everything about it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["noisy"] = "noisy"
    judge_without_noise: KeywordJudge
    rate: float = Field(ge=0, lt=0.5)
    seed: int = 0

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
    def labels(self) -> frozenset[str]:
        """The labels of the judge that it wraps."""
        return self.judge_without_noise.labels

    def judge(self, text: str) -> Judgement:
        """The verdict on one completion; `label_unflipped` and `reason` are those of the judge without noise."""
        verdict = self.judge_without_noise.judge(text)
        if verdict.label is None or not self._flips(text):
            return verdict
        (other,) = self.labels - {verdict.label}
        return replace(verdict, label=other)

    def _flips(self, text: str) -> bool:
        digest = hashlib.sha256(f"{self.seed}\n{text}".encode()).digest()
        return int.from_bytes(digest[:8], "big") < self.rate * RESOLUTION
