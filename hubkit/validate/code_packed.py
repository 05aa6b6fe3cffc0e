"""The same code as in loose texts, in those that lie in archives: configurations in a `.nemo`, a `.zip`, a `.tar.gz`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from hubkit.errors import IncompleteError
from hubkit.tensors.kinds import ZIPS, is_tar, packing
from hubkit.tensors.view_file import Allowance, ViewFile
from hubkit.validate.code_by_name import PACKAGES, CodeFile
from hubkit.validate.code_files import (
    KERAS,
    LONG,
    LONG_NAMES,
    LONGEST_YAML,
    PROSE,
    SearchedCode,
)
from hubkit.validate.code_texts import WORDS, form_of, names_of_code
from hubkit.validate.finding import Severity
from hubkit.validate.secret_bytes import HEAD, NO_TEXT, PACKED, Texts
from hubkit.validate.yaml_tags import python_tags, tag_words
from hubkit.words import many, some

if TYPE_CHECKING:
    from hubkit.repo.view import Entry, RepoView

YAML = (".yaml", ".yml")
MOST_UNPACKED = 1 << 27
"""Bytes that come out of the packed files of one repository."""


class _Said(NamedTuple):
    """One place of a member that names code."""

    kind: str
    what: str
    severity: Severity


def search_packed(view: RepoView) -> SearchedCode:
    """Look into every archive that is at hand, whatever it is called."""
    searched = SearchedCode([], [], [])
    allowance = Allowance(0, 0, MOST_UNPACKED)
    for entry in view.list():
        if not entry.size or not view.at_hand(entry.path, 0, entry.size):
            continue
        try:
            if _is_packed(view.read_range(entry.path, 0, min(entry.size, HEAD))):
                searched.found += _of_archive(view, entry, allowance, searched)
        except IncompleteError as error:
            searched.unread.append(error.message)
    return searched


def _is_packed(head: bytes) -> bool:
    return head.startswith(ZIPS) or is_tar(head) or packing(head) in PACKED


def _of_archive(
    view: RepoView, entry: Entry, allowance: Allowance, searched: SearchedCode
) -> Iterator[CodeFile]:
    """One finding a kind, as severe as the worst of its members."""
    texts = Texts(allowance, LONGEST_YAML, binary=False)
    worst: dict[str, tuple[_Said, str]] = {}
    members: dict[str, set[str]] = {}
    suspects: dict[str, str] = {}  # whether a text was read whole is known behind it
    seen: set[str] = set()
    for place, text, _, _ in texts.of(ViewFile(view, entry.path, allowance), entry.name):
        seen.update([place] if text else [])
        if place and (WORDS.search(text) or tag_words(text)):
            suspects[place] = text
    for place, text in suspects.items():
        for said in _said(place.lower(), text, whole=place not in texts.cut):
            members.setdefault(said.kind, set()).add(place)
            if said.kind not in worst or said.severity > worst[said.kind][0].severity:
                worst[said.kind] = said, place
    for kind, (said, place) in worst.items():
        if kind == "keras" and entry.name.lower().endswith(KERAS):
            continue  # told by the file's own format
        others = len(members[kind]) - 1
        where = f"{place} (and {many(others, 'other member')})" if others else place
        yield CodeFile(entry.path, kind, f"{where}: {said.what}", said.severity)
    scripts = [place for place in seen if place.lower().endswith(".py")]
    if scripts and not entry.name.lower().endswith(PACKAGES):
        yield CodeFile(entry.path, "scripts", f"Python files in it: {some(sorted(scripts))}", Severity.NOTE)
    if any(place not in seen for place in texts.cut):
        searched.remarks.append(f"{entry.path}: not all that is packed in it was searched for names of code")


def _said(name: str, text: str, *, whole: bool) -> Iterator[_Said]:
    """What a member says that is called `name`, in lower case. Of one that is not whole, its words."""
    if name.endswith((*NO_TEXT, *PROSE)):
        return
    form = form_of(name)
    if not whole:
        if name.endswith(YAML) and tag_words(text):
            yield _Said("yaml", f"{LONG} has Python's tags", Severity.WARNING)
        if form and LONG_NAMES.search(text):
            yield _Said("auto_map", f"{LONG} names code for a loader to run", Severity.WARNING)
        return
    if form or text.startswith(("{", "[")):
        for one in names_of_code(text, form or "json"):
            yield _Said(one.kind, one.what, one.severity)
    if found := python_tags(text):
        names = some(list(dict.fromkeys(tag for _, tag, _ in found)))
        what = f"tags of Python ({names}), which an unsafe YAML loader imports or calls"
        yield _Said("yaml", what, max(severity for severity, _, _ in found))
