"""What was measured: `metrics.json` beside every SAE, `evaluation.json` at the root of the release."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field

from hubkit.measures.measure import Split
from hubkit.release.computation import Computation
from hubkit.release.digests import changed_since, values_sha256
from hubkit.release.experiments import (
    EXPERIMENTS,
    RepresentationProbe,
    Stability,
    Steering,
    Tally,
    TestResult,
    TopFeatures,
    Transfer,
)
from hubkit.release.model import Artefact
from hubkit.release.value import MetricValue, NullReference, Spread
from hubkit.release.writing import to_json_rows, write_text

__all__ = [
    "Comparison",
    "Density",
    "Evaluation",
    "LayerProfile",
    "MetricValue",
    "NullReference",
    "SaeMetrics",
    "Selection",
    "Split",
    "Spread",
    "TextsRun",
]


class Density(Artefact):
    """A histogram of latents by how often they fire (`density` of the catalogue)."""

    split: Split
    n: int
    """Rows."""
    latents: int
    """Of all SAEs that were counted: those of the folds together."""
    dead: int
    """Latents that fire on no row."""
    dense: int
    """Latents that fire on more than a tenth of the rows."""
    edges: tuple[float, ...] = Field(strict=False)
    """log10 of the share of the rows, one more than counts."""
    counts: tuple[int, ...] = Field(strict=False)


class TextsRun(Artefact):
    """The texts on which the base model was run with the SAE in the place of its activations."""

    left_out: ClassVar[frozenset[str]] = frozenset({"trained_on"})

    hook_name: str = ""
    """Where the SAE stood."""
    documents: int = Field(ge=1)
    tokens: int = Field(ge=1)
    """Of all of them, special ones too."""
    special: int = Field(ge=0)
    """Of these, tokens that keep their activations and are not counted: BOS, EOS, PAD, SEP."""
    longest: int = Field(ge=1)
    """Tokens of the longest text, or piece of one, that the model read at once."""
    bos: Literal["all", "some", "none"]
    """How many of them begin with the tokenizer's BOS token."""
    after_prompt: bool = False
    """Whether they are completions: then predictions of the prompt are not counted."""
    precision: str
    """Of the base model."""
    tokens_sha256: str
    trained_on: str | None = None
    """What one row of the SAE's training was, where that was no token: then tokens are out of what it was trained on."""


class SaeMetrics(Artefact):
    """`<sae_id>/metrics.json`."""

    left_out: ClassVar[frozenset[str]] = frozenset({"densities", "texts"})
    older: ClassVar[frozenset[str]] = frozenset({"urn:hubkit:metrics:1"})
    quoted: ClassVar[frozenset[str] | None] = frozenset()

    schema_: Literal["urn:hubkit:metrics:2"] = Field(default="urn:hubkit:metrics:2", alias="$schema")
    sae_id: str
    values: list[MetricValue]
    densities: list[Density] = Field(default_factory=list)
    """How often latents fire, on each of its splits."""
    texts: TextsRun | None = None
    """On which the values of the base model with this SAE in it were taken."""
    warnings: list[str] = Field(default_factory=list)
    """What training or evaluation said loudly about this SAE."""

    def get(self, measure: str, split: Split) -> MetricValue | None:
        """The value of `measure` on `split`, or None; values of a contrast of their own, or of the rows of one label, are not meant."""
        return self.of_label(measure, split, None)

    def of_label(self, measure: str, split: Split, label: str | None) -> MetricValue | None:
        """The same of the rows of one label."""
        asked = (measure, split, label)
        return next(
            (v for v in self.values if (v.measure, v.split, v.label) == asked and v.contrast is None), None
        )


class LayerProfile(Artefact):
    """The raw activations of one layer: the reference of every SAE probe there."""

    layer: int
    hook_name: str
    values: list[MetricValue]

    def get(self, measure: str) -> MetricValue | None:
        """The value of `measure`, or None; values of a contrast of their own are not meant."""
        return next((v for v in self.values if v.measure == measure and v.contrast is None), None)


class Comparison(Artefact):
    """One SAE's probe against its reference, on the same rows."""

    left_out: ClassVar[frozenset[str]] = frozenset({"over_folds"})

    sae_id: str
    reference: str
    """`raw activations at layer 3`."""
    difference: MetricValue
    """SAE minus reference."""
    over_folds: MetricValue | None = None
    """The same by what each fold says: few folds see large differences only."""


class Selection(Artefact):
    """The best of several, and what it may be expected to reach once choosing it is paid for."""

    among: Literal["SAEs", "layers"]
    chosen: str
    """sae_id, or number of the layer."""
    of: int
    value: MetricValue


class Evaluation(Artefact):
    """`evaluation.json`: what hubkit computed. Without the record of its computation its values are the author's: they are shown as stated."""

    left_out: ClassVar[frozenset[str]] = frozenset({"computed", "selections", *EXPERIMENTS})
    older: ClassVar[frozenset[str]] = frozenset({"urn:hubkit:evaluation:1"})
    quoted: ClassVar[frozenset[str] | None] = frozenset({"examples"})

    schema_: Literal["urn:hubkit:evaluation:2"] = Field(default="urn:hubkit:evaluation:2", alias="$schema")
    saes: list[SaeMetrics]
    layers: list[LayerProfile]
    comparisons: list[Comparison]
    selections: list[Selection] = Field(default_factory=list)
    inputs_sha256: str
    computed: Computation | None = None
    """By what it was computed, and the digest of what came of it."""
    tallies: list[Tally] = Field(default_factory=list)
    tests: list[TestResult] = Field(default_factory=list)
    representations: list[RepresentationProbe] = Field(default_factory=list)
    stability: list[Stability] = Field(default_factory=list)
    steering: list[Steering] = Field(default_factory=list)
    top_features: list[TopFeatures] = Field(default_factory=list)
    transfers: list[Transfer] = Field(default_factory=list)

    def save(self, path: Path) -> None:
        """Write it with a line for each SAE: an audit fetches this file whole."""
        write_text(path, to_json_rows(self._written()))

    def sae(self, sae_id: str) -> SaeMetrics | None:
        """The metrics of one SAE, or None."""
        return next((m for m in self.saes if m.sae_id == sae_id), None)

    def recorded(self, version: str) -> Evaluation:
        """The same with the record that hubkit `version` computed it: for whoever just did."""
        digest = values_sha256(self._written())
        record = Computation(hubkit_version=version, inputs_sha256=self.inputs_sha256, values_sha256=digest)
        return self.model_copy(update={"computed": record})

    @property
    def is_computed(self) -> bool:
        """Whether the record is there, and the values are still those that were computed."""
        return changed_since(self._written()) is False

    def _written(self) -> dict[str, Any]:
        return self.model_dump(mode="json", by_alias=True)
