"""What evaluation reads: the pool's activations, and of each SAE what it is and what it was trained on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hubkit.errors import HubkitError, IncompleteError
from hubkit.formats.detect import read_saes
from hubkit.formats.folder import folders_of
from hubkit.measures.design import Design
from hubkit.release.folds import rows_of, rows_sha256
from hubkit.release.layout import CFG
from hubkit.release.pool import PoolManifest
from hubkit.repo.local import open_folder

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from hubkit.formats.sae import Sae


NEUTRAL = "neutral"
"""The wording that others are held against, where a study has one of that name."""


def design_of(manifest: PoolManifest) -> Design:
    """Label, scenario and fold of every row of the pool. Each wording of a scenario is a scenario of its own: which one it is, its rows say as loudly as any label."""
    return Design(
        positive=np.array([row.label == manifest.labels[0] for row in manifest.rows], dtype=bool),
        scenario=np.array(
            [f"{row.scenario_id}/{row.variant}" if row.variant else row.scenario_id for row in manifest.rows],
            dtype=np.str_,
        ),
        fold=np.array([row.split for row in manifest.rows], dtype=np.str_),
        positive_first=manifest.labels[0] < manifest.labels[1],
    )


def wordings_of(manifest: PoolManifest) -> list[tuple[str, NDArray[np.bool_], NDArray[np.bool_]]]:
    """What an input-variation diagnostic compares: name, (n,) the rows of either wording, (n,) those of the first. `neutral`, or the first of the alphabet, against each other one.

    Of scenarios that were put in both.
    """
    wording = np.array([row.variant for row in manifest.rows], dtype=np.str_)
    scenario = np.array([row.scenario_id for row in manifest.rows], dtype=np.str_)
    names = sorted(set(wording.tolist()), key=lambda name: (name != NEUTRAL, name))
    found = []
    for other in names[1:]:
        first, second = wording == names[0], wording == other
        both = np.isin(scenario, sorted(set(scenario[first].tolist()) & set(scenario[second].tolist())))
        if both.any():
            contrast = f"{names[0] or 'plain'} wording against {other or 'plain'}"
            found.append((contrast, both & (first | second), first))
    return found


def read_sae(folder: Path) -> Sae:
    """The SAE in `folder`. Raises IncompleteError when there is none, HubkitError when it does not say what evaluation needs."""
    path = folder / CFG
    if not path.is_file():
        raise IncompleteError(f"{path}: there is no such file", hint="hubkit train STUDY.yaml")
    found = read_saes(folders_of(open_folder(folder), heads=False)["."])
    if len(found) != 1 or found[0].hook_name is None or found[0].training.condition is None:
        raise HubkitError(
            f"{path}: cannot be evaluated, expected metadata with hook_name and training_condition",
            hint="evaluation needs an SAE that `hubkit train` wrote",
        )
    return found[0]


def check_rows(sae: Sae, draw: str, manifest: PoolManifest, folder: Path) -> None:
    """Raise HubkitError when the SAE in `folder` was not trained on just the rows of `draw`.

    An SAE of other rows would make its numbers on these look held out, or seen, when they are not.
    """
    record = sae.training.record
    if record.pool_sha256 != manifest.inputs_sha256:
        raise HubkitError(
            f"{folder}: trained on pool {record.pool_sha256}, this pool is {manifest.inputs_sha256}",
            hint="hubkit train STUDY.yaml",
        )
    expected = rows_sha256(manifest, rows_of(manifest, str(sae.training.condition), draw))
    there = record.rows, record.rows_sha256
    if there != (draw, expected):
        raise HubkitError(
            f"{folder}: trained on the rows `{there[0]}` ({str(there[1])[:12]}), expected `{draw}` ({expected[:12]})",
            hint="hubkit train STUDY.yaml",
        )


def layer_in(sae: Sae, manifest: PoolManifest, folder: Path) -> int:
    """The pool's layer of the SAE's hook, in either of its spellings. Raises HubkitError where the pool has none."""
    for entry in manifest.layers:
        if sae.hook_name in {entry.hook_name, entry.hf_hook_name}:
            return entry.layer
    hooks = ", ".join(entry.hook_name for entry in manifest.layers)
    hint = (
        f"add layer {sae.layer} to the study, then hubkit collect STUDY.yaml"
        if sae.layer is not None
        else "hubkit collect STUDY.yaml"
    )
    raise HubkitError(f"{folder / CFG}: hook_name is {sae.hook_name}, the pool has {hooks}", hint=hint)
