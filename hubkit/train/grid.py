"""The grid of a study file, torch-free: axes with overrides, and a shorter form that is written as them."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, model_serializer, model_validator

from hubkit.errors import UsageError
from hubkit.train.spec import ARCHITECTURES, Architecture, SaeSpec, Settings, sized

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import SerializerFunctionWrapHandler

FORMS = ("grid of settings", "grid of axes", "several grids")
"""What pydantic calls them in the place of a mistake; the study file has no such level."""
TAG = r"^[A-Za-z0-9][A-Za-z0-9.-]*$"
NAMED = ("architecture", "layer", "condition")
"""Axes that every sae_id names; others follow where they have more than one value."""


class Override(BaseModel):
    """`set` for those SAEs of the grid that have every value of `when`."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    when: dict[str, Any]
    """Field and value, for instance `architecture: jumprelu`."""
    set: dict[str, Any]
    """Field and value."""

    def applies(self, fields: dict[str, Any]) -> bool:
        """Whether an SAE with `fields` is meant."""
        return all(fields.get(name) == value for name, value in self.when.items())


class _Grid(BaseModel):
    """What both forms have."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    prefix: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    """First part of every sae_id."""
    tag: str | None = Field(default=None, pattern=TAG)
    """Behind the architecture in every sae_id: `ste` gives `tinyllama_jumprelu_ste_L9_mixed`."""

    @model_serializer(mode="wrap")
    def _unsaid_left_out(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """A key that nobody gave is not there: a new one changes no digest of another study."""
        return {name: value for name, value in handler(self).items() if value is not None}


class SaeGrid(_Grid):
    """Every combination of the axes' values, on top of `spec`, with the overrides that apply, in their order."""

    spec: dict[str, Any] = Field(default_factory=dict)
    """Fields that all have in common."""
    axes: dict[str, list[Any]]
    """Field and its values; the first axis changes slowest."""
    overrides: list[Override] = Field(default_factory=list)
    """Exceptions."""

    @model_validator(mode="after")
    def _fields_are_known(self) -> SaeGrid:
        known = set(SaeSpec.model_fields) - {"sae_id"}
        places = {"spec": self.spec, "axes": self.axes}
        for number, override in enumerate(self.overrides):
            places |= {f"overrides.{number}.when": override.when, f"overrides.{number}.set": override.set}
        for place, fields in places.items():
            unknown = sorted(set(fields) - known)
            if unknown:
                raise ValueError(
                    f"{place}: {', '.join(unknown)}, expected some of {', '.join(sorted(known))}"
                )
        empty = [name for name, values in self.axes.items() if not values]
        if empty:
            raise ValueError(f"axes: {', '.join(empty)} has no values")
        return self

    def on(self, layers: Sequence[int]) -> SaeGrid:
        """This grid, at every one of `layers` (those collected) where it does not say at which."""
        if "layer" in self.axes | self.spec:
            return self
        return self.model_copy(update={"axes": {"layer": list(layers)} | self.axes})

    @property
    def has_expansion(self) -> bool:
        """Whether the width of the activations decides how many latents an SAE has."""
        places = [self.axes, self.spec, *(override.set for override in self.overrides)]
        return any(_stated(fields.get("expansion")) for fields in places)

    def written(self) -> dict[str, Any]:
        """As a study file has it."""
        return self.model_dump(mode="json", exclude_defaults=True)

    def expand(self, d_in: int | None = None) -> list[SaeSpec]:
        """The specs, each under its own name. `d_in` is the width of the activations, needed where an expansion is given.

        Raises UsageError for two SAEs of one name, pydantic's ValidationError for a combination that means nothing.
        """
        found: dict[str, SaeSpec] = {}
        for values in product(*self.axes.values()):
            fields = self.spec | dict(zip(self.axes, values, strict=True))
            for override in self.overrides:
                if override.applies(fields):
                    fields = fields | override.set
            spec = SaeSpec.model_validate(sized({"sae_id": self._name(fields)} | fields, d_in))
            if spec.sae_id in found:
                raise UsageError(
                    f"{spec.sae_id}: two SAEs of the grid have this name", hint="give an axis each value once"
                )
            found[spec.sae_id] = spec
        return list(found.values())

    def _name(self, fields: dict[str, Any]) -> str:
        """`{prefix}_{architecture}_{tag}_L{layer}_{condition}`, then the axes that vary beside them."""
        parts = [self.prefix, fields.get("architecture"), *([self.tag] if self.tag else [])]
        parts += [f"L{fields.get('layer')}", fields.get("condition")]
        varied = [name for name, values in self.axes.items() if len(values) > 1 and name not in NAMED]
        parts += [f"{name}-{_spelled(fields[name])}" for name in varied]
        return "_".join(str(part) for part in parts)


