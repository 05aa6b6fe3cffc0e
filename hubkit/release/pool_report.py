"""The pool report (`pool_report.json`): what was sampled, how much of it was decided, and what a reader must know of its labels."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from hubkit.release.agreement import Agreement
from hubkit.release.model import Artefact


class Texts(Artefact):
    """What completions are like, whatever their labels."""

    completions: int = Field(ge=0)
    empty: int = Field(ge=0)
    """Without a character that is not white space."""
    duplicates: int = Field(ge=0)
    """Whose words are those of an earlier completion of the same prompt."""
    refusals: int = Field(ge=0)
    """That say one of `refusal_phrases`."""
    at_limit: int = Field(ge=0)
    """Cut off by `max_new_tokens`."""
    mean_tokens: float = Field(ge=0)
    repetition: float = Field(ge=0, le=1)
    """Mean share of the three-word sequences of a completion that are there for the second time or more: what can be measured of incoherence."""
    repetitive: int = Field(ge=0)
    """More than half of whose three-word sequences are."""


class ScenarioReport(Artefact):
    """One prompt: its funnel and its texts."""

    scenario_id: str
    variant: str = ""
    family: str = ""
    control: Literal["", "turned", "neutral"] = ""
    meanings: dict[str, str] = Field(default_factory=dict)
    """Label to what it means here, as the study says."""
    sampled: int = Field(ge=0)
    decisive: int = Field(ge=0)
    counts: dict[str, int]
    """Label to completions."""
    texts: Texts

    @property
    def ambiguous(self) -> int:
        """Without a label."""
        return self.sampled - self.decisive


class Turned(Artefact):
    """A scenario beside itself with its facts turned around: how often the first label was given."""

    scenario_id: str
    told: float | None = Field(ge=0, le=1)
    """Of the decisive completions of the scenario; null without any."""
    turned: float | None = Field(ge=0, le=1)
    difference: float | None = Field(ge=-1, le=1)
    """`turned` minus `told`. Where the model heeds the facts it is far from 0, and of the same sign in most scenarios."""
    interval: tuple[float, float] | None = Field(default=None, strict=False)
    """95 %, Newcombe's of two independent shares."""


class TurnedMean(Artefact):
    """All turned controls together."""

    scenarios: int = Field(ge=0)
    fall: int = Field(ge=0)
    """Scenarios in which the first label is rarer with the facts turned around."""
    rise: int = Field(ge=0)
    mean: float | None
    interval: tuple[float, float] | None = Field(default=None, strict=False)
    """95 %, Student's t over scenarios."""


class Words(Artefact):
    """How well the words alone tell the labels apart."""

    value: float | None = Field(ge=0, le=1)
    """Balanced accuracy within scenarios of a logistic regression on word counts, out of fold; null with the reason."""
    interval: tuple[float, float] | None = Field(default=None, strict=False)
    n: int = Field(ge=0)
    reason: str | None = None


class PoolReport(Artefact):
    """Written at the end of collecting, and published with the release."""

    quoted: ClassVar[frozenset[str] | None] = frozenset({"meanings", "refusal_phrases"})

    schema_: Literal["urn:hubkit:pool-report:1"] = Field(default="urn:hubkit:pool-report:1", alias="$schema")
    pool_sha256: str
    """`inputs_sha256` of the pool."""
    model_name: str
    judge: str
    labels: tuple[str, str] = Field(strict=False)
    token_span: str
    pooling: str
    d_in: int
    sampled: int = Field(ge=0)
    """Completions, without those of controls."""
    decisive: int = Field(ge=0)
    counts: dict[str, int]
    n_effective: float = Field(ge=0)
    """Sum over scenarios of 2 n1 n0 / (n1 + n0): what a comparison within scenarios stands on, as so many rows of each label."""
    confounding: float | None = Field(ge=0, le=1)
    """Cramér's V of label and scenario, corrected for its bias: 0 where each scenario has the same share of each label, 1 where it has one label."""
    texts: Texts
    refusal_phrases: list[str]
    words: Words
    scenarios: list[ScenarioReport]
    """Each prompt, controls too."""
    turned: list[Turned] = Field(default_factory=list)
    turned_mean: TurnedMean | None = None
    judges: Agreement | None = None
    """What each judge said, and how far they agree."""
    warnings: list[str]

    @property
    def main(self) -> list[ScenarioReport]:
        """What the pool is made of."""
        return [one for one in self.scenarios if not one.control]

    @property
    def neutral(self) -> list[ScenarioReport]:
        """Questions with nothing at stake."""
        return [one for one in self.scenarios if one.control == "neutral"]
