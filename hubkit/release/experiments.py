"""The experiments beyond one value per SAE: what `evaluation.json` states of comparisons in bulk, stability, steering, features and transfers.

Every list may be empty: what was not done is not there, and the card says "not measured".
"""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from hubkit.measures.measure import Split
from hubkit.release.model import Artefact
from hubkit.release.value import Bound, MetricValue

EXPERIMENTS = ("tallies", "tests", "representations", "stability", "steering", "top_features", "transfers")
"""Their keys in `evaluation.json` and in `evidence.yaml`."""


class Experiment(Artefact):
    """One of them."""

    left_out: ClassVar[frozenset[str]] = frozenset({"source"})

    source: str | None = None
    """Where it was made and can be looked up; only of one that an author states (`evidence.yaml`)."""


class Tally(Experiment):
    """How many of a set of paired comparisons came out above their reference, where the single differences are not in the file."""

    left_out: ClassVar[frozenset[str]] = frozenset({"source", "collapsed"})

    subject: str
    """`SAE probes`, `STE JumpReLU`, ..."""
    reference: str
    """`the raw activations of the same layer`, `TopK at the same layer and condition`, ..."""
    measure: str
    above: int = Field(ge=0)
    total: int = Field(ge=1)
    split: Split
    inconclusive: int = Field(default=0, ge=0)
    collapsed: int | None = Field(default=None, ge=0)
    """Subjects that say nothing of their rows; they count among `total`. None where nobody looked."""
    subject_mean: float | None = None
    reference_mean: float | None = None

    @model_validator(mode="after")
    def _no_more_than_all(self) -> Self:
        if self.above + self.inconclusive > self.total:
            raise ValueError(f"{self.above} above and {self.inconclusive} inconclusive of {self.total}")
        return self


class TestResult(Experiment):
    """A significance test: of several comparisons at once, or as it was made elsewhere."""

    __test__ = False  # no test of pytest's

    subject: str
    reference: str
    test: str
    """`paired t-test`, ..."""
    correction: str | None
    p_value: float = Field(ge=0, le=1)
    bound: Bound = "="


class RepresentationProbe(Experiment):
    """The same probe on one representation of the same rows: raw activations, this SAE, a control."""

    representation: str
    sae_id: str | None = None
    """Where the representation is an SAE of this release."""
    values: list[MetricValue]

    def get(self, measures: tuple[str, ...]) -> MetricValue | None:
        """The first value of one of `measures`, or None."""
        return next((value for value in self.values if value.measure in measures), None)


class StabilityRun(Artefact):
    """The value once more, with another seed."""

    seed: int
    value: MetricValue
    shared: int
    """Top latents that are also among the top latents of the reference."""
    of: int


class Stability(Experiment):
    """How a value of one SAE moves when something that should not matter is changed."""

    sae_id: str
    varied: str
    """`the sample of completions`, ..."""
    reference: MetricValue
    runs: list[StabilityRun]


class SteeringDose(Artefact):
    """One strength of a steering experiment."""

    left_out: ClassVar[frozenset[str]] = frozenset(
        {"share_of_norm", "bounds", "changed", "p_value", "corrected"}
    )

    alpha: float
    rate: float = Field(ge=0, le=1)
    """Share of the decided completions that are labelled `label`."""
    n: int | None = None
    """Decided completions."""
    undecided: float | None = Field(default=None, ge=0, le=1)
    """Share of all completions that the judge could not decide."""
    share_of_norm: float | None = Field(default=None, ge=0)
    """Length of what is added, as a share of the median length of a row."""
    bounds: tuple[float, float] | None = Field(default=None, strict=False)
    """The rate of all completions if every undecided one had the other label, and if every one had this label."""
    changed: tuple[int, int] | None = Field(default=None, strict=False)
    """Seeds whose completion has `label` here and the other label at alpha 0, and the reverse."""
    p_value: float | None = Field(default=None, ge=0, le=1)
    """McNemar's exact test of `changed`, two-sided."""
    corrected: float | None = Field(default=None, ge=0, le=1)
    """The same after Holm, over the doses of this direction."""


class SteeringControl(Artefact):
    """Random directions of the same length, at the largest and the smallest alpha."""

    kind: str
    """How they were drawn."""
    effects: list[float]
    """What `effect` is for each of them."""
    undecided: float = Field(ge=0, le=1)
    """Share of their completions that the judge could not decide."""
    p_value: float = Field(ge=0, le=1)
    """(1 + b) / (1 + n), b of these n effects being as far from 0 as that of the direction itself."""


class Steering(Experiment):
    """Adding a direction to the residual stream, and what became of the labels."""

    left_out: ClassVar[frozenset[str]] = frozenset(
        {"source", "test", "effect", "controls", "hook_name", "completions", "judge"}
    )

    sae_id: str | None = None
    direction: str
    """`decoded difference of means`, `top latents`, `random control`, ..."""
    label: str
    """The label whose rate is counted."""
    cosine: float | None = Field(default=None, ge=-1, le=1)
    cosine_to: str | None = None
    """What the direction is compared with: `raw difference of means`."""
    doses: list[SteeringDose] = Field(default_factory=list)
    p_value: float | None = Field(default=None, ge=0, le=1)
    bound: Bound = "="
    test: str | None = None
    """What `p_value` is of."""
    effect: float | None = Field(default=None, ge=-1, le=1)
    """Rate at the largest alpha less the rate at the smallest, over all completions, an undecided one counting as a half."""
    controls: list[SteeringControl] = Field(default_factory=list)
    hook_name: str | None = None
    """Where it was added, TransformerLens's name."""
    completions: int | None = Field(default=None, ge=1)
    """Seeds at each dose, the same ones at all of them."""
    judge: str | None = None
    """Who labelled the completions."""


class TopFeature(Artefact):
    """One latent, and the completions that excite it most."""

    latent: int
    d: float
    """Cohen's d between the two labels."""
    examples: dict[str, str] = Field(default_factory=dict)
    """Label to the beginning of the completion of that label with the highest activation."""


class TopFeatures(Experiment):
    """The latents that tell the labels apart best, in one sample. Chosen by their d: a maximum, so no evidence by itself."""

    left_out: ClassVar[frozenset[str]] = frozenset({"source", "seed"})

    sae_id: str
    seed: int | None = None
    """Of the sample; None where it is every row that the SAE saw."""
    rows: dict[str, int]
    """Label to completions in the sample."""
    features: list[TopFeature]


Verdict = Literal["portable", "retrain", "undecided"]


class Transfer(Experiment):
    """What the SAEs do on activations of another precision or model."""

    left_out: ClassVar[frozenset[str]] = frozenset(
        {"source", "ceiling", "verdict", "because", "rule", "reason"}
    )

    to: str
    """The same words as in `transfers` of card.yaml."""
    sae_id: str | None = None
    values: list[MetricValue]
    ceiling: list[MetricValue] = Field(default_factory=list)
    """The same of the precision that the SAE was trained on, run again: no other can be nearer."""
    verdict: Verdict | None = None
    because: str | None = None
    """Why the verdict is that one."""
    rule: str | None = None
    """By which it was given."""
    reason: str | None = None
    """Why nothing was measured: then what is said of it is an expectation."""
