"""The unit of training: one SAE on one draw of rows, under a content address, done when its done.json is there."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, ValidationError

from hubkit.release.digests import sha256_of_file, sha256_of_json
from hubkit.release.folds import ALL, CONTROL, SEED
from hubkit.release.layout import DONE

if TYPE_CHECKING:
    from pathlib import Path

    from hubkit.train.spec import SaeSpec

ARITHMETIC = 2
"""Counted up whenever hubkit would train something else from the same spec and rows."""


@dataclass(frozen=True)
class TrainingUnit:
    """What a worker needs to know of one SAE; picklable."""

    spec: SaeSpec
    draw: str
    """`all`, `seed1`, `seed1-without-fold0`, the fold that it does not see, or `control` (`hubkit/release/folds.py`)."""
    pool_folder: Path
    target: Path
    """The SAE's folder."""
    marker: Path
    """Its done.json."""
    digest: str

    @property
    def key(self) -> str:
        """Its name in progress and failures."""
        if self.draw == ALL:
            return self.spec.sae_id
        if self.draw.startswith(SEED):
            return f"{self.spec.sae_id} from another seed ({self.draw})"
        return f"{self.spec.sae_id} {'as control' if self.draw == CONTROL else f'without {self.draw}'}"


class Point(BaseModel):
    """Where a training stood after `step` steps, on the batch of that step; null where a number was not finite."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    step: int
    loss: float | None
    l0: float | None
    explained_variance: float | None
    dead_share: float | None


class Done(BaseModel):
    """A unit's done.json, written last."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    digest: str
    sae_id: str
    draw: str
    n_rows: int
    files: dict[str, str]
    """Name in the SAE's folder to sha256."""
    seconds: float
    """Its share of the stack's wall time, and its own saving and proof."""
    stack: int
    """SAEs that were trained in one program with it."""
    hardware: str
    device: str
    threads: int
    """Of its own: one on a CPU, whatever else trains beside it."""
    l0: float
    """On its training rows, as saved; so is `dead_share`."""
    dead_share: float
    at_initial_threshold: float | None
    max_error: float
    """Of what was saved against what was trained, relative to the largest value."""
    warnings: list[str]
    curve: list[Point]


def unit_digest(spec: SaeSpec, draw: str, pool_sha256: str) -> str:
    """The content address of a unit: everything its weights depend on."""
    return sha256_of_json(
        {
            "spec": spec.model_dump(mode="json"),
            "draw": draw,
            "pool": pool_sha256,
            "arithmetic": ARITHMETIC,
            "versions": _versions(),
        }
    )


@cache
def _versions() -> dict[str, str]:
    return {package: version(package) for package in ("sae-lens", "torch")}


def done_of(unit: TrainingUnit) -> Done | None:
    """The unit's marker when it is finished and its files are the ones it wrote, else None."""
    try:
        done = Done.model_validate_json(unit.marker.read_bytes())
        same = all(sha256_of_file(unit.target / name) == digest for name, digest in done.files.items())
    except (OSError, ValidationError):
        return None
    return done if same and done.digest == unit.digest else None


def marker_of(work: Path, digest: str) -> Path:
    """Where the done.json of a unit is."""
    return work / "units" / digest / DONE


def record(done: Done) -> dict[str, Any]:
    """What `training.json` says of a published SAE."""
    return done.model_dump(mode="json", exclude={"digest", "sae_id", "draw", "curve"})
