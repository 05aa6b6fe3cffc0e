"""What a study asks to have kept beside its pool, as a study file writes it. Torch-free."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

VERSION = 1
"""Rises when the same plan would give other rows."""
Distance = Annotated[int, Field(ge=0)]


class Also(BaseModel):
    """Activations that say what the labels mean; none of them is a row of the pool."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    controls: bool = True
    """Of the controls' decided completions, pooled as the pool is, where the study has controls."""
    distances: tuple[Distance, ...] = Field(default=(), strict=False)
    """Of single tokens: 0 is the last one of the committing word, n the n-th behind it. `[0, 1, 3, 10]` shows how fast the word is forgotten."""
    word: tuple[Literal["swapped", "deleted"], ...] = Field(default=(), strict=False)
    """The pool's completions run again with the committing word of the other label in place of theirs, or with none."""

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        for name, given in (("distances", self.distances), ("word", self.word)):
            if len(set(given)) != len(given):
                raise ValueError(f"{name} {list(given)}, expected each once")
        return self
