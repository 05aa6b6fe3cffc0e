"""`agreement.json`: what each judge of a pool said, and how far the judges agree."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from hubkit.release.model import Artefact

Resampled = Literal["scenarios", "completions"]
Counted = Literal["with ambiguous", "decisive"]


class Share(Artefact):
    """A share or a kappa, with the completions that it is computed from."""

    value: float | None
    """None where it cannot be told: no completion, or for kappa one label alone."""
    n: int
    interval: tuple[float, float] | None = Field(default=None, strict=False)
    """95 %, by resamples of what `Agreement.resampled` names; of a share that is 0 or 1, by its count. None where there is nothing to resample:
    a kappa of judges that never differ."""


class JudgeCounts(Artefact):
    """One judge and what it said."""

    judge: str
    role: Literal["decides", "member", "second"]
    description: str
    labels: dict[str, int]
    ambiguous: int
    lost: dict[str, int] = Field(default_factory=dict)
    """Why there is no verdict -> completions: a scenario that is lost is a selection, and no neutral loss."""
    without_span: int = 0
    """Labels without the words that decided: of those completions the whole response is pooled."""
    by: dict[str, int] = Field(default_factory=dict)
    """What answered, as it says of itself -> completions: more than one model version means more than one judge."""
    tokens: int = 0
    requests: int = 0


class PairAgreement(Artefact):
    """Two judges on the completions that both answered."""

    judges: tuple[str, str] = Field(strict=False)
    counted: Counted
    """With ambiguous as a label of its own, or only completions that both gave a label."""
    same: Share
    kappa: Share
    """Cohen's."""


class PanelAgreement(Artefact):
    """All judges but the vote that is made of them, on the completions that all answered."""

    judges: list[str]
    counted: Counted
    kappa: Share
    """Fleiss'."""


class Recall(Artefact):
    """Of the completions that the deciding judge gave a label, those that another judge gave the same."""

    judge: str
    label: str | None
    """None: either label."""
    recall: Share
    undecided: Share
    """Of the same completions, those that it called ambiguous or lost."""
    precision: Share
    """Of its own labels, those that the deciding judge gave as well."""


class ScenarioAgreement(Artefact):
    """One judge against the deciding one, within a scenario."""

    scenario_id: str
    judge: str
    same: Share
    """With ambiguous as a label of its own."""
    recall: Share
    lost: int
    """Completions that the judge gave no verdict on."""


class AskedAgain(Artefact):
    """One judge against itself, asked among other completions than before."""

    judge: str
    same: Share
    kappa: Share


class Agreement(Artefact):
    """Of all judges of a pool. Completions without a verdict (`lost`) are in no comparison."""

    schema_: Literal["urn:hubkit:agreement:1"] = Field(default="urn:hubkit:agreement:1", alias="$schema")
    n: int
    scenarios: int
    resampled: Resampled
    """What the intervals' resamples draw: whole scenarios, or, where there are too few for that, completions within scenarios."""
    judges: list[JudgeCounts]
    pairs: list[PairAgreement] = Field(default_factory=list)
    panel: list[PanelAgreement] = Field(default_factory=list)
    recall: list[Recall] = Field(default_factory=list)
    by_scenario: list[ScenarioAgreement] = Field(default_factory=list)
    asked_again: list[AskedAgain] = Field(default_factory=list)

    def pair(self, one: str, other: str, counted: Counted = "with ambiguous") -> PairAgreement:
        """What is recorded of two judges. Raises KeyError."""
        for found in self.pairs:
            if set(found.judges) == {one, other} and found.counted == counted:
                return found
        raise KeyError((one, other))
