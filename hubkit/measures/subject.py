"""What a measure's function may ask of what it is taken of. `evaluate.subject` has the ones that there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from hubkit.measures.design import Design
    from hubkit.measures.measure import Split
    from hubkit.measures.probed import Probe, Values
    from hubkit.measures.reconstructed import Reconstructed
    from hubkit.measures.separation import Labelled


class Control(Protocol):
    """An SAE of as many rows as the measured one, drawn blind to the label."""

    @property
    def design(self) -> Design:
        """Label: whether it saw the row; the folds dealt by that."""

    def probed(self) -> tuple[Probe, Probe]:
        """The probe of that label from its features, and from the raw activations."""

    def errors(self) -> Values | str:
        """(n,) how far it is from each row, squared; or why there is none."""


class Subject(Protocol):
    """An SAE on a pool, or a layer's raw activations."""

    @property
    def design(self) -> Design:
        """Label, scenario and fold of every row."""

    @property
    def by_scenario(self) -> Design | None:
        """The same with whole scenarios held out; None where there is but one scenario."""

    @property
    def control(self) -> Control | None:
        """What membership is measured of; None where there can be no control."""

    @property
    def probed(self) -> Probe:
        """The probe of the label, out of the plain folds."""

    @property
    def probed_elsewhere(self) -> Probe:
        """The same out of whole-scenario folds."""

    def probe_sparsely(self, k: int) -> tuple[Probe, Probe]:
        """The probe of the k latents that tell the labels of the training rows apart furthest, and of as many dimensions of the raw activations."""

    def labelled(self, split: Split, /) -> tuple[Labelled, ...] | None:
        """Latents beside labels: of one SAE on all of the split's rows, or of each fold's SAE on the rows that it did not see. None where the label chose which rows an SAE saw."""

    def worded(self, split: Split, /) -> list[tuple[str, tuple[Labelled, ...]]]:
        """As `labelled`, with the wording of the prompt in the place of the label: the first wording against each other one. Empty where there is one."""

    def labelled_folds(self) -> list[tuple[Labelled, Labelled]] | None:
        """For each fold the latents of the other rows, and of its own, both by the SAE without the fold; None as above."""

    def reconstructed(self, split: Split) -> Reconstructed:
        """The rows of the split and what was said back of them. Raises NotMeasured where nothing was."""
