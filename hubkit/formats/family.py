"""What a family of SAE files is, and what an SAE folder looks like once it is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from hubkit.tensors.header import Header, TensorInfo

Layout = Literal["v6", "legacy", "foreign"]


@dataclass(frozen=True)
class Family:
    """One way of writing SAEs to disk."""

    name: str
    loader: str
    """What reads it, in words that a person can act on."""
    detect: Callable[[Mapping[str, Any]], bool] = lambda cfg: False  # noqa: ARG005
    """Whether a configuration's keys are this family's."""
    detect_files: Callable[[frozenset[str]], bool] | None = None
    """Whether the names of the files in a folder are this family's. Asked only where no configuration decides: some families write none."""
    thresholds: tuple[str, ...] = ()
    """What this family may call its threshold tensor, in the order it is looked for."""


LOG_THRESHOLDS = {"log_threshold", "log_jumprelu_threshold"}
"""Tensors that hold the logarithm of the threshold."""


@dataclass(frozen=True)
class Threshold:
    """The threshold among a file's tensors."""

    info: TensorInfo
    is_log: bool
    """Whether the values are the threshold's natural logarithm."""

    @property
    def is_scalar(self) -> bool:
        """One value for all latents: a BatchTopK's running threshold, no defect."""
        return self.info.count == 1


def threshold_of(family: Family, header: Header) -> Threshold | None:
    """The threshold tensor of a file of `family`, or None where it has none."""
    for name in family.thresholds:
        info = header.tensors.get(name)
        if info is not None and info.count:
            return Threshold(info, name in LOG_THRESHOLDS)
    return None


@dataclass(frozen=True)
class Cfg:
    """A SAELens configuration as its loader sees it: what is written, and what SAELens makes of it."""

    raw: Mapping[str, Any]
    layout: Layout
    effective: Mapping[str, Any]
    """After SAELens's defaulting: the keys of the v6 layout, `metadata` included."""

    @property
    def architecture(self) -> str:
        """The architecture SAELens builds."""
        return str(self.effective.get("architecture"))

    @property
    def metadata(self) -> Mapping[str, Any]:
        """The metadata that survives loading."""
        found = self.effective.get("metadata")
        return found if isinstance(found, Mapping) else {}

    def integer(self, key: str) -> int | None:
        """`key` where it is a whole number (not a bool, not 8.0), else None."""
        value = self.effective.get(key)
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def text(self, key: str) -> str | None:
        """The metadata's `key` where it is a string, else None."""
        value = self.metadata.get(key)
        return value if isinstance(value, str) else None
