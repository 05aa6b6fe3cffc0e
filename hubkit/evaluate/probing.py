"""What probes of one set of features may be asked, whether these are of SAEs of folds or the same in every fold."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from hubkit.evaluate.calibrate import calibrated
from hubkit.evaluate.few import component_probe, random_latent_probes, sparse_probe
from hubkit.evaluate.probe import labelled_otherwise, probe
from hubkit.evaluate.untrained import random_latents
from hubkit.measures.control_labels import control_labels

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hubkit.evaluate.probe import Permuting
    from hubkit.measures.design import Design, Floats
    from hubkit.measures.matching import Reseeded
    from hubkit.measures.probed import Columns, Probe, Probed, Values


class Probing(ABC):
    """Needs the raw activations `x` (n, d_in), the `design` of their rows, and what `_of_each_fold` gives."""

    x: Any
    design: Any

    @abstractmethod
    def _of_each_fold(self) -> Mapping[str, Floats] | str:
        """Fold to (n, d) features of all rows, made without the fold's; or why there are none."""

    @property
    def permuting(self) -> Permuting:
        """Which permutation of the labels the features have no part in, out of the plain folds."""
        return "folds dealt again"

    @property
    def exchangeable(self) -> bool:
        """Whether the labels had no part in the features."""
        return True

    @property
    def firing(self) -> tuple[int, float, bool] | str | None:
        """Latents, L0 on unseen rows, and whether each row keeps as many: of a trained SAE. None of raw activations."""
        return None

    @property
    def reseeded(self) -> Reseeded | None:
        """The SAE and its other seeds, on the rows that they saw; None where there is one seed."""
        return None

    @property
    def reseeded_unseen(self) -> Reseeded | None:
        """The same on rows that none of them saw; None where there are no such SAEs."""
        return None

    @property
    def _raw(self) -> Mapping[str, Floats]:
        design: Design = self.design
        return dict.fromkeys(design.folds, self.x)

    @cached_property
    def calibrated(self) -> Values | str:
        """(n,) probabilities of the first label, out of the plain folds; or why there are none."""
        features = self._of_each_fold()
        return features if isinstance(features, str) else calibrated(self.design, features)

    @cached_property
    def probed_untrained(self) -> Probe | None:
        """The probe of a random SAE of equal L0; None of raw activations. It knows no folds, and no labels."""
        firing = self.firing
        if firing is None or isinstance(firing, str):
            return firing
        d_sae, l0, each_row = firing
        if not (np.isfinite(l0) and l0 > 0):
            return f"the SAE's L0 on unseen rows is {l0}: a random one cannot have the same"
        latents = random_latents(self.x, d_sae, l0, each_row=each_row)
        return probe(self.design, dict.fromkeys(self.design.folds, latents), "folds dealt again")

    @cached_property
    def probed_controls(self) -> Columns | str:
        """The same probe, out of the plain folds: of the labels, and then of labels thrown for each scenario; or why there are none."""
        features, thrown = self._of_each_fold(), control_labels(self.design)
        if isinstance(features, str) or isinstance(thrown, str):
            return features if isinstance(features, str) else str(thrown)
        return labelled_otherwise(self.design, features, np.c_[self.design.positive, thrown])

    def probe_sparsely(self, k: int) -> tuple[Probe, Probe]:
        """Of k features, and of as many dimensions of the raw activations."""
        features = self._of_each_fold()
        raw = sparse_probe(self.design, self._raw, k)
        if isinstance(features, str):
            return features, raw
        return sparse_probe(self.design, features, k, self.permuting, exchangeable=self.exchangeable), raw

    def probe_components(self, k: int) -> Probe | None:
        """Of k principal components; None of an SAE."""
        return component_probe(self.design, self._raw, k) if self.firing is None else None

    def probe_random_latents(self, k: int) -> list[Probed] | str | None:
        """Of k latents drawn at random, several draws; None of raw activations."""
        if self.firing is None:
            return None
        features = self._of_each_fold()
        if isinstance(features, str):
            return features
        return random_latent_probes(self.design, features, k, exchangeable=self.exchangeable)