class GridPlan(_Grid):
    """Layers (those collected, or some of them) x architectures x conditions."""

    layers: tuple[int, ...] | None = Field(default=None, min_length=1)
    """Those of the collected layers that this grid is at, where it is not at all of them."""
    architectures: dict[Architecture, Settings]
    """Name to settings: one SAE each at every layer and condition."""
    conditions: tuple[str, ...]
    """`mixed`: all labelled rows; `<label>_only`: those of one label."""

    @model_validator(mode="after")
    def _k_means_something(self) -> GridPlan:
        for name, settings in self.architectures.items():
            if settings.k is not None and not ARCHITECTURES[name].takes_k:
                raise ValueError(
                    f"architectures.{name}.k: {settings.k}, {name} has no k: leave it out, its sparsity is sparsity_coefficient"
                )
        return self

    def on(self, layers: Sequence[int]) -> SaeGrid:
        """The same as axes and overrides, at every one of `layers`."""
        return SaeGrid(
            prefix=self.prefix,
            tag=self.tag,
            axes={
                "layer": list(layers if self.layers is None else self.layers),
                "architecture": list(self.architectures),
                "condition": list(self.conditions),
            },
            overrides=[
                Override(when={"architecture": name}, set=settings.model_dump(exclude_unset=True))
                for name, settings in self.architectures.items()
            ],
        )

    def written(self) -> dict[str, Any]:
        """As a study file has it: what nobody gave stays for the size of the pool to decide."""
        return self.model_dump(mode="json", exclude_unset=True)


def _form(value: Any) -> str:
    if isinstance(value, list | tuple):
        return FORMS[2]
    return FORMS["axes" in value if isinstance(value, dict) else hasattr(value, "axes")]


OneGrid = Annotated[
    Annotated[GridPlan, Tag(FORMS[0])] | Annotated[SaeGrid, Tag(FORMS[1])], Discriminator(_form)
]
SeveralGrids = Annotated[tuple[OneGrid, ...], Field(min_length=1)]
AnyGrid = Annotated[
    Annotated[GridPlan, Tag(FORMS[0])]
    | Annotated[SaeGrid, Tag(FORMS[1])]
    | Annotated[SeveralGrids, Tag(FORMS[2])],
    Discriminator(_form),
]
"""One grid, or several that no product of axes can say: an architecture at some layers only, the same one trained in two ways."""


def grids_of(grid: GridPlan | SaeGrid | Sequence[GridPlan | SaeGrid], layers: Sequence[int]) -> list[SaeGrid]:
    """One or several, as axes and overrides at the collected `layers`."""
    several = [grid] if isinstance(grid, GridPlan | SaeGrid) else grid
    return [one.on(layers) for one in several]


def expand_all(grids: Sequence[SaeGrid], d_in: int | None) -> list[SaeSpec]:
    """The specs of all of them. Raises as `SaeGrid.expand` does, also for a name that two grids have."""
    found: dict[str, SaeSpec] = {}
    for grid in grids:
        for spec in grid.expand(d_in):
            if spec.sae_id in found:
                raise UsageError(
                    f"{spec.sae_id}: SAEs of two grids have this name", hint="give one of the grids a tag"
                )
            found[spec.sae_id] = spec
    return list(found.values())


def _stated(value: Any) -> bool:
    """Whether a field, or an axis of them, has a value."""
    return any(one is not None for one in value) if isinstance(value, list) else value is not None


def _spelled(value: Any) -> str:
    """A value as a part of a folder's name."""
    return "".join(sign if sign.isalnum() or sign in ".-" else "-" for sign in str(value))
