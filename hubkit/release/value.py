"""One measured value, as every file of a release states it: with its measure's name and version, n, split and interval, or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, model_validator

from hubkit.measures.measure import Split
from hubkit.release.model import Artefact

Bound = Literal["=", "<", ">"]
"""How a p-value was stated: exactly, or only that it is below or above."""


class NullReference(Artefact):
    """What the value would be if there were nothing to find: its distribution, or as much of it as is known."""

    left_out: ClassVar[frozenset[str]] = frozenset({"mean", "std", "quantiles", "n", "p_value"})

    kind: str
    """`chance`, `permutation of the labels within scenarios`, ..."""
    mean: float | None = Field(default=None, allow_inf_nan=False)
    std: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    quantiles: dict[str, float] = Field(default_factory=dict)
    """Probability to value: `{"0.95": 1.66}`."""
    n: int | None = Field(default=None, ge=1)
    """Draws that it was estimated from; none for one that is known exactly."""
    p_value: float | None = Field(default=None, ge=0, le=1, allow_inf_nan=False)
    """Two-sided: how often this null is as far out as the value."""

    @model_validator(mode="after")
    def _says_something(self) -> NullReference:
        if self.mean is None and not self.quantiles:
            raise ValueError("a null needs a mean, or a quantile")
        return self

    @property
    def level(self) -> float | None:
        """Where it is: the 95 % point, else the mean; None where only other quantiles are known."""
        return self.point if self.point is not None else self.mean

    @property
    def point(self) -> float | None:
        """Its 95 % point: a value above it is more than this null gives one time in twenty. None where it is not known."""
        return self.quantiles.get(POINT)


Null = NullReference | float | None
"""A distribution, a reference that is known exactly (0.5), or none."""
POINT = "0.95"
FIXED = "a fixed reference"


class WithNull:
    """What a value with a `null` can be asked about it. It has no field of its own: where `null` stands among the others is the value's."""

    if TYPE_CHECKING:
        null: Null

    @property
    def null_level(self) -> float | None:
        """Where the null is: its 95 % point, else its mean; None without a null."""
        return self.null.level if isinstance(self.null, NullReference) else self.null

    @property
    def null_point(self) -> float | None:
        """The 95 % point of the null, where it is known; None of a reference that is one number."""
        return self.null.point if isinstance(self.null, NullReference) else None

    @property
    def null_mean(self) -> float | None:
        """Its mean, or the reference that it is; None without a null, or where only quantiles are known."""
        return self.null.mean if isinstance(self.null, NullReference) else self.null

    @property
    def p_value(self) -> float | None:
        """Two-sided, against the null; None where nothing was permuted."""
        return self.null.p_value if isinstance(self.null, NullReference) else None

    @property
    def null_kind(self) -> str | None:
        """What the null is, in words; None without one."""
        null = self.null
        if isinstance(null, NullReference):
            return (
                null.kind
                if POINT not in null.quantiles or "95 %" in null.kind
                else f"95 % point, {null.kind}"
            )
        return None if null is None else FIXED


class Spread(Artefact):
    """How the value scattered, where no interval was computed."""

    kind: str
    """`standard deviation over 5 folds`, ..."""
    value: float


class MetricValue(WithNull, Artefact):
    """One value of one measure of the catalogue (`hubkit/measures`)."""

    left_out: ClassVar[frozenset[str]] = frozenset(
        {
            "n_effective",
            "n_pairs",
            "label",
            "contrast",
            "interval_method",
            "spread",
            "correction",
            "detectable",
        }
    )

    measure: str
    version: int
    value: float | None
    """None when it could not be measured: `reason` then says why. Never -1, never NaN."""
    n: int
    """Rows (completions) the value is computed from."""
    n_effective: int | None = None
    """Independent rows that would say as much, where rows hang together: by scenario, say."""
    n_pairs: int | None = Field(default=None, ge=0)
    """Pairs of rows that were compared, of a value that counts those."""
    split: Split
    label: str | None = None
    """Where it is of the rows with this label alone."""
    interval: tuple[float, float] | None = Field(default=None, strict=False)
    """95 % interval, in the value's unit."""
    null: Null = None
    reason: str | None = None
    contrast: str | None = None
    """Which two groups of rows are told apart, where that is not the study's two labels: `neutral prompts against V0`."""
    interval_method: str | None = None
    """How the interval was made, where it is not hubkit's resampling."""
    spread: Spread | None = None
    correction: str | None = None
    """How a maximum was corrected for having been chosen, where there is no null."""
    detectable: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    """The smallest distance from the null that the test finds four times of five."""

    @model_validator(mode="after")
    def _missing_has_a_reason(self) -> MetricValue:
        if self.value is None and not self.reason:
            raise ValueError("a missing value needs a reason")
        return self
