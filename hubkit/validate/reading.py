"""How each fact is read. What cannot be read leaves its reason in `unread`; nothing here judges."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from itertools import chain
from typing import TYPE_CHECKING, Any

from hubkit.errors import IncompleteError
from hubkit.formats.families import openmoss
from hubkit.formats.foreign import stored_number, stored_numbers
from hubkit.formats.json_file import JsonFile, json_file
from hubkit.formats.sae import within
from hubkit.release.layout import CARD_SETTINGS, EVIDENCE, README
from hubkit.tensors.container import read_values
from hubkit.validate.deep import read_whole_weights
from hubkit.validate.need import Need

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hubkit.release.evidence_text import EvidenceText
    from hubkit.repo.view import Entry, RepoView
    from hubkit.validate.facts import SaeFacts

LARGEST_SETTINGS = 1_000_000
"""Bytes of a card.yaml that is read."""
MOST_CARDS = 60
"""Cards of folders inside that are read."""


def read_thresholds(view: RepoView, sae: SaeFacts) -> None:
    """The small tensors whose values decide: the threshold of any family, and the scaling_factor of SAELens 2 and 3."""
    try:
        if sae.sae.threshold is not None:
            sae.stored_thresholds = sae.sae.threshold.stored(view)
            sae.thresholds = within(sae.stored_thresholds, sae.sae.threshold.loaded_as)
        scaling = sae.sae.tensors.get("scaling_factor") if sae.is_saelens else None
        if scaling is not None and scaling.shape and 0 not in scaling.shape:
            sae.scaling = read_values(view, scaling.path, scaling.info).reshape(-1)
        if sae.sae.family is openmoss.FAMILY and sae.raw.get("norm_activation") == "dataset-wise":
            sae.stored_norms = {
                name: float(read_values(view, tensor.path, tensor.info).reshape(-1)[0])
                for name, tensor in sae.sae.tensors.items()
                if name.startswith(f"{openmoss.NORM}.") and tensor.info.count == 1
            }
    except IncompleteError as error:
        sae.unread[Need.THRESHOLD] = error.message
    sae.stored_k = stored_number(sae.folder, sae.sae.tensors.get("k"))
    sae.stored_groups = stored_numbers(sae.folder, sae.sae.tensors.get("group_sizes"))


def read_settings(view: RepoView) -> Mapping[str, Any]:
    """card.yaml as far as it can be read: what is wrong with it, `build-cards` says."""
    entry = view.entry(CARD_SETTINGS)
    if entry is None or entry.size > LARGEST_SETTINGS:
        return {}
    from hubkit import plain_yaml

    try:
        value = plain_yaml.load(view.read(CARD_SETTINGS).decode("utf-8"))
    except (IncompleteError, ValueError):
        return {}
    return value if isinstance(value, Mapping) else {}


def read_text(view: RepoView, path: str, unread: dict[Need, str], need: Need) -> bytes | None:
    """A small file's bytes; None where it is not there, or could not be read."""
    if view.entry(path) is None:
        return None
    try:
        return view.read(path)
    except IncompleteError as error:
        unread[need] = error.message
        return None


def inner_cards(entries: list[Entry], releases: Iterable[str] = ()) -> list[Entry]:
    """The READMEs of the folders directly inside, and of the releases inside, however deep."""
    of_releases = {f"{folder}/{README}" for folder in releases}
    cards = (entry for entry in entries if entry.name == README)
    return [one for one in cards if one.path.count("/") == 1 or one.path in of_releases][:MOST_CARDS]


def read_json(view: RepoView, path: str, unread: dict[Need, str], need: Need) -> JsonFile | None:
    """A JSON file; None where it is not there, or could not be read."""
    data = read_text(view, path, unread, need)
    return json_file(path, data) if data is not None else None


def read_evidence(view: RepoView, unread: dict[Need, str]) -> EvidenceText | None:
    """evidence.yaml; None where it is not there, or could not be read."""
    data = read_text(view, EVIDENCE, unread, Need.EVALUATION)
    if data is None:
        return None
    from hubkit.release import (
        evidence_text,
    )  # it brings a parser of YAML, and most repositories have no such file

    return evidence_text.read_text(data.decode("utf-8", errors="replace"), EVIDENCE)


def read_whole(view: RepoView, sae: SaeFacts, *, digest: bool) -> None:
    """Every value of the weights, block by block; with `digest` their sha256 where the listing has none."""
    if sae.header is None or sae.weights is None or not sae.header.tensors:
        return
    digest = digest and sae.weights_sha256 is None
    try:
        sae.whole = read_whole_weights(view, sae.weights.path, sae.header, sae.sae.tensors, digest=digest)
    except IncompleteError as error:
        sae.unread[Need.WEIGHTS] = error.message
    else:
        sae.weights_sha256 = sae.weights_sha256 or sae.whole.scan.sha256


def hash_lookalikes(view: RepoView, saes: Iterable[SaeFacts], unread: dict[Need, str]) -> None:
    """The sha256 of weights that look like another's: to say that they are equal takes every byte, to say that they differ a few blocks."""
    alike: dict[int, list[SaeFacts]] = defaultdict(list)
    seen: set[str] = set()
    for sae in saes:
        if (
            sae.weights is not None
            and sae.in_one_file
            and sae.weights_sha256 is None
            and sae.weights.path not in seen
        ):
            seen.add(sae.weights.path)
            alike[sae.weights.size].append(sae)
    try:
        for size, several in alike.items():
            for sae in chain.from_iterable(_look_alike(view, several, size)):
                sae.weights_sha256 = view.sha256(sae.weights.path) if sae.weights else None
    except IncompleteError as error:
        unread[Need.TWINS] = error.message


def _look_alike(view: RepoView, saes: list[SaeFacts], size: int) -> list[list[SaeFacts]]:
    """Those of several files of `size` bytes that agree in every sample. Trained weights differ in the first: it costs one read a file.

    Files that are zero wherever one looks, as a download that never went on leaves them, have no weights that could be the same.
    """
    groups, written = [saes], set[str]()
    starts = [int(size * share) // SAMPLE * SAMPLE for share in SAMPLED_AT]
    for start in dict.fromkeys([*starts, max(0, size - SAMPLE)]):
        split: list[list[SaeFacts]] = []
        for group in groups:
            if len(group) > 1:
                by_sample: dict[bytes, list[SaeFacts]] = defaultdict(list)
                for sae in group:
                    path = sae.weights.path if sae.weights else ""
                    sample = view.read_range(path, start, start + SAMPLE)
                    by_sample[sample].append(sae)
                    if 0 < start < size * 0.95 and any(sample):  # not the header, nor a threshold at the end
                        written.add(path)
                split += by_sample.values()
        groups = split
    small = size <= 16 * SAMPLE  # too few samples to tell, and hashed in no time
    return [
        group
        for group in groups
        if len(group) > 1 and (small or any(sae.weights and sae.weights.path in written for sae in group))
    ]


SAMPLE = 4096
"""Bytes of a sample: a page."""
SAMPLED_AT = (0.5, 0.25, 0.75, 0.0, 0.1, 0.4, 0.6, 0.9)
"""Where samples are taken, in shares of the file; and one at its end, where a threshold lies."""
