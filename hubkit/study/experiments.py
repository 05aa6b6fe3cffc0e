"""What a study asks beside the measures that every evaluation takes. Torch-free."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from hubkit.experiments.plan import ModelExperiments

if TYPE_CHECKING:
    from pathlib import Path

    from hubkit.evaluate.followups import Followups


class Experiments(ModelExperiments):
    """Nothing by itself: examples cite completions, draws and the base model cost time."""

    top_latents: int = Field(default=0, ge=0, le=100)
    """How many latents of each SAE of both labels are shown, those that tell the labels apart furthest, each with the beginning of the completion of either label that excites it most: the
    card then cites completions, published or not."""
    resampled: tuple[int, ...] = ()
    """Seeds: for each, half of the rows are drawn anew, and the card says whether the largest |d| and its latents come back."""

    beside: tuple[str, ...] = ()
    """Other releases of the study by name, or folders found from where the releases go: their SAEs that read the same place are probed on this release's rows, beside its own. What is not there
    yet is measured by the next run."""

    def followups(self, folder: Path) -> Followups:
        """As the evaluation takes them; `folder` is where the releases are."""
        from hubkit.evaluate.followups import Followups

        return Followups(self.top_latents, self.resampled, {name: folder / name for name in self.beside})
