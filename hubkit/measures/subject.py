"""What a measure's function may ask of what it is taken of. `evaluate.subject` has the ones that there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from hubkit.measures.design import Design, Predictions
    from hubkit.measures.measure import Split
    from hubkit.measures.reconstructed import Reconstructed


class Subject(Protocol):
    """An SAE on a pool, or a layer's raw activations."""

    @property
    def design(self) -> Design:
        """Label, scenario and fold of every row."""

    @property
    def by_scenario(self) -> Design | None:
        """The same with whole scenarios held out; None where there is but one scenario."""

    @property
    def control(self) -> Design | None:
        """Label: whether the control SAE saw the row. None where there can be no control."""

    @property
    def predictions(self) -> Predictions:
        """Of the label, out of the plain folds."""

    def probe(self, design: Design) -> Predictions:
        """Predictions out of the folds of `design`, each fold's from features made without it."""

    def probe_control(self, design: Design) -> Predictions:
        """Predictions from the features of the control SAE, which is one for all folds."""

    def reconstructed(self, split: Split) -> Reconstructed:
        """The rows of the split and what was said back of them. Raises NotMeasured where nothing was."""
