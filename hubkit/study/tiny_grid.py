"""The grid of a study at lab width: the same SAEs, at the tiny model's layers, with fewer latents and steps. Torch-free."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hubkit.lab.model import STANDARD
from hubkit.train.grid import Override, SaeGrid, expand_all, grids_of
from hubkit.train.spec import STEPS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hubkit.study.study import Study

WIDTH = STANDARD.d_model
PREFIX = "lab_"
"""Before the name of every SAE: what is loaded by it says of what it is."""
K = 16
"""What the largest k of a study becomes: as many latents as the lab study has."""
BATCH = 64
WIDER = 4
"""d_sae in widths, where the real width is not known."""
WINDOWS = {"lr_warm_up_steps", "lr_decay_steps", "sparsity_warm_up_steps", "dead_window"}
RECIPE = {"lr", "matryoshka_widths"}
"""Settings that are right for a size: those that hubkit takes for a small one are in their place, unless they are what is varied."""


@dataclass(frozen=True)
class _Scale:
    layers: Mapping[int, int]
    latents: float
    """Tiny width in real widths."""
    k: float
    steps: float
    epochs: float
    """Steps for each epoch."""

    def value(self, name: str, value: Any) -> Any:
        """One value of a field, wherever it stands."""
        if name == "layer":
            return self.layers[value]
        if isinstance(value, bool) or not isinstance(value, int | float):
            return value
        factors = {"d_sae": self.latents, "k": self.k, "steps": self.steps, "epochs": self.epochs}
        factors |= dict.fromkeys(WINDOWS, self.steps)
        if name in factors:
            least = 0 if name in WINDOWS and value == 0 else 1
            rounded = int if name in WINDOWS else round
            return max(least, rounded(value * factors[name]))
        return min(value, BATCH) if name == "batch_size" else value

    def fields(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Of `spec`, `when` and `set`: epochs as steps, and no setting of the recipe."""
        found = {name: self.value(name, value) for name, value in fields.items() if name not in RECIPE}
        if found.get("epochs") is not None:
            found |= {"steps": found["epochs"], "epochs": None}
        return found

    def grid(self, grid: SaeGrid) -> SaeGrid:
        axes = {name: [self.value(name, one) for one in values] for name, values in grid.axes.items()}
        if "epochs" in axes:
            axes = {"steps" if name == "epochs" else name: values for name, values in axes.items()}
        return SaeGrid(
            prefix=PREFIX + grid.prefix,
            tag=grid.tag,
            spec=self.fields(grid.spec),
            axes=axes,
            overrides=[
                Override(when=self._when(one.when), set=self.fields(one.set)) for one in grid.overrides
            ],
        )

    def _when(self, when: Mapping[str, Any]) -> dict[str, Any]:
        """As the axes have it, or the exception would be of no SAE."""
        return {
            "steps" if name == "epochs" else name: self.value(name, value) for name, value in when.items()
        }


def tiny_grids(study: Study, layers: Mapping[int, int], width: int | None) -> tuple[SaeGrid, ...]:
    """The grids of `study` at `layers` (real to tiny) of a model of lab width; `width` is the real model's, where it is known."""
    grids = grids_of(study.grid, study.collect.layers)
    specs = expand_all(grids, width or WIDTH)
    most = max((spec.k for spec in specs if spec.k), default=K)
    longest = max(spec.steps_for(study.collect.samples) for spec in specs)
    epochs = max((spec.epochs for spec in specs if spec.epochs), default=1)
    widest = max(spec.d_sae for spec in specs)
    scale = _Scale(
        layers=layers,
        latents=WIDTH / width if width else WIDER * WIDTH / widest,
        k=K / most,
        steps=STEPS / longest,
        epochs=STEPS / epochs,
    )
    return tuple(scale.grid(grid) for grid in grids)
