"""One unit of evaluation: one published SAE, the SAEs of its folds, and its membership control, on the pool."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from hubkit.engine.threads import threads_for
from hubkit.errors import HubkitError
from hubkit.evaluate import rows
from hubkit.evaluate.probe import membership_value, new_scenarios_value, out_of_fold, probe_value
from hubkit.evaluate.reconstruction import Encoded, reconstruction_values
from hubkit.evaluate.values import missing
from hubkit.release.activations import read_layer
from hubkit.release.folds import ALL, CONTROL, rows_of, scenario_folds
from hubkit.release.layout import CFG, MANIFEST, WEIGHTS
from hubkit.release.pool import MIXED, PoolManifest

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from hubkit.engine.events import Progress
    from hubkit.evaluate.probe import Design, Predictions
    from hubkit.formats.sae import Sae
    from hubkit.release.metrics import MetricValue

RECONSTRUCTION = ("explained_variance", "l0", "alive_share")
L0_SLACK = 0.25
"""Distance of the L0 on unseen rows from the one asked for, relative to it, from which it is said."""


@dataclass(frozen=True)
class EvaluationUnit:
    """What a worker needs to evaluate one SAE; picklable."""

    sae_id: str
    pool_folder: Path
    folder: Path
    """The published SAE."""
    beside: dict[str, Path]
    """Draw (fold, whole-scenario fold, control) to the SAE of that draw; a folder need not exist."""


@dataclass(frozen=True)
class Evaluated:
    """What came of it."""

    layer: int
    values: list[MetricValue]
    predictions: Predictions
    """For the comparison with the layer's raw activations."""
    warnings: list[str] = field(default_factory=list)


def evaluate_unit(unit: EvaluationUnit, report: Progress) -> Evaluated:
    """Reconstruction on the SAE's own rows, cross-fitted reconstruction, cross-fitted probes, the control; runs in any process."""
    del report  # one SAE is done in a moment
    manifest = PoolManifest.load(unit.pool_folder / MANIFEST)
    published = rows.read_sae(unit.folder)
    rows.check_rows(published, ALL, manifest, unit.folder)
    layer = rows.layer_in(published, manifest, unit.folder)
    x = read_layer(unit.pool_folder, manifest, layer)
    with threads_for(x.size):
        return _Evaluation(unit, published, layer, manifest, x).measure()


@dataclass(frozen=True)
class _Evaluation:
    """The SAEs of one unit over the rows of one layer."""

    unit: EvaluationUnit
    published: Sae
    layer: int
    """The pool's."""
    manifest: PoolManifest
    x: NDArray[np.float32]

    @property
    def condition(self) -> str:
        """Which completions the published SAE saw."""
        return str(self.published.training.condition)

    def measure(self) -> Evaluated:
        """Everything that is measured of one SAE."""
        own = rows_of(self.manifest, self.condition)
        design = rows.design_of(self.manifest)
        values = reconstruction_values([encode(self.unit.folder, self.x[own])], "train")
        encoded = self._encoded(design.folds)
        predictions = self._predictions(design, encoded)
        crossfitted = self._crossfitted(encoded, design, own)
        values += [*crossfitted, probe_value(predictions, design), *self._new_scenarios(design)]
        values += self._membership(design)
        return Evaluated(self.layer, values, predictions, self._warnings(crossfitted))

    def _crossfitted(
        self, encoded: dict[str, Encoded] | str, design: Design, own: NDArray[np.bool_]
    ) -> list[MetricValue]:
        """Reconstruction of each own row by the SAE of the fold that holds it out."""
        if isinstance(encoded, str):
            return [missing(name, int(own.sum()), "crossfit", encoded) for name in RECONSTRUCTION]
        parts = [_part(encoded[fold], own & (design.fold == fold)) for fold in design.folds]
        return reconstruction_values([part for part in parts if len(part.x)], "crossfit")

    def _new_scenarios(self, design: Design) -> list[MetricValue]:
        """The probe on scenarios that neither it nor its SAE has seen; nothing where there is but one scenario."""
        folds = scenario_folds(self.manifest)
        if not folds:
            return []
        grouped = replace(design, fold=np.array(folds, dtype=np.str_))
        return [new_scenarios_value(self._predictions(grouped, self._encoded(grouped.folds)), grouped)]

    def _membership(self, design: Design) -> list[MetricValue]:
        """Whether the control's features tell the rows it saw; `mixed` saw all of them."""
        if self.condition == MIXED:
            return []
        seen = replace(design, positive=rows_of(self.manifest, self.condition, CONTROL))
        encoded = self._encoded([CONTROL])
        if isinstance(encoded, str):
            return [membership_value(encoded, seen)]
        return [membership_value(out_of_fold(seen, lambda _: encoded[CONTROL].acts), seen)]

    def _predictions(self, design: Design, encoded: dict[str, Encoded] | str) -> Predictions:
        if isinstance(encoded, str):
            return encoded
        return out_of_fold(design, lambda fold: encoded[fold].acts)

    def _encoded(self, draws: list[str]) -> dict[str, Encoded] | str:
        """All rows through the SAE of each draw, or why not."""
        here = [all((self.unit.beside[draw] / name).is_file() for name in (CFG, WEIGHTS)) for draw in draws]
        if not all(here):
            what = (
                "the control was"
                if draws == [CONTROL]
                else f"{here.count(False)} of {len(here)} SAEs of the folds were"
            )
            return f"not measured: {what} not trained"
        return {draw: self._encode(draw) for draw in draws}

    def _encode(self, draw: str) -> Encoded:
        """Raises HubkitError when it is not the SAE of that layer, condition and draw."""
        folder = self.unit.beside[draw]
        found = rows.read_sae(folder)
        layer = rows.layer_in(found, self.manifest, folder)
        if (layer, found.training.condition) != (self.layer, self.condition):
            raise HubkitError(
                f"{folder}: layer {layer}, {found.training.condition}, expected {self.layer}, {self.condition}",
                hint="hubkit train STUDY.yaml",
            )
        rows.check_rows(found, draw, self.manifest, folder)
        return encode(folder, self.x)

    def _warnings(self, crossfitted: list[MetricValue]) -> list[str]:
        target, l0 = (
            self.published.training.record.k,
            next(value.value for value in crossfitted if value.measure == "l0"),
        )
        if target is None or l0 is None or abs(l0 - target) <= L0_SLACK * target:
            return []
        return [f"L0 is {l0:.1f} on rows it has not seen, {target} was asked for"]


def encode(folder: Path, x: NDArray[np.float32]) -> Encoded:
    """What the SAE in `folder` makes of `x` (n, d_in), loaded and run by SAELens."""
    import torch
    from sae_lens import SAE

    sae: Any = SAE.load_from_disk(folder)
    with torch.no_grad():
        acts = sae.encode(torch.from_numpy(x))
        return Encoded(x, sae.decode(acts).numpy(), acts.numpy())


def _part(encoded: Encoded, chosen: NDArray[np.bool_]) -> Encoded:
    return Encoded(encoded.x[chosen], encoded.x_hat[chosen], encoded.acts[chosen])
