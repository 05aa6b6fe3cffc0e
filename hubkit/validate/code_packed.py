"""The same code as in loose texts, in those that lie in archives: configurations in a `.nemo`, a `.zip`, a `.tar.gz`."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from hubkit.errors import IncompleteError
from hubkit.tensors.kinds import ZIPS, is_tar, packing
from hubkit.tensors.view_file import Allowance, ViewFile
from hubkit.validate.code_by_name import PACKAGES, CodeFile
from hubkit.validate.code_files import (
    KERAS,
    LONG,
    LONGEST_YAML,
    PROSE,
    SearchedCode,
)
from hubkit.validate.code_long import names_in, names_in_long
from hubkit.validate.code_templates import (
    MAY_BE,
    MOST_PARSED,
    TOO_LONG,
    Parsing,
    may_have_template,
    reaches,
    told,
)
from hubkit.validate.code_texts import WORDS, form_of
from hubkit.validate.finding import Severity
from hubkit.validate.secret_bytes import HEAD, NO_TEXT, PACKED, Texts
from hubkit.validate.yaml_tags import python_tags, tag_words
from hubkit.words import many, some

if TYPE_CHECKING:
    from hubkit.repo.view import Entry, RepoView

YAML = (".yaml", ".yml")
LONGEST = 1 << 24
"""Bytes of a member that are read; those of more than LONGEST_YAML as loose ones of that length are."""
MOST_UNPACKED = 1 << 27
"""Bytes that come out of the packed files of one repository."""

MOST_OF_TEMPLATES = MOST_PARSED // 2
"""Characters of the templates in all of them."""


class _Said(NamedTuple):
    """One place of a member that names code."""

    kind: str
    what: str
    severity: Severity


def search_packed(view: RepoView) -> SearchedCode:
    """Look into every archive that is at hand, whatever it is called."""
    searched = SearchedCode([], [], [])
    allowance = Allowance(0, 0, MOST_UNPACKED)
    templates, others = Parsing(MOST_OF_TEMPLATES), Parsing(MOST_OF_TEMPLATES)
    for entry in view.list():
        if not entry.size or not view.at_hand(entry.path, 0, entry.size):
            continue
        try:
            if _is_packed(view.read_range(entry.path, 0, min(entry.size, HEAD))):
                texts = Texts(allowance, LONGEST, binary=False, piece=LONGEST)
                suspects = _suspects(view, entry, allowance, texts, searched)
                searched.found += _of_archive(entry, texts, suspects, searched.unread)
                searched.found += _of_templates(entry, suspects, templates, others, searched)
        except IncompleteError as error:
            searched.unread.append(error.message)
    return searched


def _is_packed(head: bytes) -> bool:
    return head.startswith(ZIPS) or is_tar(head) or packing(head) in PACKED


def _suspects(
    view: RepoView, entry: Entry, allowance: Allowance, texts: Texts, searched: SearchedCode
) -> dict[str, str]:
    """The members, by their places, whose words may name code or be a template; what else is to be said of them goes into `searched`."""
    suspects: dict[str, str] = {}  # whether a text was read whole is known behind it
    seen: set[str] = set()
    for place, text, _, _ in texts.of(ViewFile(view, entry.path, allowance), entry.name):
        seen.update([place] if text else [])
        if place and (WORDS.search(text) or tag_words(text) or MAY_BE.search(text)):
            suspects[place] = text
    scripts = [place for place in seen if place.lower().endswith(".py")]
    if scripts and not entry.name.lower().endswith(PACKAGES):
        what = f"Python files in it: {some(sorted(scripts))}"
        searched.found.append(CodeFile(entry.path, "scripts", what, Severity.NOTE))
    if any(place not in seen for place in texts.cut):
        searched.remarks.append(f"{entry.path}: not all that is packed in it was searched for names of code")
    return suspects


def _of_archive(
    entry: Entry, texts: Texts, suspects: dict[str, str], unread: list[str]
) -> Iterator[CodeFile]:
    """One finding a kind, as severe as the worst of its members."""
    worst: dict[str, tuple[_Said, str]] = {}
    members: dict[str, set[str]] = {}
    for place, text in suspects.items():
        try:
            for said in _said(place.lower(), text, whole=place not in texts.cut):
                members.setdefault(said.kind, set()).add(place)
                if said.kind not in worst or said.severity > worst[said.kind][0].severity:
                    worst[said.kind] = said, place
        except IncompleteError as error:
            unread.append(f"{entry.path}, {place}: {error.message}")
    for kind, (said, place) in worst.items():
        if kind == "keras" and entry.name.lower().endswith(KERAS):
            continue  # told by the file's own format
        count = len(members[kind]) - 1
        where = f"{place} (and {many(count, 'other member')})" if count else place
        yield CodeFile(entry.path, kind, f"{where}: {said.what}", said.severity)


def _of_templates(
    entry: Entry, suspects: dict[str, str], templates: Parsing, others: Parsing, searched: SearchedCode
) -> Iterator[CodeFile]:
    """The worst template among the members, which whoever unpacks the archive may render."""
    found: list[CodeFile] = []
    templates.missed = others.missed = False
    for place, text in suspects.items():
        if may_have_template(name := place.rpartition("/")[2]):
            found += [
                CodeFile(entry.path, "template", f"{place}: {told(what)}", severity)
                for what, severity in islice(reaches(name, text, templates, others), 1)
            ]
    if found:
        yield max(found, key=lambda one: one.severity)
    elif templates.missed:
        searched.unread.append(f"{entry.path}: {TOO_LONG}")
    elif others.missed:
        searched.remarks.append(f"{entry.path}: too much text with braces to be followed as templates")


def _said(name: str, text: str, *, whole: bool) -> Iterator[_Said]:
    """What a member says that is called `name`, in lower case. Of one that is not whole, its words."""
    if name.endswith((*NO_TEXT, *PROSE)):
        return
    form = form_of(name)
    form = form or ("json" if text.startswith(("{", "[")) else None)
    if not whole or len(text) > LONGEST_YAML:
        if name.endswith(YAML) and tag_words(text):
            yield _Said("yaml", f"{LONG} has Python's tags", Severity.WARNING)
        if form:
            found, unread = names_in_long(text, form)
            yield from (_Said(one.kind, one.what, one.severity) for one in found)
            if not whole:
                unread = f"searched for names of code only in its first {LONGEST >> 20} MiB"
            if unread is not None:
                raise IncompleteError(unread)
        return
    if form:
        for one in names_in(text, form):
            yield _Said(one.kind, one.what, one.severity)
    if tags := python_tags(text):
        names = some(list(dict.fromkeys(tag for _, tag, _ in tags)))
        what = f"tags of Python ({names}), which an unsafe YAML loader imports or calls"
        yield _Said("yaml", what, max(severity for severity, _, _ in tags))
