"""What evaluation reads: the pool's activations, and from each SAE's cfg.json what it is and what it was trained on."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hubkit.errors import HubkitError, IncompleteError
from hubkit.evaluate.probe import Design
from hubkit.release.folds import rows_of, rows_sha256
from hubkit.release.layout import CFG
from hubkit.release.pool import PoolManifest

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class SaeDescription:
    """One SAE as its own cfg.json describes it."""

    sae_id: str
    layer: int
    condition: str
    draw: str | None
    """Which rows of its condition it saw (`hubkit/release/folds.py`)."""
    rows_sha256: str | None
    """Digest of their completion_ids."""
    pool_sha256: str | None
    """`inputs_sha256` of the pool it was trained on."""
    target_l0: int | None
    """The L0 that was asked for."""


def design_of(manifest: PoolManifest) -> Design:
    """Label, scenario and fold of every row of the pool."""
    return Design(
        positive=np.array([row.label == manifest.labels[0] for row in manifest.rows], dtype=bool),
        scenario=np.array([row.scenario_id for row in manifest.rows], dtype=np.str_),
        fold=np.array([row.split for row in manifest.rows], dtype=np.str_),
    )


def describe(folder: Path, sae_id: str, manifest: PoolManifest) -> SaeDescription:
    """Read `<folder>/cfg.json`. Raises IncompleteError when it is missing, HubkitError when it does not say what is needed."""
    path = folder / CFG
    try:
        cfg = json.loads(path.read_bytes())
        metadata: dict[str, Any] = cfg["metadata"]
        hook, condition = str(metadata["hook_name"]), str(metadata["training_condition"])
    except FileNotFoundError as error:
        raise IncompleteError(f"{path}: there is no such file", hint="hubkit train STUDY.yaml") from error
    except (ValueError, KeyError, TypeError) as error:
        raise HubkitError(
            f"{path}: cannot be evaluated, expected metadata with hook_name and training_condition ({error!r})",
            hint="evaluation needs an SAE that `hubkit train` wrote",
        ) from error
    own = metadata.get("hubkit") or {}
    return SaeDescription(
        sae_id,
        _layer_of(hook, manifest, path),
        condition,
        own.get("rows"),
        own.get("rows_sha256"),
        own.get("pool_sha256"),
        own.get("k"),
    )


def check_rows(found: SaeDescription, draw: str, manifest: PoolManifest, folder: Path) -> None:
    """Raise HubkitError when the SAE in `folder` was not trained on just the rows of `draw`.

    An SAE of other rows would make its numbers on these look held out, or seen, when they are not.
    """
    if found.pool_sha256 != manifest.inputs_sha256:
        raise HubkitError(
            f"{folder}: trained on pool {found.pool_sha256}, this pool is {manifest.inputs_sha256}",
            hint="hubkit train STUDY.yaml",
        )
    expected = rows_sha256(manifest, rows_of(manifest, found.condition, draw))
    if (found.draw, found.rows_sha256) != (draw, expected):
        raise HubkitError(
            f"{folder}: trained on the rows `{found.draw}` ({str(found.rows_sha256)[:12]}), expected `{draw}` ({expected[:12]})",
            hint="hubkit train STUDY.yaml",
        )


def _layer_of(hook: str, manifest: PoolManifest, path: Path) -> int:
    """The pool's layer of a hook name, in either of its spellings."""
    for entry in manifest.layers:
        if hook in {entry.hook_name, entry.hf_hook_name}:
            return entry.layer
    hooks = ", ".join(entry.hook_name for entry in manifest.layers)
    number = re.search(r"\.(\d+)(?:\.|$)", hook)
    hint = f"collect layer {number[1]} first" if number else "hubkit collect"
    raise HubkitError(f"{path}: hook_name is {hook}, the pool has {hooks}", hint=hint)
