"""What is put to a model: one prompt of one situation, with how it is sampled where that differs from the study. Torch-free."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from hubkit.errors import UsageError
from hubkit.inference.decoding import Decoding

if TYPE_CHECKING:
    from collections.abc import Iterable

Texts = Annotated[tuple[str, ...], Field(strict=False)]
"""A list in YAML."""
Control = Literal["", "turned", "neutral"]
"""`turned`: the same situation with its facts turned around, where the labels should turn too. `neutral`: a choice between two things in which
nothing is at stake. Controls are sampled and judged for the report, and never rows of the pool."""


class Message(BaseModel):
    """One turn of a conversation that the model goes on with."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, use_attribute_docstrings=True)

    role: Literal["system", "user", "assistant"]
    """Who says it."""
    content: str = Field(min_length=1)
    """What is said."""


class Scenario(BaseModel):
    """One prompt; every completion of it starts from just these tokens."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, use_attribute_docstrings=True)

    scenario_id: str = Field(min_length=1)
    """Its name in every artefact."""
    prompt: str = ""
    """The text, or the user's message where the study uses the chat template."""
    messages: tuple[Message, ...] = Field(default=(), strict=False)
    """A whole conversation in place of `prompt`: always through the tokenizer's chat template."""
    variant: str = ""
    """The wording, where a study puts one situation in several."""
    system: str | None = None
    """The system message; only with a chat template."""
    family: str = ""
    """The kind of situation: a family that cards know (`decision_incentive`, `social_deduction`, `assigned_role`), or the study's own word."""
    prefill: str = ""
    """How the answer begins: written after the prompt (in a chat, the begun turn of the assistant), and no part of the completion."""
    labels: dict[str, str] = Field(default_factory=dict)
    """Label -> what it means here, in words."""
    anchors: dict[str, Texts] = Field(default_factory=dict)
    """Label -> the words by which a keyword judge knows it, here in place of the judge's own."""
    notes: str = ""
    """For readers; nothing reads it."""
    control: Control = ""
    """Empty for what the pool is made of."""
    temperature: float | None = Field(default=None, ge=0)
    """In place of the study's, here."""
    top_p: float | None = Field(default=None, gt=0, le=1)
    """In place of the study's, here."""
    max_new_tokens: int | None = Field(default=None, gt=0)
    """In place of the study's, here."""
    stop: Texts | None = None
    """In place of the study's, here."""

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        if bool(self.prompt) == bool(self.messages):
            raise ValueError(f"scenario {self.scenario_id!r}: expected either `prompt` or `messages`")
        if self.messages and self.system is not None:
            raise ValueError(
                f"scenario {self.scenario_id!r}: `system` beside `messages`, expected it as the first message"
            )
        if "" in (self.stop or ()):
            raise ValueError(f"scenario {self.scenario_id!r}: an empty stop string ends every completion")
        return self

    @property
    def key(self) -> str:
        """`scenario_id`, and the variant after a slash when there is one: unique in a study."""
        return f"{self.scenario_id}/{self.variant}" if self.variant else self.scenario_id

    def decoding(self, study: Decoding) -> Decoding:
        """Its own settings, and the study's where it has none."""
        own = self.model_dump(include=set(Decoding.model_fields), exclude_none=True)
        return study.model_copy(update=own)


def completion_seed(study_seed: int, scenario_key: str, index: int) -> int:
    """The seed of completion `index` of a scenario, 48 bits: it does not move when other scenarios come or go."""
    digest = hashlib.sha256(f"{study_seed}\n{scenario_key}\n{index}".encode()).digest()
    return int.from_bytes(digest[:6], "big")


def unique(scenarios: Iterable[Scenario]) -> tuple[Scenario, ...]:
    """The scenarios as they came. Raises UsageError when there are none or two share id and variant."""
    found = tuple(scenarios)
    if not any(not scenario.control for scenario in found):
        raise UsageError(
            "no scenarios, expected at least one that is no control",
            hint="write one JSON object per line: scenario_id, prompt",
        )
    seen: set[str] = set()
    for scenario in found:
        if scenario.key in seen:
            raise UsageError(
                f"scenario {scenario.key!r} is there twice, expected each id once",
                hint="give the second one another scenario_id, or a variant",
            )
        seen.add(scenario.key)
    return found
