"""What to train, torch-free: one SAE as a frozen spec, and the grid of a study as a list of specs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from hubkit.release.digests import sha256_of_json
from hubkit.release.pool import MIXED, ONLY

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Architecture = Literal["topk", "jumprelu"]
Recipe = Literal["learns", "naive"]


class Settings(BaseModel):
    """What the SAEs of one architecture have in common."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    d_sae: int = Field(ge=1)
    k: int = Field(ge=1)
    """TopK's k, or JumpReLU's target L0."""
    steps: int = Field(400, ge=1)
    """Optimiser steps. JumpReLU needs 400 or more: its threshold moves by at most about lr a step."""
    batch_size: int = Field(64, ge=1)
    """Rows; at most as many as there are."""
    lr: float = Field(1e-3, gt=0)
    seed: int = Field(0, ge=0)
    recipe: Recipe = "learns"

    @model_validator(mode="after")
    def _k_fits(self) -> Settings:
        if self.k > self.d_sae:
            raise ValueError(f"k is {self.k}, more than d_sae = {self.d_sae}")
        return self


class SaeSpec(Settings):
    """One SAE: enough, with the pool, to train it again."""

    sae_id: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*$")
    """Its folder in the release."""
    architecture: Architecture
    layer: int = Field(ge=0)
    condition: str = Field(pattern=r"^(mixed|.+_only)$")
    """`mixed`: every row; `<label>_only`: the rows of one label."""

    @model_validator(mode="after")
    def _naive_is_jumprelu(self) -> SaeSpec:
        if self.recipe == "naive" and self.architecture != "jumprelu":
            raise ValueError(
                f"{self.sae_id}: recipe `naive` is a broken JumpReLU; {self.architecture} has none"
            )
        return self

    @property
    def label(self) -> str | None:
        """The one label whose rows are used, or None for all."""
        return None if self.condition == MIXED else self.condition.removesuffix(ONLY)

    def digest(self) -> str:
        """sha256 of this spec's content, in hex."""
        return sha256_of_json(self.model_dump(mode="json"))


def grid(
    layers: Iterable[int],
    architectures: Iterable[Architecture],
    conditions: Iterable[str],
    *,
    prefix: str,
    settings: Settings | Mapping[Architecture, Settings],
) -> list[SaeSpec]:
    """Every layer x architecture x condition, in that order, as `{prefix}_{architecture}_L{layer}_{condition}`.

    `settings` holds for all, or differs by architecture. Raises KeyError for an architecture without settings.
    """
    architectures, conditions = list(architectures), list(conditions)
    specs: list[SaeSpec] = []
    for layer in layers:
        for architecture in architectures:
            shared = settings if isinstance(settings, Settings) else settings[architecture]
            specs.extend(
                SaeSpec(
                    sae_id=f"{prefix}_{architecture}_L{layer}_{condition}",
                    architecture=architecture,
                    layer=layer,
                    condition=condition,
                    **shared.model_dump(include=set(Settings.model_fields)),
                )
                for condition in conditions
            )
    return specs
