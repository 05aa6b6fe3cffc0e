"""`provenance.json` of a release: written after its files, kept byte for byte while they stay the same."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from hubkit import __version__
from hubkit.cards.facts import is_digested
from hubkit.errors import IncompleteError
from hubkit.release.digests import sha256_of_file, sha256_of_json
from hubkit.release.layout import PROVENANCE
from hubkit.release.provenance import Grid, Provenance
from hubkit.repo.local import open_folder

if TYPE_CHECKING:
    from hubkit.release.pool import PoolManifest
    from hubkit.study.study import Study

PACKAGES = ("torch", "transformers", "sae-lens", "safetensors", "numpy", "scikit-learn")


def write_provenance(
    study: Study, pool: PoolManifest, release: Path, *, completions: dict[str, int]
) -> Provenance:
    """Write what `release` was made from and with; an existing record of the same files keeps its time of creation."""
    path = release / PROVENANCE
    record = Provenance(
        hubkit_version=__version__,
        study=study.name,
        study_sha256=sha256_of_json(study.model_dump(mode="json", exclude={"collect": {"model", "device", "batch_size"}, "publish": True})),
        base_model=study.card.base_model,
        base_model_revision=pool.model_revision,
        precision=pool.precision,
        grid=Grid(layers=list(study.collect.layers), architectures=list(study.grid.architectures), conditions=list(study.grid.conditions)),
        seeds={"collect": study.collect.seed} | {f"train {name}": settings.seed for name, settings in study.grid.architectures.items()},
        software=software(),
        hardware=hardware(),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        pool_sha256=pool.inputs_sha256,
        completions=completions,
        files={entry.path: sha256_of_file(release / entry.path) for entry in open_folder(release).list() if is_digested(entry.path)},
    )  # fmt: skip
    kept = _same_but_time(path, record)
    if kept is not None:
        return kept
    record.save(path)
    return record


def _same_but_time(path: Path, record: Provenance) -> Provenance | None:
    try:
        old = Provenance.load(path)
    except IncompleteError:
        return None
    return old if old.model_copy(update={"created": record.created}) == record else None


def software() -> dict[str, str]:
    """Versions of what shaped the numbers."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def hardware() -> str:
    """The processor, the number of cores, and the GPU where torch sees one."""
    import torch

    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPU cores"
    return f"{machine}, {torch.cuda.get_device_name(0)}" if torch.cuda.is_available() else machine
