"""What a validation is sure to read, from the listing alone, so that a far repository brings it all at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from hubkit.formats.detect import USUAL_NAMES
from hubkit.formats.folder import PARTS, YAML_NAMES
from hubkit.release.layout import EVALUATION, EVIDENCE, METRICS, POOL_REPORT, PROVENANCE, README
from hubkit.repo.view import SMALL_FILE
from hubkit.tensors.safetensors import FIRST_READ
from hubkit.validate.need import HEADERS, Need

if TYPE_CHECKING:
    from hubkit.formats.folder import Folder
    from hubkit.repo.view import Entry, RepoView, Want

SMALL_TENSORS = ("threshold", "scaling_factor", "log_jumprelu_threshold")
"""Names, in any family, of the tensors whose values are looked at by default."""
SAFETENSORS = ".safetensors"


def first_wants(view: RepoView, folders: Mapping[str, Folder], needs: Need) -> Iterator[Want]:
    """One small file, then the heads of weights, which take two steps each on the Hub, then what takes one: the other configurations and texts.

    The first small file finds out which route this Hub has, while the heads come, which need none of it; all others would wait for the answer.
    Where a threshold lies, the head tells (`what_follows`); other containers are read one range after the other, many files at a time.
    A size that fits the equation of WTS009 does not save the head: a transposed W_enc has the same.
    """
    small = [
        (entry.path, 0, entry.size) for entry in _small(view, folders, needs) if entry.size <= SMALL_FILE
    ]
    yield from small[:1]
    if needs & HEADERS:
        for folder in folders.values():
            yield from ((entry.path, 0, FIRST_READ) for entry in _weights(folder))
    yield from small[1:]


def _weights(folder: Folder) -> list[Entry]:
    """The safetensors files whose heads will be read: one under a usual name, or each of a folder that holds an SAE a file."""
    files = [entry for entry in folder.candidates() if entry.name.endswith(SAFETENSORS)]
    usual = [entry for entry in files if entry.name in USUAL_NAMES]
    by_layer = not folder.config_entry and any(name in folder.files for name in YAML_NAMES)
    return usual[:1] or (files if by_layer or (folder.config_entry and len(files) == 1) else [])


def _small(view: RepoView, folders: Mapping[str, Folder], needs: Need) -> Iterator[Entry]:
    """The files that are read whole."""
    found = [folder.config_entry for folder in folders.values()]
    found += [view.entry(path) for path, need in _texts() if need in needs]
    if Need.EVALUATION | Need.WEIGHTS in needs:
        found += [folder.files.get(METRICS) for folder in folders.values()]
    return (entry for entry in found if entry is not None)


def _texts() -> tuple[tuple[str, Need], ...]:
    return (
        (README, Need.README),
        (EVALUATION, Need.EVALUATION),
        (EVIDENCE, Need.EVALUATION),
        (PROVENANCE, Need.PROVENANCE),
        (POOL_REPORT, Need.PROVENANCE),
    )


def what_follows(view: RepoView, folders: Mapping[str, Folder], path: str, needs: Need) -> Iterator[Want]:
    """The small tensors of a file whose head has come: they are asked for at once, on the connection that is warm."""
    entry = view.entry(path)
    if entry is None or Need.THRESHOLD not in needs or not path.endswith(SAFETENSORS):
        return
    folder = folders[entry.folder]
    owner = folder.outer if folder.name in PARTS and folder.outer else folder
    header = owner.head(entry).header  # whoever needs it finds it there, or what is wrong with it
    tensors = header.tensors if header else {}
    for name in SMALL_TENSORS:
        if (info := tensors.get(name)) is not None:
            yield path, info.start, info.stop
