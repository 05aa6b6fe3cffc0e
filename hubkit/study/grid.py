"""The grid of a study file, in either form: settings for each architecture, or one spec with axes and overrides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

from hubkit.train.grid import SaeGrid
from hubkit.train.spec import Architecture, SaeSpec, Settings, grid

if TYPE_CHECKING:
    from collections.abc import Sequence

FORMS = ("grid of settings", "grid of axes")
"""What pydantic calls the two in the place of a mistake; the study file has no such level."""


class GridPlan(BaseModel):
    """Layers (those collected) x architectures x conditions."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    prefix: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    """First part of every sae_id."""
    architectures: dict[Architecture, Settings]
    conditions: tuple[str, ...]
    """`mixed`: all labelled rows; `<label>_only`: those of one label."""


def _form(value: Any) -> str:
    axes = "axes" in value if isinstance(value, dict) else isinstance(value, SaeGrid)
    return FORMS[axes]


AnyGrid = Annotated[
    Annotated[GridPlan, Tag(FORMS[0])] | Annotated[SaeGrid, Tag(FORMS[1])], Discriminator(_form)
]


def specs_of(plan: GridPlan | SaeGrid, layers: Sequence[int], d_in: int | None) -> list[SaeSpec]:
    """The SAEs of `plan`; `layers` are those collected, which a grid of axes may leave unsaid or narrow.

    `d_in` is the width of the activations, needed where an expansion is given. Raises UsageError for two SAEs of one name, ValueError
    (pydantic's too) for a combination that means nothing.
    """
    if isinstance(plan, GridPlan):
        settings = plan.architectures
        return grid(layers, list(settings), plan.conditions, prefix=plan.prefix, settings=settings, d_in=d_in)
    if "layer" not in plan.axes | plan.spec:
        plan = plan.model_copy(update={"axes": {"layer": list(layers)} | plan.axes})
    return plan.expand(d_in)


def has_expansion(plan: GridPlan | SaeGrid) -> bool:
    """Whether the width of the activations decides how many latents an SAE of `plan` has."""
    if isinstance(plan, GridPlan):
        return any(settings.expansion is not None for settings in plan.architectures.values())
    places = [plan.axes, plan.spec, *(override.set for override in plan.overrides)]
    return any("expansion" in fields for fields in places)
