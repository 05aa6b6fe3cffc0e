"""What a measure's function may ask of what it is taken of. `evaluate.subject` has the ones that there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from hubkit.measures.design import Design
    from hubkit.measures.matching import Reseeded
    from hubkit.measures.measure import Split
    from hubkit.measures.probed import Columns, Probe, Probed, Values
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
    def reseeded(self) -> Reseeded | None:
        """The SAE and its other seeds, with their activations on the rows that they saw; None where there is one seed."""

    @property
    def reseeded_unseen(self) -> Reseeded | None:
        """The same settings trained without a fold, from each seed, with their activations on its rows; None where there are no such SAEs."""

    @property
    def probed_elsewhere(self) -> Probe:
        """The same out of whole-scenario folds."""

    @property
    def calibrated(self) -> Values | str:
        """(n,) probabilities of the first label, out of the plain folds; or why there are none."""

    @property
    def probed_untrained(self) -> Probe | None:
        """The probe of a random SAE of equal L0; None of raw activations."""

    @property
    def probed_controls(self) -> Columns | str:
        """The same probe, out of the plain folds: of the labels, and then of labels thrown for each scenario; or why there are none."""

    def probe_sparsely(self, k: int) -> tuple[Probe, Probe]:
        """The probe of the k latents that tell the labels of the training rows apart furthest, and of as many dimensions of the raw activations."""

    def probe_components(self, k: int) -> Probe | None:
        """The probe of the first k principal components of the training rows; None of an SAE."""

    def probe_random_latents(self, k: int) -> list[Probed] | str | None:
        """Probes of k latents drawn at random beside those of `probe_sparsely`, several draws; or why there are none. None of raw activations."""

    def labelled(self, split: Split, /) -> tuple[Labelled, ...] | None:
        """Latents beside labels: of one SAE on all of the split's rows, or of each fold's SAE on the rows that it did not see. None where the label chose which rows an SAE saw."""

    def worded(self, split: Split, /) -> list[tuple[str, tuple[Labelled, ...]]]:
        """As `labelled`, with the wording of the prompt in the place of the label: the first wording against each other one. Empty where there is one."""

    def labelled_folds(self) -> list[tuple[Labelled, Labelled]] | None:
        """For each fold the latents of the other rows, and of its own, both by the SAE without the fold; None as above."""

    def reconstructed(self, split: Split) -> Reconstructed:
        """The rows of the split and what was said back of them. Raises NotMeasured where nothing was."""

    @property
    def labels(self) -> tuple[str, str]:
        """The names of the two, the first is the positive one."""

    def reconstructed_of(self, positive: bool, split: Split, /) -> Reconstructed:
        """The same of the rows with one label alone, which the SAE has not seen."""
