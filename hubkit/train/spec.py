"""What to train, torch-free: one SAE as a frozen spec, and the plain grid of a study as a list of specs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, create_model, model_serializer, model_validator

from hubkit.errors import UsageError
from hubkit.release.digests import sha256_of_json
from hubkit.release.pool import MIXED, ONLY
from hubkit.train.architecture import LR, OwnSettings, all_architectures
from hubkit.train.size import many_rows

if TYPE_CHECKING:
    from pydantic import ModelWrapValidatorHandler, SerializerFunctionWrapHandler

    from hubkit.train.architecture import Architecture as ArchitectureKind

ARCHITECTURES = all_architectures()
if TYPE_CHECKING:
    Architecture = str
else:
    Architecture = Literal[tuple(ARCHITECTURES)]
Recipe = Literal["learns", "naive"]
Schedule = Literal["constant", "cosineannealing"]

Own = TypeVar("Own", bound=OwnSettings)

MOST_STEPS = 10_000_000
"""A day and more at a hundredth of a second each; what a schedule needs is held for each step."""
MOST_SEED = 2**63 - 1
"""The largest that every generator takes."""
STEPS = 400
"""Where neither `steps` nor `epochs` is given: the fewest in which the JumpReLU recipe was seen to converge."""


class CommonSettings(BaseModel):
    """What architectures share; each adds its own (`OwnSettings`)."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True)

    d_sae: int | None = Field(None, ge=1)
    """Latents. This or `expansion`."""
    expansion: int | None = Field(None, ge=1)
    """Latents for each dimension of the activations."""
    k: int | None = Field(None, ge=1)
    """TopK's k, BatchTopK's mean of active latents, JumpReLU's target L0. standard and gated have none."""
    steps: int | None = Field(None, ge=1, le=MOST_STEPS)
    """Optimiser steps, 400 when `epochs` is not given either. JumpReLU needs them."""
    epochs: int | None = Field(None, ge=1, le=MOST_STEPS)
    """Passes over the rows, instead of `steps`."""
    batch_size: int = Field(64, ge=1)
    """Rows; at most as many as there are."""
    lr: float | None = Field(None, gt=0)
    """Adam's learning rate, with activations scaled to a mean norm of sqrt(d_in). Without it 1e-3, and 2e-3 for JumpReLU; from 2,000 rows on higher, by steps and latents."""
    lr_schedule: Schedule = "constant"
    """`cosineannealing` ends at a tenth of `lr`, as in SAELens."""
    lr_warm_up_steps: int = Field(0, ge=0)
    """Steps of linear warm-up from about 0."""
    lr_decay_steps: int = Field(0, ge=0)
    """Steps of linear decay to 0 at the end. Without it none; from 2,000 rows on a fifth of them."""
    seed: int = Field(0, ge=0, le=MOST_SEED)
    """Of the first weights and of the order of the rows."""
    recipe: Recipe = "learns"
    """`naive` is a JumpReLU that cannot learn its threshold, on purpose."""
    sparsity_coefficient: float = Field(1.0, ge=0)
    """Weight of the sparsity penalty: L0 for JumpReLU, L1 for standard and gated."""
    sparsity_warm_up_steps: int = Field(0, ge=0)
    """Steps over which that weight grows from 0."""
    threshold_lr: float | None = Field(None, gt=0, le=1)
    """BatchTopK: rate of its running threshold. Without it, set so that the start counts for 1 % after a quarter of the run."""
    dead_window: int | None = Field(None, ge=1)
    """TopK and BatchTopK: steps without firing after which a latent is dead and gets the auxiliary loss. Without it there is none; from 2,000 rows on an eighth of them, at most 200."""
    autocast: bool = False
    """Matrix products in bfloat16, as SAELens does (for GPUs; changes the result)."""
    products: Literal["fp32", "tf32"] | None = None
    """Products of float32 matrices on a GPU: `tf32` rounds their factors to 10 bits (faster; changes the result). Without it `fp32`, as on a CPU always."""

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

    @model_serializer(mode="wrap")
    def _unset_left_out(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """A setting of one architecture's own, or of a GPU, that nobody gave is not there: a new one changes no digest of the others' specs."""
        own = {"products", *(name for settings in OWN_SETTINGS for name in settings.model_fields)}
        return {name: value for name, value in handler(self).items() if value is not None or name not in own}

    @property
    def windows(self) -> dict[str, int]:
        """Name to steps of whatever has to end inside the run; 0 where there is none."""
        names = ("lr_warm_up_steps", "lr_decay_steps", "sparsity_warm_up_steps", "dead_window")
        return {name: getattr(self, name) or 0 for name in names}

    def steps_for(self, n: int) -> int:
        """Optimiser steps on `n` rows; `epochs` counts whole batches, as SAELens does.

        Raises UsageError for more than MOST_STEPS.
        """
        if self.steps is not None:
            return self.steps
        assert self.epochs is not None  # noqa: S101 - _a_length and _sizes
        steps = max(1, self.epochs * n // self.batch_for(n))
        if steps > MOST_STEPS:
            raise UsageError(
                f"{self.epochs:,} epochs of {n:,} rows are {steps:,} steps, expected at most {MOST_STEPS:,}",
                hint="fewer epochs, or a larger batch_size",
            )
        return steps

    def batch_for(self, n: int) -> int:
        """Rows in a batch when there are `n`."""
        return min(self.batch_size, n)


OWN_SETTINGS = tuple(one.own for one in ARCHITECTURES.values() if one.own)
if TYPE_CHECKING:

    class Settings(CommonSettings):
        """With the fields of every `OwnSettings`, which only the registry knows."""
else:
    Settings = create_model(
        "Settings",
        __base__=(*OWN_SETTINGS, CommonSettings),
        __doc__="What the SAEs of one architecture have in common.",
        __module__=__name__,
    )


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

    @model_validator(mode="wrap")
    @classmethod
    def _a_rate(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        if not isinstance(data, dict) or data.get("lr") is not None:
            return handler(data)
        kind = ARCHITECTURES.get(str(data.get("architecture")))
        spec = handler(data | {"lr": kind.lr(str(data.get("recipe"))) if kind else LR})
        spec.model_fields_set.discard("lr")  # nobody gave it
        return spec

    @model_validator(mode="after")
    def _means_something(self) -> Self:
        if self.recipe not in self.kind.recipes:
            raise ValueError(
                f"{self.sae_id}: recipe `{self.recipe}` is a broken JumpReLU; {self.architecture} has none"
            )
        if problem := self.kind.problem(self):
            raise ValueError(f"{self.sae_id}: {problem}")
        return self

    @property
    def kind(self) -> ArchitectureKind:
        """What hubkit knows of its architecture."""
        return ARCHITECTURES[self.architecture]

    def own(self, settings: type[Own]) -> Own:
        """The settings that its architecture alone reads."""
        return settings.model_validate({name: getattr(self, name) for name in settings.model_fields})

    @property
    def label(self) -> str | None:
        """The one label whose rows are used, or None for all."""
        return None if self.condition == MIXED else self.condition.removesuffix(ONLY)

    def settled(self, n: int) -> SaeSpec:
        """This spec on `n` rows: what nobody gave is what its architecture needs at that many rows and steps, written out; what was given stays.

        On few rows that is this spec itself, defaults and digest. Raises UsageError as `steps_for` does.
        """
        suited = self.kind.suited(self, n) if many_rows(n, self.steps_for(n)) else {}
        changes = {name: value for name, value in suited.items() if name not in self.model_fields_set}
        return self.model_copy(update=changes) if changes else self

    def digest(self) -> str:
        """sha256 of this spec's content, in hex."""
        return sha256_of_json(self.model_dump(mode="json"))


def sized(fields: dict[str, Any], d_in: int | None) -> dict[str, Any]:
    """`fields` of a spec with `expansion` turned into `d_sae`. Raises ValueError where `d_in` is needed and None."""
    expansion = fields.get("expansion")
    if not isinstance(expansion, int):
        return fields
    if d_in is None:
        raise ValueError(f"expansion is {expansion}, and the width of the activations is not known here")
    return fields | {"expansion": None, "d_sae": expansion * d_in}
