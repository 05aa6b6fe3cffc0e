"""One unit of training: one SAE on one set of rows, saved, read back, marked done."""

from __future__ import annotations

import time
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, ValidationError

from hubkit.engine.threads import threads_for
from hubkit.release.activations import read_layer, rows_of
from hubkit.release.digests import sha256_of_file, sha256_of_json
from hubkit.release.layout import CFG, DONE, MANIFEST, WEIGHTS
from hubkit.release.pool import PoolManifest
from hubkit.release.writing import write_json

if TYPE_CHECKING:
    from pathlib import Path

    from hubkit.train.spec import SaeSpec

ARITHMETIC = 1
"""Counted up whenever hubkit would train something else from the same spec and rows."""


@dataclass(frozen=True)
class TrainingUnit:
    """What a worker needs to train one SAE; picklable."""

    spec: SaeSpec
    held_out: str | None
    pool_folder: Path
    target: Path
    """The SAE's folder."""
    marker: Path
    """Its done.json."""
    digest: str

    @property
    def key(self) -> str:
        """Its name in progress and failures."""
        return self.spec.sae_id if self.held_out is None else f"{self.spec.sae_id} without {self.held_out}"


class Done(BaseModel):
    """A unit's done.json, written last."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    digest: str
    sae_id: str
    held_out: str | None
    n_rows: int
    files: dict[str, str]
    """Name in the SAE's folder to sha256."""
    seconds: float
    l0: float
    dead_share: float
    at_initial_threshold: float | None
    max_error: float
    warnings: list[str]


def unit_digest(spec: SaeSpec, held_out: str | None, pool_sha256: str) -> str:
    """The content address of a unit: everything its weights depend on."""
    versions = {package: version(package) for package in ("sae-lens", "torch")}
    return sha256_of_json(
        {
            "spec": spec.model_dump(mode="json"),
            "held_out": held_out,
            "pool": pool_sha256,
            "arithmetic": ARITHMETIC,
            "versions": versions,
        }
    )


def done_of(unit: TrainingUnit) -> Done | None:
    """The unit's marker when it is finished and its files are the ones it wrote, else None."""
    try:
        done = Done.model_validate_json(unit.marker.read_bytes())
        same = all(sha256_of_file(unit.target / name) == digest for name, digest in done.files.items())
    except (OSError, ValidationError):
        return None
    return done if same and done.digest == unit.digest else None


def train_unit(unit: TrainingUnit) -> Done:
    """Train, save, read back, mark done; runs in any process. Raises HubkitError when the SAE does not come out right."""
    import torch

    from hubkit.train import loop, readback, save

    started = time.perf_counter()
    manifest = PoolManifest.load(unit.pool_folder / MANIFEST)
    rows = read_layer(unit.pool_folder, manifest, unit.spec.layer)
    chosen = torch.from_numpy(rows[rows_of(manifest, unit.spec.condition, held_out=unit.held_out)])
    with threads_for(unit.spec.d_sae * chosen.shape[1]):
        trained = loop.fit(unit.spec, chosen)
    said = save.save(trained, save.Origin(manifest, unit.held_out, len(chosen)), unit.target)
    found = readback.read_back(trained, chosen, unit.target)
    done = Done(
        digest=unit.digest,
        sae_id=unit.spec.sae_id,
        held_out=unit.held_out,
        n_rows=len(chosen),
        files={name: sha256_of_file(unit.target / name) for name in (CFG, WEIGHTS)},
        seconds=round(time.perf_counter() - started, 3),
        l0=found.l0,
        dead_share=found.dead_share,
        at_initial_threshold=found.at_initial_threshold,
        max_error=found.max_error,
        warnings=said + found.warnings,
    )
    write_json(unit.marker, done.model_dump(mode="json"))
    return done


def marker_of(work: Path, digest: str) -> Path:
    """Where the done.json of a unit is."""
    return work / "units" / digest / DONE


def record(done: Done) -> dict[str, Any]:
    """What `training.json` says of a published SAE."""
    return done.model_dump(mode="json", exclude={"digest", "sae_id", "held_out"})
