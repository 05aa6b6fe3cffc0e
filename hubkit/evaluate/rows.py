"""What evaluation reads: the pool's activations, and from each SAE's cfg.json what it is and what it was trained on."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hubkit.errors import HubkitError, IncompleteError
from hubkit.evaluate.probe import Design
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
    held_out: str | None
    """The fold it did not see."""
    pool_sha256: str | None
    """`inputs_sha256` of the pool it was trained on."""


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
    held_out, pool = own.get("held_out"), own.get("pool_sha256")
    return SaeDescription(sae_id, _layer_of(hook, manifest, path), condition, held_out, pool)


def _layer_of(hook: str, manifest: PoolManifest, path: Path) -> int:
    """The pool's layer of a hook name, in either of its spellings."""
    for entry in manifest.layers:
        if hook in {entry.hook_name, entry.hf_hook_name}:
            return entry.layer
    hooks = ", ".join(entry.hook_name for entry in manifest.layers)
    number = re.search(r"\.(\d+)(?:\.|$)", hook)
    hint = f"collect layer {number[1]} first" if number else "hubkit collect"
    raise HubkitError(f"{path}: hook_name is {hook}, the pool has {hooks}", hint=hint)
