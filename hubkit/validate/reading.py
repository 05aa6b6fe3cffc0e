"""How each fact is read. What cannot be read leaves its reason in `unread`; nothing here judges."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from itertools import chain
from typing import TYPE_CHECKING, Any

from hubkit.errors import IncompleteError
from hubkit.formats.foreign import stored_number
from hubkit.formats.json_file import JsonFile, json_file
from hubkit.release.layout import CARD_SETTINGS, README
from hubkit.tensors.container import PICKLE_ENDINGS, read_header, read_values
from hubkit.tensors.header import HeaderError
from hubkit.validate.deep import read_whole_weights
from hubkit.validate.need import Need
from hubkit.validate.pickles import Pickle, of_header

if TYPE_CHECKING:
    from collections.abc import Iterable

    from hubkit.repo.view import Entry, RepoView
    from hubkit.validate.facts import RepoFacts, SaeFacts

MOST_PICKLES = 200
"""Pickles beyond the SAEs' weights that are looked into."""


LARGEST_SETTINGS = 1_000_000
"""Bytes of a card.yaml that is read."""
MOST_CARDS = 60
"""Cards of folders inside that are read."""


def read_thresholds(view: RepoView, sae: SaeFacts) -> None:
    """The small tensors whose values decide: the threshold of any family, and the scaling_factor of SAELens 2 and 3."""
    try:
        if sae.sae.threshold is not None:
            sae.thresholds = sae.sae.threshold.read(view)
        scaling = sae.sae.tensors.get("scaling_factor") if sae.is_saelens else None
        if scaling is not None and scaling.shape and 0 not in scaling.shape:
            sae.scaling = read_values(view, scaling.path, scaling.info).reshape(-1)
    except IncompleteError as error:
        sae.unread[Need.THRESHOLD] = error.message
    sae.stored_k = stored_number(sae.folder, sae.sae.tensors.get("k"))


def read_pickles(facts: RepoFacts) -> None:
    """Look into every pickle, statically: the SAEs' weights, whose headers are read already, then whatever else the listing has."""
    weights = {sae.weights.path: sae for sae in facts.saes if sae.weights}
    names = [entry.path for entry in facts.entries if entry.name.lower().endswith(PICKLE_ENDINGS)]
    for path in [name for name in names if name in weights]:
        sae = weights[path]
        sae.pickle = of_header(path, sae.header, sae.header_fault)
        facts.pickles += [sae.pickle] if sae.pickle else []
    others = [name for name in names if name not in weights][:MOST_PICKLES]
    found: dict[str, Pickle | IncompleteError | None] = {}
    facts.view.each(lambda path: found.update({path: _pickle(facts.view, path)}), others)
    for path in others:
        pickle = found[path]
        if isinstance(pickle, IncompleteError):
            facts.unread[Need.HEADER] = pickle.message
        elif pickle is not None:
            facts.pickles.append(pickle)


def _pickle(view: RepoView, path: str) -> Pickle | IncompleteError | None:
    try:
        return of_header(path, read_header(view, path), None)
    except HeaderError as fault:
        return of_header(path, None, fault)
    except IncompleteError as error:
        return error


def read_settings(view: RepoView) -> Mapping[str, Any]:
    """card.yaml as far as it can be read: what is wrong with it, `build-cards` says. YAML's aliases are refused: a few lines of them stand for gigabytes."""
    entry = view.entry(CARD_SETTINGS)
    if entry is None or entry.size > LARGEST_SETTINGS:
        return {}
    import yaml

    try:
        text = view.read(CARD_SETTINGS).decode("utf-8")
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, Loader=yaml.SafeLoader)):
            return {}
        value = yaml.safe_load(text)
    except (IncompleteError, ValueError, TypeError, yaml.YAMLError, RecursionError):
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
        sae.whole = read_whole_weights(view, sae.weights.path, sae.header, sae.sae.tensors, digest=digest)
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
