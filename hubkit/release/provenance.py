"""`provenance.json`: from what, by what, with what a release was made, and the sha256 of every file in it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from hubkit.release.model import Artefact


class Grid(Artefact):
    """The SAEs the study declared, whether or not they came out."""

    layers: list[int]
    architectures: list[str]
    conditions: list[str]

    @property
    def size(self) -> int:
        """How many SAEs the grid has."""
        return len(self.layers) * len(self.architectures) * len(self.conditions)


class Provenance(Artefact):
    """Written after every other file but the card, which states its digest."""

    schema_: Literal["urn:hubkit:provenance:1"] = Field(default="urn:hubkit:provenance:1", alias="$schema")
    hubkit_version: str
    study: str
    study_sha256: str
    base_model: str
    base_model_revision: str | None
    precision: str
    grid: Grid
    seeds: dict[str, int]
    software: dict[str, str]
    """Package name to version."""
    hardware: str
    created: str
    """UTC, ISO 8601."""
    pool_sha256: str
    completions: dict[str, int]
    """How the pool came about: sampled, decisive, per label."""
    files: dict[str, str]
    """Path in the release to sha256."""
