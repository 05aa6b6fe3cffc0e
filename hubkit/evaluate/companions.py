"""SAEs of other releases on this pool's rows: the same probe of theirs beside this release's own, where they were trained on other rows of the same place in the model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from hubkit.engine.threads import threads_for
from hubkit.evaluate.baselines import ACCURACY, probed_values
from hubkit.evaluate.given_rows import encode_rows
from hubkit.evaluate.rows import design_of
from hubkit.evaluate.values import missing
from hubkit.formats.computed import computation
from hubkit.formats.detect import read_saes
from hubkit.formats.folder import folders_of
from hubkit.release.activations import read_layer
from hubkit.release.digests import sha256_of_file
from hubkit.release.experiments import RepresentationProbe
from hubkit.repo.local import open_folder

if TYPE_CHECKING:
    from pathlib import Path

    from hubkit.formats.sae import Sae
    from hubkit.release.pool import PoolLayer, PoolManifest
    from hubkit.repo.view import RepoView

NONE_THERE = "no SAE of it is there that reads a place of this pool"
SAME_ROWS = ", which was trained on these rows too"


def companions(
    pool_folder: Path, manifest: PoolManifest, releases: Mapping[str, Path]
) -> list[RepresentationProbe]:
    """Balanced accuracy and AUROC of each SAE in the folders of `releases`, by name, that reads a place of this pool. Of a release without one: null, and why.

    The features of such an SAE know neither the labels nor the folds of these rows. Raises UsageError for an SAE that cannot be computed.
    """
    design = design_of(manifest)
    found = []
    for name, folder in releases.items():
        several = list(_readers(folder, manifest))
        if not several:
            n = int(design.contrasting().sum())
            values = [missing(ACCURACY, n, "crossfit", NONE_THERE)]
            found.append(RepresentationProbe(representation=name, values=values))
        for sae, view, entry in several:
            x = read_layer(pool_folder, manifest, entry)
            same = SAME_ROWS if sae.training.record.pool_sha256 == manifest.inputs_sha256 else ""
            with threads_for(x.size):
                values = probed_values(design, encode_rows(computation(sae, view), x).acts, "crossfit")
            title = f"SAE {sae.sae_id} of {name}{same}"
            found.append(RepresentationProbe(representation=title, values=values))
    return found


def digests(manifest: PoolManifest, releases: Mapping[str, Path]) -> dict[str, dict[str, str]]:
    """Of the files of every SAE that `companions` would measure."""
    return {
        name: {
            path: sha256_of_file(folder / path)
            for sae, _, _ in _readers(folder, manifest)
            for path in sorted({*sae.files, *([sae.weights] if sae.weights else [])})
        }
        for name, folder in releases.items()
    }


def _readers(folder: Path, manifest: PoolManifest) -> Iterator[tuple[Sae, RepoView, PoolLayer]]:
    """The SAEs below a folder that read a place of which the pool has activations."""
    if not folder.is_dir():
        return
    view = open_folder(folder)
    places = {entry.hook_name: entry for entry in manifest.layers}
    saes = [one for path in folders_of(view).values() for one in read_saes(path) if one.is_judged]
    for sae in sorted(saes, key=lambda one: one.sae_id):
        if sae.d_in == manifest.d_in and (entry := places.get(sae.hook_name or "")) is not None:
            yield sae, view, entry
