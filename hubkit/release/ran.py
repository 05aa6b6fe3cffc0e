"""`experiments.json` in the work folder: what the experiments with the base model found, as an evaluation takes it in."""

from __future__ import annotations

from pydantic import Field

from hubkit.release.experiments import Steering, Transfer
from hubkit.release.metrics import Evaluation, MetricValue, SaeMetrics, TextsRun
from hubkit.release.model import Artefact


class SaeLoss(Artefact):
    """The base model with one SAE in it."""

    sae_id: str
    values: list[MetricValue]
    texts: TextsRun


class Ran(Artefact):
    """What was found, and of what inputs."""

    inputs_sha256: str
    steering: list[Steering] = Field(default_factory=list)
    transfers: list[Transfer] = Field(default_factory=list)
    losses: list[SaeLoss] = Field(default_factory=list)

    def put_into(self, evaluation: Evaluation) -> Evaluation:
        """The same evaluation with all of it; the record of its computation is to be made anew."""
        losses = {one.sae_id: one for one in self.losses}
        saes = [_with(one, losses.get(one.sae_id)) for one in evaluation.saes]
        return evaluation.model_copy(
            update={"saes": saes, "steering": self.steering, "transfers": self.transfers}
        )


def _with(sae: SaeMetrics, loss: SaeLoss | None) -> SaeMetrics:
    if loss is None:
        return sae
    return sae.model_copy(update={"values": [*sae.values, *loss.values], "texts": loss.texts})
