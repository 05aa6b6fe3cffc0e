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
    """The heads of weights by their usual names, which take two steps each on the Hub, before what takes one: configurations and texts.

    Where a threshold lies, the head tells (`what_follows`); other containers are read one range after the other, many files at a time.
    A size that fits the equation of WTS009 does not save the head: a transposed W_enc has the same.
    """
    if needs & HEADERS:
        for folder, files in folders.items():
            weights = weights_of(folder, folders) if any(name in files for name in WEIGHT_NAMES) else None
            if weights is not None and weights.name.endswith(".safetensors"):
                yield weights.path, 0, FIRST_READ
    small = [configuration(files) for files in folders.values()]
    small += [view.entry(path) for path, need in _texts() if need in needs]
    if Need.EVALUATION | Need.WEIGHTS in needs:
        small += [files.get("metrics.json") for files in folders.values()]
    for entry in small:
        if entry is not None and entry.size <= SMALL_FILE:
            yield entry.path, 0, entry.size


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
