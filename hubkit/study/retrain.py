"""The SAEs of a release trained again from its published pool and their published specs: those of the release, of its folds and of its controls."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import Field
from safetensors.numpy import load_file

from hubkit.errors import IncompleteError, NothingFound
from hubkit.evaluate.reproduce import UNFIT
from hubkit.evaluate.rows import read_sae
from hubkit.formats.detect import read_saes
from hubkit.formats.folder import folders_of
from hubkit.release.folds import CONTROL
from hubkit.release.layout import ACTIVATIONS, CFG, EVALUATION, PUBLISHED_POOL, PUBLISHED_SPECS, WEIGHTS
from hubkit.release.metrics import Evaluation
from hubkit.release.model import Artefact
from hubkit.repo.local import open_folder
from hubkit.train.plan import CrossFit
from hubkit.train.run import Options, train
from hubkit.train.spec import SaeSpec

if TYPE_CHECKING:
    from pathlib import Path

    from hubkit.engine.events import Progress

AGREEMENT = "seed_agreement"
NEW_SCENARIOS = "probe_new_scenarios_balanced_accuracy"


class PublishedSpecs(Artefact):
    """`pool/specs.json`: with the pool beside it, enough to train every SAE of the release again."""

    schema_: Literal["urn:hubkit:specs:1"] = Field(default="urn:hubkit:specs:1", alias="$schema")
    specs: list[SaeSpec] = Field(min_length=1)
    """In the order in which they were trained."""


@dataclass(frozen=True)
class Retrained:
    """What the published SAEs came to when they were trained again."""

    saes: int
    identical: int
    """Whose weights are the published ones, every bit."""
    furthest: float
    """The largest distance of a weight from the published one, relative to the largest of its tensor."""
    beside: int
    """SAEs of folds, controls and other seeds."""


def retrain(release: Path, folder: Path, *, workers: int, report: Progress) -> Retrained:
    """Train them into `folder` (`release/`, `work/`), or go on there. The release is only read.

    Raises NothingFound for a release without specs, IncompleteError where these are not those of its SAEs.
    """
    there = Evaluation.load(release / EVALUATION)
    specs = _specs(release, there)
    trained, work = folder / "release", folder / "work"
    values = [one for sae in there.saes for one in sae.values if one.value is not None]
    crossfit = CrossFit(
        folds=None if any(one.split == "crossfit" for one in values) else 0,
        scenarios=any(one.measure == NEW_SCENARIOS for one in values),
        control=any(one.split == CONTROL for one in values),
        seeds=max((one.n for one in values if one.measure == AGREEMENT), default=1),
    )
    command = ("hubkit", "reproduce", str(release), "--retrain", "--folder", str(folder))
    summary = train(
        specs,
        release / PUBLISHED_POOL / ACTIVATIONS,
        trained,
        work,
        options=Options(crossfit, workers, command=command),
        report=report,
    )
    distances = [_distance(release / spec.sae_id, trained / spec.sae_id) for spec in specs]
    beside = summary.trained + summary.skipped - len(specs)
    return Retrained(len(specs), distances.count(0.0), max(distances), beside)


def _specs(release: Path, there: Evaluation) -> list[SaeSpec]:
    path = release / PUBLISHED_POOL / PUBLISHED_SPECS
    if not path.is_file():
        raise NothingFound(
            f"{release}: no {PUBLISHED_POOL}/{PUBLISHED_SPECS}, which says what its SAEs were trained by",
            hint="hubkit reproduce without --retrain computes what needs no training",
        )
    specs = {spec.sae_id: spec for spec in PublishedSpecs.load(path).specs}
    measured = {sae.sae_id for sae in there.saes}
    if measured != specs.keys():
        one = min(measured ^ specs.keys())
        raise IncompleteError(
            f"{path}: {one} is {'not there' if one in measured else f'not in {EVALUATION}'}, expected the same SAEs in both",
            hint=UNFIT,
        )
    for sae_id, spec in specs.items():
        recorded = read_sae(release / sae_id).training.record.spec_sha256
        if recorded != spec.digest():
            raise IncompleteError(
                f"{path}: {sae_id} has the digest {spec.digest()}, expected that of its {CFG}, {recorded}",
                hint=UNFIT,
            )
        width = _width(release, sae_id)
        if width != spec.d_sae:
            raise IncompleteError(
                f"{path}: {sae_id} has d_sae {spec.d_sae}, expected {width}, as many latents as its {WEIGHTS} have",
                hint=UNFIT,
            )
    return list(specs.values())


def _width(release: Path, sae_id: str) -> int | None:
    """Latents of the weights that are there: what is trained again takes no more memory than what was published."""
    found = read_saes(folders_of(open_folder(release / sae_id))["."])
    encoder = found[0].tensors.get("W_enc") if len(found) == 1 else None
    return encoder.shape[-1] if encoder is not None and encoder.shape else None


def _distance(published: Path, again: Path) -> float:
    """The largest distance of a weight, relative to the largest of its tensor; infinite where the two have other tensors."""
    one, other = (load_file(folder / WEIGHTS) for folder in (published, again))
    if {name: tensor.shape for name, tensor in one.items()} != {
        name: tensor.shape for name, tensor in other.items()
    }:
        return math.inf
    return max(
        float(np.abs(tensor - other[name]).max()) / (float(np.abs(tensor).max()) or 1.0)
        if tensor.size
        else 0.0
        for name, tensor in one.items()
    )
