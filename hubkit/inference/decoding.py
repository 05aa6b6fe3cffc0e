"""How completions are drawn from a model. Torch-free, so that a plan can name it."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class Decoding(BaseModel):
    """Settings of one draw."""

    model_config = ConfigDict(frozen=True)

    temperature: float = Field(default=1.0, ge=0)
    """0 is greedy."""
    top_p: float = Field(default=1.0, gt=0, le=1)
    """Only the likeliest tokens that have this probability together."""
    max_new_tokens: int = Field(gt=0)
    stop: tuple[str, ...] = ()
    """A completion ends with the token that completes one of these; what is said of a completion (tokens, text) holds that token."""
