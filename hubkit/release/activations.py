"""Rows out of a pool. numpy only."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file

from hubkit.errors import IncompleteError
from hubkit.release.digests import sha256_of_file
from hubkit.release.layout import EXTRAS, MANIFEST
from hubkit.release.pool import TENSOR, PoolLayer, PoolManifest
from hubkit.release.pool_extras import SETS, ExtraSet, PoolExtras

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from numpy.typing import NDArray


def check_layer(pool_folder: Path, entry: PoolLayer) -> Path:
    """The file of one layer and site. Raises IncompleteError when it is not the one of the manifest."""
    path = pool_folder / entry.file
    try:
        found = sha256_of_file(path)
    except OSError as error:
        raise IncompleteError(f"{path}: cannot be read: {error}", hint="hubkit collect STUDY.yaml") from error
    if found != entry.sha256:
        raise IncompleteError(
            f"{path}: not the file that the manifest describes (sha256)", hint="hubkit collect STUDY.yaml"
        )
    return path


def read_layer(pool_folder: Path, manifest: PoolManifest, entry: PoolLayer) -> NDArray[np.float32]:
    """The activations (n, d_in) of one layer and site of the manifest. Raises IncompleteError when the file is not the one of the manifest."""
    return _read(pool_folder, entry, (len(manifest.rows), manifest.d_in))


def read_extras(pool_folder: Path, manifest: PoolManifest) -> PoolExtras | None:
    """What was kept beside a pool; None where nothing was. Raises IncompleteError when it is of another pool."""
    path = pool_folder / EXTRAS
    if not path.is_file():
        return None
    found = PoolExtras.load(path)
    if found.pool_sha256 != manifest.inputs_sha256:
        raise IncompleteError(
            f"{path}: kept beside another pool than the one of {MANIFEST}", hint="hubkit collect STUDY.yaml"
        )
    return found


def forget_extras(pool_folder: Path, but: Collection[str] = ()) -> None:
    """Take away the sets of an earlier plan that lie beside a pool, all but those of these names."""
    if not but:
        (pool_folder / EXTRAS).unlink(missing_ok=True)
    for name in set(SETS) - set(but):
        shutil.rmtree(pool_folder / name, ignore_errors=True)


def read_extra(
    pool_folder: Path, extras: PoolExtras, kept: ExtraSet, entry: PoolLayer
) -> NDArray[np.float32]:
    """The activations (n, d_in) of one layer and site of a set, row i that of `kept.rows[i]`. Raises IncompleteError when the file is not the one of the set."""
    return _read(pool_folder, entry, (len(kept.rows), extras.d_in))


def _read(pool_folder: Path, entry: PoolLayer, expected: tuple[int, int]) -> NDArray[np.float32]:
    path = check_layer(pool_folder, entry)
    try:
        rows: NDArray[np.float32] = load_file(path)[TENSOR]
    except (OSError, KeyError, SafetensorError) as error:
        raise IncompleteError(f"{path}: cannot be read: {error}", hint="hubkit collect STUDY.yaml") from error
    if rows.shape != expected:
        raise IncompleteError(
            f"{path}: shape {rows.shape}, the manifest says {expected}", hint="hubkit collect STUDY.yaml"
        )
    return rows.astype(np.float32, copy=False)
