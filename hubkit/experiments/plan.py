"""Which experiments a study makes with its base model, as its file writes them. Torch-free."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from hubkit.collect.judges import AnyJudge, NoisyJudge, TextJudge
from hubkit.inference.precision import Precision

if TYPE_CHECKING:
    from hubkit.collect.judges import Judge

TOKENS = 20_480
"""As many as SAELens takes for its losses."""


def judge_problem(judge: Judge) -> str | None:
    """Why a judge is none for steering: it costs money or time, or waits for somebody, and thousands of completions are labelled. None where it is one."""
    if isinstance(judge, TextJudge | NoisyJudge):
        return None
    return (
        f"the judge {judge.name} does not look at a text by itself on this machine, and steering labels thousands of completions; "
        "expected one of its own that does: judge: {kind: keyword, ...}"
    )


class SteeringPlan(BaseModel):
    """Along what is steered, how strongly, and on how many completions."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    saes: tuple[str, ...] = Field(min_length=1)
    """Their ids, as `hubkit train` names them."""
    alphas: tuple[float, ...] = (-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0)
    """Times the raw difference of means; 0 is added where it is not among them."""
    completions: int = Field(default=96, gt=0)
    """At each alpha, of the same seeds; spread over the scenarios."""
    controls: int = Field(default=20, ge=0)
    """Random directions of either kind, at the largest and the smallest alpha. With fewer than 20 no direction is beyond 95 % of them."""
    latents: int = Field(default=0, ge=0)
    """How many single latents are steered along: those with the largest |d| on the SAE's rows."""
    judge: AnyJudge | None = None
    """Who labels these completions; by default the study's. One that looks at a text by itself, on this machine."""
    max_new_tokens: int | None = Field(default=None, gt=0)
    """Length of these completions; by default the study's."""

    @model_validator(mode="after")
    def _can_be_done(self) -> Self:
        if not any(self.alphas):
            raise ValueError("alphas: no alpha but 0, expected some such as [-1, -0.5, 0, 0.5, 1]")
        if self.judge is not None and (problem := judge_problem(self.judge)):
            raise ValueError(problem)
        return self


class ModelExperiments(BaseModel):
    """What is done with the base model once the SAEs are there."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    steering: SteeringPlan | None = None
    """Adding directions to the activations that an SAE reads."""
    precisions: tuple[Precision, ...] = ()
    """In which the pool's tokens are run again, for every SAE: `[bfloat16, int8, nf4, Q4_0]`. What this machine cannot do is said to be not measured."""
    spliced: bool | int = False
    """Run the model on the pool's completions with each SAE in the place of its activations: on 20,480 tokens (`true`), or on as many as it says."""

    @property
    def tokens(self) -> int:
        """For `spliced`; 0 for none."""
        return TOKENS if self.spliced is True else int(self.spliced)

    @property
    def needs_model(self) -> bool:
        """Whether anything is asked for."""
        return bool(self.steering or self.precisions or self.tokens)
