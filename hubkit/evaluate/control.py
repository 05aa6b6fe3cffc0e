"""The membership control of an SAE: what an SAE of as many rows, drawn blind to the label, shows of which rows those were."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hubkit.evaluate.probe import probe
from hubkit.measures.reconstructed import Encoded, Reconstructed

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from hubkit.measures.design import Design
    from hubkit.measures.probed import Probe, Values


@dataclass(frozen=True)
class PoolControl:
    """Of one SAE on a pool."""

    design: Design
    """Label: whether the control SAE saw the row. The folds are dealt by that."""
    x: NDArray[np.float32]
    """(n, d_in) the raw activations."""
    encoded: Encoded | str
    """All rows through the control SAE, or why there is none."""

    def probed(self) -> tuple[Probe, Probe]:
        """The probe of membership from its features, and from the raw activations."""
        raw = probe(self.design, dict.fromkeys(self.design.folds, self.x))
        if isinstance(self.encoded, str):
            return self.encoded, raw
        return probe(self.design, dict.fromkeys(self.design.folds, self.encoded.acts), "folds held"), raw

    def errors(self) -> Values | str:
        """(n,) how far it is from each row, squared."""
        return self.encoded if isinstance(self.encoded, str) else Reconstructed((self.encoded,)).residuals
