"""How each fact is read. What cannot be read leaves its reason in `unread`; nothing here judges."""

from __future__ import annotations

from collections import defaultdict
from itertools import chain
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from hubkit.errors import IncompleteError
from hubkit.formats.detect import CONFIG_NAMES, WEIGHT_NAMES, detect
from hubkit.formats.strict_json import JsonFault
from hubkit.release.layout import PROVENANCE, README
from hubkit.repo.view import TooLargeError
from hubkit.tensors.container import ENDINGS, read_header, read_values
from hubkit.tensors.header import HeaderError
from hubkit.validate.deep import read_whole_weights
from hubkit.validate.json_file import JsonFile, json_file
from hubkit.validate.rule import Need

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    import numpy.typing as npt

    from hubkit.repo.view import Entry, RepoView
    from hubkit.validate.facts import SaeFacts

__all__ = ["PROVENANCE", "WEIGHTS"]

WEIGHTS = "sae_weights.safetensors"
WEIGHT_ENDINGS = (".safetensors", ".pt", ".pth", ".npz", ".bin")
NOT_WEIGHTS = {
    "sparsity.safetensors",
    "activation_whitening.safetensors",
    "activations_store_state.safetensors",
    "trainer_state.pt",
}
MOST_CARDS = 60
"""Cards of folders inside that are read."""


def configuration(files: dict[str, Entry]) -> Entry | None:
    """The configuration of a folder, whatever it turns out to hold."""
    return next((files[name] for name in CONFIG_NAMES if name in files), None)


def weights_of(folder: str, folders: dict[str, dict[str, Entry]]) -> Entry | None:
    """The weights of the SAE in `folder`, whatever their format."""
    files = folders[folder]
    for name in WEIGHT_NAMES:
        if name in files:
            return files[name]
    here = [e for e in files.values() if e.name.endswith(WEIGHT_ENDINGS) and e.name not in NOT_WEIGHTS]
    below = folders.get(str(PurePosixPath(folder) / "checkpoints"), {})
    return next(iter(here), None) or next(
        (e for e in below.values() if e.name.endswith(WEIGHT_ENDINGS)), None
    )


def read_cfg(view: RepoView, sae: SaeFacts, entry: Entry) -> JsonFile | None:
    """Read a configuration into `sae`; None where there was nothing to read."""
    sae.cfg_path = entry.path
    try:
        file = json_file(entry.path, view.read(entry.path))
    except TooLargeError as error:
        sae.cfg_fault = JsonFault(error.message, 1)
        return None
    except IncompleteError as error:
        sae.unread[Need.CFG] = error.message
        return None
    sae.cfg_text, sae.cfg_fault = file.text, file.fault
    if file.document is not None:
        value = file.document.value
        if isinstance(value, dict):
            sae.document, sae.family = file.document, detect(value)
        else:
            kind = type(value).__name__
            sae.cfg_fault = JsonFault(f"the file holds a JSON {kind}, expected an object", 1)
    return file


def read_header_of(view: RepoView, sae: SaeFacts) -> None:
    """The header of the weights, whatever container they are in."""
    if sae.weights is None or not sae.weights.name.endswith(ENDINGS):
        return
    try:
        sae.header = read_header(view, sae.weights.path)
    except HeaderError as fault:
        sae.header_fault = fault
    except IncompleteError as error:
        sae.unread |= dict.fromkeys((Need.HEADER, Need.THRESHOLD, Need.WEIGHTS), error.message)


def read_threshold_of(view: RepoView, sae: SaeFacts) -> None:
    """The small tensors whose values decide, of a SAELens SAE that has them: threshold, and the scaling_factor of SAELens 2 and 3."""
    sae.threshold = _values(view, sae, "threshold")
    sae.scaling = _values(view, sae, "scaling_factor")


def _values(view: RepoView, sae: SaeFacts, name: str) -> npt.NDArray[np.float64] | None:
    info = sae.header.tensors.get(name) if sae.header and sae.is_saelens else None
    if info is None or sae.weights is None or not info.shape or 0 in info.shape:
        return None
    try:
        return read_values(view, sae.weights.path, info).reshape(-1)
    except IncompleteError as error:
        sae.unread[Need.THRESHOLD] = error.message
        return None


def read_text(view: RepoView, path: str, unread: dict[Need, str], need: Need) -> bytes | None:
    """A small file's bytes; None where it is not there, or could not be read."""
    if view.entry(path) is None:
        return None
    try:
        return view.read(path)
    except IncompleteError as error:
        unread[need] = error.message
        return None


def inner_cards(entries: list[Entry]) -> list[Entry]:
    """The READMEs of the folders directly inside: of the releases, where a folder holds several."""
    return [entry for entry in entries if entry.name == README and entry.path.count("/") == 1][:MOST_CARDS]


def read_json(view: RepoView, path: str, unread: dict[Need, str], need: Need) -> JsonFile | None:
    """A JSON file; None where it is not there, or could not be read."""
    data = read_text(view, path, unread, need)
    return json_file(path, data) if data is not None else None


def read_whole(view: RepoView, sae: SaeFacts, *, digest: bool) -> None:
    """Every value of the weights, block by block; with `digest` their sha256 where the listing has none."""
    if sae.header is None or sae.weights is None or not sae.header.tensors:
        return
    digest = digest and sae.weights_sha256 is None
    try:
        sae.whole = read_whole_weights(view, sae.weights.path, sae.header, digest=digest)
    except IncompleteError as error:
        sae.unread[Need.WEIGHTS] = error.message
    else:
        sae.weights_sha256 = sae.weights_sha256 or sae.whole.scan.sha256


def hash_lookalikes(view: RepoView, saes: Iterable[SaeFacts]) -> None:
    """The sha256 of weights that agree in size, header and outline with another's: to say that they are equal takes every byte."""
    alike: dict[tuple[int, bytes], list[SaeFacts]] = defaultdict(list)
    for sae in saes:
        if sae.weights and sae.whole:
            alike[sae.weights.size, sae.whole.outline].append(sae)
    for sae in chain.from_iterable(group for group in alike.values() if len(group) > 1):
        try:
            sae.weights_sha256 = view.sha256(sae.weights.path) if sae.weights else None
        except IncompleteError as error:
            sae.unread[Need.WEIGHTS] = error.message
