"""`pool/` of a release: completions, labels of every judge, activations and manifest, laid out as the work folder is, and what its SAEs were trained by; where
the author asked for it."""

from __future__ import annotations

import json
import shutil
from collections import defaultdict
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from hubkit.release.activations import check_layer
from hubkit.release.digests import sha256_of_file
from hubkit.release.layout import (
    ACTIVATIONS,
    COMPLETIONS,
    EXTRAS,
    JUDGEMENTS,
    MANIFEST,
    PUBLISHED_COMPLETIONS,
    PUBLISHED_POOL,
    PUBLISHED_SPECS,
)
from hubkit.release.pool_extras import forget_extras, read_extras
from hubkit.release.provenance import PublishedPool
from hubkit.release.writing import keep_or_write, replacing, to_json
from hubkit.study.retrain import PublishedSpecs
from hubkit.train.plan import settled

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from hubkit.release.pool import PoolManifest
    from hubkit.study.study import Study


def publish_pool(study: Study, pool: PoolManifest, work: Path, release: Path) -> PublishedPool | None:
    """Put the pool into the release where the study asks for it; what is there already is not copied again.

    Where the study does not ask, what an earlier run put there goes, and None comes back. Raises IncompleteError for a pool that is not whole.
    """
    wanted = study.publish.pool if study.publish else None
    target = release / PUBLISHED_POOL
    if wanted is None:
        _remove(target)
        return None
    folder, extras = work / ACTIVATIONS, read_extras(work / ACTIVATIONS, pool)
    files = [
        check_layer(folder, layer)
        for layers in (pool.layers, *(one.layers for one in (extras.sets if extras else ())))
        for layer in layers
    ]
    files += [folder / name for name in (MANIFEST, EXTRAS) if (folder / name).is_file()]
    for file in files:
        _copy(file, target / ACTIVATIONS / file.relative_to(folder))
    forget_extras(target / ACTIVATIONS, but={one.name for one in (extras.sets if extras else ())})
    lines = list(_completions(work))
    keep_or_write(target / PUBLISHED_COMPLETIONS, "".join(f"{line}\n" for line in lines))
    specs = PublishedSpecs(specs=settled(study.specs(pool.d_in), pool))
    keep_or_write(target / PUBLISHED_SPECS, to_json(specs.model_dump(mode="json", by_alias=True)))
    return PublishedPool(
        license=wanted.license,
        privacy=wanted.privacy,
        completions=len(lines),
        rows=len(pool.rows),
        layers=list(dict.fromkeys(layer.layer for layer in pool.layers)),
    )


def _completions(work: Path) -> list[str]:
    """A line of JSON for each completion, with what every judge said of it."""
    from hubkit.collect.completions import read_completions

    said = _judgements(work / JUDGEMENTS)
    return [
        json.dumps(asdict(one) | {"judgements": said[one.completion_id]}, ensure_ascii=False, sort_keys=True)
        for one in read_completions(work / COMPLETIONS)
    ]


def _judgements(path: Path) -> Mapping[str, list[dict[str, Any]]]:
    """Completion to the label and the reason of every judge; empty where none were kept (an imported pool)."""
    from pyarrow import parquet

    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    if path.is_file():
        with path.open("rb") as file:
            rows = parquet.read_table(file, columns=["completion_id", "judge", "role", "label", "reason"])
        for row in rows.to_pylist():
            found[row.pop("completion_id")].append(row)
    return found


def _copy(source: Path, target: Path) -> None:
    """In one step, unless it is there."""
    if target.is_file() and sha256_of_file(target) == sha256_of_file(source):
        return
    with replacing(target) as temporary:
        shutil.copyfile(source, temporary)


def _remove(target: Path) -> None:
    """Only a pool that hubkit laid out: another folder of this name is the author's, and the gate asks about it."""
    if (target / PUBLISHED_COMPLETIONS).is_file() and (target / ACTIVATIONS / MANIFEST).is_file():
        shutil.rmtree(target)
