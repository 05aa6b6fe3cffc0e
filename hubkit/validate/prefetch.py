"""What a validation is sure to read, from the listing alone, so that a far repository brings it all at once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from hubkit.errors import IncompleteError
from hubkit.formats.detect import WEIGHT_NAMES
from hubkit.release.layout import PROVENANCE
from hubkit.repo.view import SMALL_FILE
from hubkit.tensors.safetensors import FIRST_READ, read_header
from hubkit.validate.reading import WEIGHTS, configuration, weights_of
from hubkit.validate.rule import Need

if TYPE_CHECKING:
    from hubkit.repo.view import Entry, RepoView, Want

SMALL_TENSORS = ("threshold", "scaling_factor")
HEADERS = Need.HEADER | Need.THRESHOLD | Need.WEIGHTS


def first_wants(view: RepoView, folders: dict[str, dict[str, Entry]], needs: Need) -> Iterator[Want]:
    """One small file, then the heads of weights by their usual names, which take two steps each on the Hub, then what takes one: the other
    configurations and texts.

    The first small file finds out which route this Hub has, while the heads come, which need none of it; all others would wait for the answer.
    Where a threshold lies, the head tells (`what_follows`); other containers are read one range after the other, many files at a time.
    A size that fits the equation of WTS009 does not save the head: a transposed W_enc has the same.
    """
    small = [
        (entry.path, 0, entry.size) for entry in _small(view, folders, needs) if entry.size <= SMALL_FILE
    ]
    yield from small[:1]
    if needs & HEADERS:
        for folder, files in folders.items():
            weights = weights_of(folder, folders) if any(name in files for name in WEIGHT_NAMES) else None
            if weights is not None and weights.name.endswith(".safetensors"):
                yield weights.path, 0, FIRST_READ
    yield from small[1:]


def _small(view: RepoView, folders: dict[str, dict[str, Entry]], needs: Need) -> Iterator[Entry]:
    """The files that are read whole."""
    found = [configuration(files) for files in folders.values()]
    found += [view.entry(path) for path, need in _texts() if need in needs]
    if Need.EVALUATION | Need.WEIGHTS in needs:
        found += [files.get("metrics.json") for files in folders.values()]
    return (entry for entry in found if entry is not None)


def _texts() -> tuple[tuple[str, Need], ...]:
    return ("README.md", Need.README), ("evaluation.json", Need.EVALUATION), (PROVENANCE, Need.PROVENANCE)


def what_follows(view: RepoView, path: str, needs: Need) -> Iterator[Want]:
    """The small tensors of a SAELens file whose head has come: they are asked for at once, on the connection that is warm."""
    if Need.THRESHOLD not in needs or PurePosixPath(path).name != WEIGHTS:
        return
    try:
        tensors = read_header(view, path).tensors
    except IncompleteError:  # whoever needs the header meets this again, and says so
        return
    for name in SMALL_TENSORS:
        if (info := tensors.get(name)) is not None:
            yield path, info.start, info.stop
