"""A SAELens configuration as its loader sees it: what is written, and what SAELens makes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Layout = Literal["v6", "legacy"]


@dataclass(frozen=True)
class Cfg:
    """One cfg.json (`hubkit.formats.saelens.read_cfg`)."""

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

    @property
    def training_details(self) -> Mapping[str, Any]:
        """What the training of the architecture was set to, as SAELens and hubkit keep it in the metadata; empty where nothing is."""
        found = self.metadata.get("training_architecture_details")
        return found if isinstance(found, Mapping) else {}

    def integer(self, key: str) -> int | None:
        """`key` where it is a whole number (not a bool, not 8.0), else None."""
        value = self.effective.get(key)
        return value if isinstance(value, int) and not isinstance(value, bool) else None

    def text(self, key: str) -> str | None:
        """The metadata's `key` where it is a string, else None."""
        value = self.metadata.get(key)
        return value if isinstance(value, str) else None
