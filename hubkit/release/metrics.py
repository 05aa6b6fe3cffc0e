"""What was measured: `metrics.json` beside every SAE, `evaluation.json` at the root of the release.

A number stands with its measure's name and version, n, split and interval, or it does not stand at all.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from hubkit.release.model import Artefact
from hubkit.release.writing import to_json_rows, write_text

Split = Literal["train", "crossfit", "held_out"]
"""train: rows the SAE was trained on. crossfit: every row measured by the SAE of the fold that never saw it. held_out: rows set aside."""


class NullReference(Artefact):
    """What the value would be if there were nothing to find."""

    kind: str
    """`chance`, `permutation`, ..."""
    value: float


class MetricValue(Artefact):
    """One value of one measure of the catalogue (`hubkit/measures`)."""

    measure: str
    version: int
    value: float | None
    """None when it could not be measured: `reason` then says why. Never -1, never NaN."""
    n: int
    """Rows (completions) the value is computed from."""
    split: Split
    interval: tuple[float, float] | None = Field(default=None, strict=False)
    """95 % interval, in the value's unit."""
    null: NullReference | None = None
    reason: str | None = None

    @model_validator(mode="after")
    def _missing_has_a_reason(self) -> MetricValue:
        if self.value is None and not self.reason:
            raise ValueError("a missing value needs a reason")
        return self


class SaeMetrics(Artefact):
    """`<sae_id>/metrics.json`."""

    schema_: Literal["urn:hubkit:metrics:1"] = Field(default="urn:hubkit:metrics:1", alias="$schema")
    sae_id: str
    values: list[MetricValue]
    warnings: list[str] = Field(default_factory=list)
    """What training or evaluation said loudly about this SAE."""

    def get(self, measure: str, split: Split) -> MetricValue | None:
        """The value of `measure` on `split`, or None."""
        return next((v for v in self.values if v.measure == measure and v.split == split), None)


class LayerProfile(Artefact):
    """The raw activations of one layer: the reference of every SAE probe there."""

    layer: int
    hook_name: str
    values: list[MetricValue]

    def get(self, measure: str) -> MetricValue | None:
        """The value of `measure`, or None."""
        return next((v for v in self.values if v.measure == measure), None)


class Comparison(Artefact):
    """One SAE's probe against its reference, on the same rows."""

    sae_id: str
    reference: str
    """`raw activations at layer 3`."""
    difference: MetricValue
    """SAE minus reference."""


class Evaluation(Artefact):
    """`evaluation.json`: every number a card may state."""

    schema_: Literal["urn:hubkit:evaluation:1"] = Field(default="urn:hubkit:evaluation:1", alias="$schema")
    saes: list[SaeMetrics]
    layers: list[LayerProfile]
    comparisons: list[Comparison]
    inputs_sha256: str

    def save(self, path: Path) -> None:
        """Write it with a line for each SAE: an audit fetches this file whole."""
        write_text(path, to_json_rows(self.model_dump(mode="json", by_alias=True)))

    def sae(self, sae_id: str) -> SaeMetrics | None:
        """The metrics of one SAE, or None."""
        return next((m for m in self.saes if m.sae_id == sae_id), None)
