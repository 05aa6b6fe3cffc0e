"""What measures are taken of on one pool: the raw activations of a layer here, an SAE with those of its folds in `pool_sae.py`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from hubkit.evaluate import rows
from hubkit.evaluate.control import PoolControl
from hubkit.evaluate.probe import probe
from hubkit.evaluate.probing import Probing
from hubkit.measures.estimate import NotMeasured
from hubkit.measures.reconstructed import Reconstructed
from hubkit.measures.separation import Labelled
from hubkit.release.folds import scenario_folds

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hubkit.evaluate.probe import Permuting
    from hubkit.measures.design import Design, Floats
    from hubkit.measures.measure import Split
    from hubkit.measures.probed import Probe
    from hubkit.release.pool import PoolManifest


@dataclass(frozen=True)
class Subject(Probing, ABC):
    """All that a measure's function may ask. What is dear is computed when it is first asked for."""

    manifest: PoolManifest
    x: NDArray[np.float32]
    """(n, d_in) raw activations of the layer, in the order of the manifest's rows."""

    @abstractmethod
    def features(self, draws: Sequence[str]) -> Mapping[str, Floats] | str:
        """(n, d) features of all rows for each draw, made without the rows that it holds out; or why there are none."""

    def _of_each_fold(self) -> Mapping[str, Floats] | str:
        return self.features(self.design.folds)

    @abstractmethod
    def reconstructed_of(self, positive: bool, split: Split, /) -> Reconstructed:
        """The unseen rows with one label alone, and what was said back of them. Raises NotMeasured."""

    @abstractmethod
    def reconstructed(self, split: Split) -> Reconstructed:
        """The rows of the split and what was said back of them. Raises NotMeasured where nothing was."""

    @property
    def control(self) -> PoolControl | None:
        """Raw activations have none."""
        return None

    def labelled(self, _: Split, /) -> tuple[Labelled, ...] | None:
        """Raw activations have no latents."""
        return None

    def labelled_folds(self) -> list[tuple[Labelled, Labelled]] | None:
        """Raw activations have no latents."""
        return None

    @property
    def labels(self) -> tuple[str, str]:
        """The names of the two, the first is the positive one."""
        return self.manifest.labels

    def worded(self, _: Split, /) -> list[tuple[str, tuple[Labelled, ...]]]:
        """Raw activations have no latents."""
        return []

    @cached_property
    def design(self) -> Design:
        """Label, scenario and fold of every row."""
        return rows.design_of(self.manifest)

    @cached_property
    def by_scenario(self) -> Design | None:
        """The same with whole scenarios held out; None where there is but one scenario."""
        folds = scenario_folds(self.manifest)
        return replace(self.design, fold=np.array(folds, dtype=np.str_)) if folds else None

    @cached_property
    def probed(self) -> Probe:
        """The probe of the label, out of the plain folds."""
        return self._probe(self.design, self.permuting)

    @cached_property
    def probed_elsewhere(self) -> Probe:
        """The same out of whole-scenario folds, which hang on how many of each label a scenario has, and not on which rows those are."""
        if self.by_scenario is None:
            return "there is one scenario"
        return self._probe(self.by_scenario, "scenarios held")

    @cached_property
    def compared(self) -> Probe:
        """As it stands beside another: both of the same permuted labels, which are those that the SAEs of the folds have no part in."""
        return self.probed if self.permuting == "folds held" else self._probe(self.design, "folds held")

    def _probe(self, design: Design, permuting: Permuting) -> Probe:
        features = self.features(design.folds)
        if isinstance(features, str):
            return features
        return probe(design, features, permuting, exchangeable=self.exchangeable)


@dataclass(frozen=True)
class RawLayer(Subject):
    """The raw activations of one layer: the reference of every SAE there."""

    def features(self, draws: Sequence[str]) -> Mapping[str, Floats]:
        """The activations, which nobody trained on anything."""
        return dict.fromkeys(draws, self.x)

    def reconstructed(self, split: Split) -> Reconstructed:
        """Nothing says them back."""
        raise NotMeasured(f"raw activations are not reconstructed ({split})", len(self.x))

    def reconstructed_of(self, _: bool, split: Split, /) -> Reconstructed:
        """As little."""
        return self.reconstructed(split)
