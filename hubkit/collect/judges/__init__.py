"""Who says which behaviour a completion shows: one file per judge, each added to `AnyJudge`. Torch-free."""

from __future__ import annotations

from typing import Annotated

from pydantic import Discriminator

from hubkit.collect.judges.judgement import Judge, Judgement
from hubkit.collect.judges.keyword import KeywordJudge
from hubkit.collect.judges.noisy import NoisyJudge

AnyJudge = Annotated[KeywordJudge | NoisyJudge, Discriminator("kind")]
"""A judge with its settings, as a study file writes it."""

__all__ = ["AnyJudge", "Judge", "Judgement", "KeywordJudge", "NoisyJudge"]
