"""What hubkit knows of an architecture that it trains, and how the modules of `architectures/` are found. Torch-free: so is a study file.

SAELens's training class does the work; what it leaves open stands in a module's `Architecture`: which settings it needs, what is between its steps, and
how what was trained is read. Its methods import torch and SAELens where they run.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import BaseModel, ConfigDict

from hubkit.train import architectures

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import torch

    from hubkit.train.spec import SaeSpec
    from hubkit.train.step import Step

    Gradient = Callable[[torch.Tensor, Mapping[str, float]], Step]

LR = 1e-3
LEARNS = "learns"
NAIVE = "naive"


class OwnSettings(BaseModel):
    """Settings that one architecture alone reads. They are keys of a spec like any other; of a new one the default is None, so that no digest changes."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True)


class Architecture(ABC):
    """One architecture, by SAELens's name of its training class."""

    name: ClassVar[str]
    own: ClassVar[type[OwnSettings] | None] = None
    recipes: ClassVar[tuple[str, ...]] = (LEARNS,)
    takes_k: ClassVar[bool] = True
    """Whether k means anything to it."""
    mixes_rows: ClassVar[bool] = False
    """Whether what is on in a row depends on the other rows of the batch: then a batch cannot be filled up, and stacks are of one batch size."""
    unit_decoder: ClassVar[bool] = False
    """Whether it is saved with decoder rows of norm 1, which makes its activations lengths in raw space."""

    def lr(self, recipe: str) -> float:
        """Adam's learning rate where none is given."""
        del recipe
        return LR

    def suited(self, spec: SaeSpec, n: int) -> dict[str, Any]:
        """Settings for a run on thousands of rows (`size.many_rows`), `n` of them, in the place of those that nobody gave; its defaults are for hundreds."""
        del spec, n
        return {}

    def needs_k(self, spec: SaeSpec) -> bool:
        """Whether k shapes it; where it does not, no L0 is asked for."""
        del spec
        return False

    def problem(self, spec: SaeSpec) -> str | None:
        """Why `spec` cannot be trained, or None."""
        if spec.k is not None or not self.needs_k(spec):
            return None
        return f"{self.name} needs k, the latents that are on for a row, such as `k: 16`"

    @abstractmethod
    def build(self, spec: SaeSpec, d_in: int, steps: int) -> Any:
        """SAELens's training SAE for a run of `steps`, its weights from torch's generator. Runs under vmap: no shape depends on the data."""

    def gradient(self, spec: SaeSpec, sae: Any) -> Gradient | None:
        """The gradient of a step written out for the CPU, which sets every `.grad` of `sae`, or None: then it is torch's of SAELens's losses."""
        del spec, sae
        return None

    def project(self, weights: Mapping[str, torch.Tensor]) -> None:  # noqa: B027 - most have nothing to put anywhere
        """Before each step and after the last: put `weights`, by name, of one SAE or of a stack, where they may be. In place."""

    def follow_rate(self, sae: Any) -> float:
        """How far `follow` goes in one step; 0 leaves everything as it is."""
        del sae
        return 0.0

    def follow(  # noqa: B027 - and nothing to move
        self, rate: float | torch.Tensor, buffers: Mapping[str, torch.Tensor], acts: torch.Tensor
    ) -> None:
        """After each step: what moves without a gradient. In place.

        `rate`, `buffers` by name and `acts` (..., B, d_sae) are of one SAE or of a stack; where `gradient` works on sparse entries, `acts` are theirs alone.
        """

    def encode(self, sae: Any, x: torch.Tensor) -> torch.Tensor:
        """Feature activations (n, d_sae) of scaled activations `x` (n, d_in), as the saved form has them."""
        acts: torch.Tensor = sae.encode(x)
        return acts

    def initial_threshold(self, sae: Any) -> float | None:
        """Where every learned threshold started; None where none is learned."""
        del sae
        return None

    def details(self, spec: SaeSpec, sae: Any) -> dict[str, Any]:
        """`metadata.training_architecture_details`: the configuration as far as it acted."""
        del spec
        found: dict[str, Any] = sae.cfg.get_training_architecture_details()
        return found

    def warnings(self, spec: SaeSpec, n: int) -> list[str]:
        """What to say of a training of `spec` on `n` rows."""
        del spec, n
        return []


@cache
def all_architectures() -> dict[str, Architecture]:
    """By name, every architecture of `hubkit/train/architectures/`."""
    names = sorted(module.name for module in iter_modules(architectures.__path__))
    modules = [import_module(f"{architectures.__name__}.{name}") for name in names]
    found = (value for module in modules for value in vars(module).values())
    return {one.name: one for one in found if isinstance(one, Architecture)}
