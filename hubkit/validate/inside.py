"""Releases inside what was named: a folder of several is judged release by release, each as if it had been named alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hubkit.errors import IncompleteError
from hubkit.formats.detect import USUAL_NAMES
from hubkit.formats.folder import CONFIG_NAMES, YAML_NAMES, may_be_weights
from hubkit.release.layout import CARD_SETTINGS, PROVENANCE, README
from hubkit.repo.part import lies_in
from hubkit.repo.view import SMALL_FILE
from hubkit.texts import wide_encoding

if TYPE_CHECKING:
    from hubkit.repo.view import RepoView

SAE_NAMES = frozenset((*CONFIG_NAMES, *USUAL_NAMES)) - {"config.json"}
"""What makes a folder an SAE's. A config.json alone is any model's."""
CONFIGURED = frozenset((*CONFIG_NAMES, *YAML_NAMES))
RELEASE_NAMES = frozenset((PROVENANCE, CARD_SETTINGS))
"""What only a release has."""
MARK = b"---"
HEAD = 24
"""Bytes of a README that tell whether it begins with front matter. From afar it comes whole: it is read anyway."""


@dataclass(frozen=True)
class Split:
    """How a view falls apart."""

    releases: tuple[str, ...] = ()
    """Folders inside that are releases, none inside another."""
    has_card: bool = False
    """Whether the view itself has a model card: README.md with front matter."""
    has_saes: bool = False
    """Whether SAEs lie outside all of them."""


def split_of(view: RepoView) -> Split:
    """The releases inside `view`. Raises HubkitError when it cannot be listed.

    A release inside is a folder with SAE folders below, or with files of SAEs that have none, and no SAE itself, that has provenance.json, card.yaml, or a README.md with front matter; where the
    view is no release itself, a README.md beside SAE folders is enough. A README.md that cannot be read makes one, too: its own validation then says so.
    """
    folders: dict[str, set[str]] = {}
    bare: set[str] = set()
    for entry in view.list():
        folders.setdefault(entry.folder, set()).add(entry.name)
        if may_be_weights(entry):
            bare.add(entry.folder)
    saes = {folder for folder, names in folders.items() if names & SAE_NAMES}
    bare -= saes | {folder for folder in bare if folders[folder] & CONFIGURED}
    around = bare.union(one for folder in saes | bare for one in _above(folder))
    candidates = sorted((around & folders.keys()) - saes - {"."}, key=lambda one: (one.count("/"), one))
    marked = [one for one in candidates if folders[one] & {README, *RELEASE_NAMES}]
    if not marked:
        return Split()
    root = folders.get(".", set())
    read = [f"{one}/{README}" for one in marked if not folders[one] & RELEASE_NAMES]
    view.prefetch((path, 0, SMALL_FILE) for path in [*([README] if README in root else []), *read])
    has_card = README in root and _is_card(view, README)
    itself = has_card or bool(root & RELEASE_NAMES)
    chosen: set[str] = set()
    for one in marked:
        if not lies_in(f"{one}/", frozenset(chosen)) and (
            folders[one] & RELEASE_NAMES
            or _is_card(view, f"{one}/{README}")
            or (not itself and any(sae.rpartition("/")[0] == one for sae in saes))
        ):
            chosen.add(one)
    rest = frozenset(chosen)
    return Split(tuple(sorted(chosen)), has_card, any(not lies_in(f"{sae}/", rest) for sae in saes | bare))


def _above(folder: str) -> Iterable[str]:
    parts = folder.split("/")
    return ("/".join(parts[:n]) for n in range(1, len(parts)))


def _is_card(view: RepoView, path: str) -> bool:
    try:
        head = view.read_range(path, 0, HEAD)
    except IncompleteError:
        return True
    if encoding := wide_encoding(head):
        return head.decode(encoding, errors="replace").lstrip("\ufeff").startswith(MARK.decode())
    return head.removeprefix(b"\xef\xbb\xbf").startswith(MARK)
