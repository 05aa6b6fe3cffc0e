"""What to train, torch-free: one SAE as a frozen spec, and the plain grid of a study as a list of specs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from hubkit.release.digests import sha256_of_json
from hubkit.release.pool import MIXED, ONLY

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Architecture = Literal["standard", "topk", "batchtopk", "gated", "jumprelu"]
Recipe = Literal["learns", "naive"]
Ste = Literal["rectangle", "rectangle + input", "gaussian", "gaussian + input"]
Sparsity = Literal["step", "tanh", "quadratic"]
Schedule = Literal["constant", "cosineannealing"]

STEPS = 400
"""Where neither `steps` nor `epochs` is given: the fewest in which the JumpReLU recipe was seen to converge."""

LR = 1e-3
JUMPRELU_LR = 2e-3
"""A threshold moves by about lr a step: at 1e-3, 400 steps on 181 rows of the lab model end up to 38 % over the target L0, at 2e-3 up to 11 %."""


class Settings(BaseModel):
    """What the SAEs of one architecture have in common."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True)

    d_sae: int | None = Field(None, ge=1)
    """Latents. This or `expansion`."""
    expansion: int | None = Field(None, ge=1)
    """Latents for each dimension of the activations."""
    k: int | None = Field(None, ge=1)
    """TopK's k, BatchTopK's mean of active latents, JumpReLU's target L0. standard and gated have none."""
    steps: int | None = Field(None, ge=1)
    """Optimiser steps, 400 when `epochs` is not given either. JumpReLU needs them."""
    epochs: int | None = Field(None, ge=1)
    """Passes over the rows, instead of `steps`."""
    batch_size: int = Field(64, ge=1)
    """Rows; at most as many as there are."""
    lr: float | None = Field(None, gt=0)
    """Adam's learning rate, with activations scaled to a mean norm of sqrt(d_in). Without it 1e-3, and 2e-3 for JumpReLU."""
    lr_schedule: Schedule = "constant"
    """`cosineannealing` ends at a tenth of `lr`, as in SAELens."""
    lr_warm_up_steps: int = Field(0, ge=0)
    """Steps of linear warm-up from about 0."""
    lr_decay_steps: int = Field(0, ge=0)
    """Steps of linear decay to 0 at the end."""
    seed: int = Field(0, ge=0)
    """Of the first weights and of the order of the rows."""
    recipe: Recipe = "learns"
    """`naive` is a JumpReLU that cannot learn its threshold, on purpose."""
    ste: Ste = "rectangle + input"
    """JumpReLU's straight-through estimator: a rectangle (DeepMind) or a Gaussian around the threshold; `+ input` passes its gradient to the encoder too (Anthropic)."""
    bandwidth: float = Field(0.05, gt=0)
    """JumpReLU: width of the rectangle, or standard deviation of the Gaussian."""
    init_threshold: float = Field(0.01, ge=0)
    """JumpReLU: where every threshold starts, in units of the scaled activations."""
    sparsity: Sparsity = "quadratic"
    """JumpReLU's penalty: `step` counts active latents, `tanh` is Anthropic's, `quadratic` aims at L0 = k."""
    sparsity_coefficient: float = Field(1.0, ge=0)
    """Weight of the sparsity penalty: L0 for JumpReLU, L1 for standard and gated."""
    sparsity_warm_up_steps: int = Field(0, ge=0)
    """Steps over which that weight grows from 0."""
    threshold_lr: float | None = Field(None, gt=0, le=1)
    """BatchTopK: rate of its running threshold. Without it, set so that the start counts for 1 % after a quarter of the run."""
    dead_window: int | None = Field(None, ge=1)
    """TopK and BatchTopK: steps without firing after which a latent is dead and gets the auxiliary loss. Without it there is none."""
    autocast: bool = False
    """Matrix products in bfloat16, as SAELens does (for GPUs; changes the result)."""

    @model_validator(mode="before")
    @classmethod
    def _a_length(cls, data: Any) -> Any:
        if isinstance(data, dict) and data.get("steps") is None and data.get("epochs") is None:
            return data | {"steps": STEPS}
        return data

    @model_validator(mode="after")
    def _sizes(self) -> Self:
        if (self.d_sae is None) == (self.expansion is None):
            raise ValueError("expected one of d_sae and expansion")
        if self.k is not None and self.d_sae is not None and self.k > self.d_sae:
            raise ValueError(f"k is {self.k}, more than d_sae = {self.d_sae}")
        if self.steps is not None and self.epochs is not None:
            raise ValueError("expected one of steps and epochs, found both")
        return self

    @model_validator(mode="after")
    def _lengths(self) -> Self:
        """Windows that would never end inside the run are the trap of SAELens's defaults."""
        for name, length in self.windows.items():
            if self.steps is not None and length >= self.steps:
                raise ValueError(f"{name} is {length}, expected fewer than the run's {self.steps} steps")
        return self

    @property
    def windows(self) -> dict[str, int]:
        """Name to steps of whatever has to end inside the run; 0 where there is none."""
        names = ("lr_warm_up_steps", "lr_decay_steps", "sparsity_warm_up_steps", "dead_window")
        return {name: getattr(self, name) or 0 for name in names}

    def steps_for(self, n: int) -> int:
        """Optimiser steps on `n` rows; `epochs` counts whole batches, as SAELens does."""
        if self.steps is not None:
            return self.steps
        assert self.epochs is not None  # noqa: S101 - _a_length and _sizes
        return max(1, self.epochs * n // self.batch_for(n))

    def batch_for(self, n: int) -> int:
        """Rows in a batch when there are `n`."""
        return min(self.batch_size, n)


class SaeSpec(Settings):
    """One SAE: enough, with the pool, to train it again."""

    sae_id: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*$")
    """Its folder in the release."""
    architecture: Architecture
    layer: int = Field(ge=0)
    condition: str = Field(pattern=r"^(mixed|.+_only)$")
    """`mixed`: every row; `<label>_only`: the rows of one label."""
    d_sae: int = Field(ge=1)
    """Latents."""
    lr: float = Field(LR, gt=0)
    """Adam's learning rate."""

    @model_validator(mode="before")
    @classmethod
    def _a_rate(cls, data: Any) -> Any:
        if not isinstance(data, dict) or data.get("lr") is not None:
            return data
        learns = data.get("architecture") == "jumprelu" and data.get("recipe") != "naive"
        return data | {"lr": JUMPRELU_LR if learns else LR}

    @model_validator(mode="after")
    def _means_something(self) -> Self:
        if self.recipe == "naive" and self.architecture != "jumprelu":
            raise ValueError(
                f"{self.sae_id}: recipe `naive` is a broken JumpReLU; {self.architecture} has none"
            )
        if self.k is None and self.needs_k:
            raise ValueError(f"{self.sae_id}: {self.architecture} needs k")
        return self

    @property
    def needs_k(self) -> bool:
        """Whether k shapes this SAE; where it does not, no L0 is asked for."""
        return self.architecture in ("topk", "batchtopk") or (
            self.architecture == "jumprelu" and self.recipe == "learns" and self.sparsity == "quadratic"
        )

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
    d_in: int | None = None,
) -> list[SaeSpec]:
    """Every layer x architecture x condition, in that order, as `{prefix}_{architecture}_L{layer}_{condition}`.

    `settings` holds for all, or differs by architecture; `d_in` is needed where they give an expansion. Raises KeyError for an
    architecture without settings, ValueError for an expansion without `d_in`.
    """
    architectures, conditions = list(architectures), list(conditions)
    specs: list[SaeSpec] = []
    for layer in layers:
        for architecture in architectures:
            shared = settings if isinstance(settings, Settings) else settings[architecture]
            fields = sized(shared.model_dump(include=set(Settings.model_fields)), d_in)
            specs.extend(
                SaeSpec(
                    sae_id=f"{prefix}_{architecture}_L{layer}_{condition}",
                    architecture=architecture,
                    layer=layer,
                    condition=condition,
                    **fields,
                )
                for condition in conditions
            )
    return specs


def sized(fields: dict[str, Any], d_in: int | None) -> dict[str, Any]:
    """`fields` of a spec with `expansion` turned into `d_sae`. Raises ValueError where `d_in` is needed and None."""
    expansion = fields.get("expansion")
    if not isinstance(expansion, int):
        return fields
    if d_in is None:
        raise ValueError(f"expansion is {expansion}, and the width of the activations is not known here")
    return fields | {"expansion": None, "d_sae": expansion * d_in}
