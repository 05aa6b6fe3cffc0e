"""One measured value, as every file of a release states it: with its measure's name and version, n, split and interval, or not at all."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field, model_validator

from hubkit.release.model import Artefact

Split = Literal["train", "crossfit", "held_out", "control"]
"""train: rows the SAE was trained on. crossfit: every row measured by the SAE of the fold that never saw it. held_out: rows set aside.
control: all rows, by an SAE that saw some of them, drawn blind to the label; only membership itself is measured so."""

Bound = Literal["=", "<", ">"]
"""How a p-value was stated: exactly, or only that it is below or above."""


class NullReference(Artefact):
    """What the value would be if there were nothing to find."""

    kind: str
    """`chance`, `permutation`, ..."""
    value: float


class Spread(Artefact):
    """How the value scattered, where no interval was computed."""

    kind: str
    """`standard deviation over 5 folds`, ..."""
    value: float


class MetricValue(Artefact):
    """One value of one measure of the catalogue (`hubkit/measures`)."""

    left_out: ClassVar[frozenset[str]] = frozenset({"contrast", "interval_method", "spread", "correction"})

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
    contrast: str | None = None
    """Which two groups of rows are told apart, where that is not the study's two labels: `neutral prompts against V0`."""
    interval_method: str | None = None
    """How the interval was made, where it is not hubkit's resampling."""
    spread: Spread | None = None
    correction: str | None = None
    """How a maximum was corrected for having been chosen, where there is no null."""

    @model_validator(mode="after")
    def _missing_has_a_reason(self) -> MetricValue:
        if self.value is None and not self.reason:
            raise ValueError("a missing value needs a reason")
        return self
