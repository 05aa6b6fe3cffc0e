"""The secrets in the files of a repository and in their names: one list and one search, for `validate`, the hook and the gate before a push."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hubkit.errors import IncompleteError
from hubkit.release.layout import METRICS
from hubkit.repo.view import SMALL_FILE
from hubkit.tensors.endings import promise
from hubkit.tensors.view_file import Allowance, ViewFile
from hubkit.validate.code_by_name import may_be_loaded
from hubkit.validate.secret_bytes import EDGE, NO_TEXT, Texts
from hubkit.validate.secret_kinds import find_secrets, masked
from hubkit.validate.secret_settings import LONGEST_NAME
from hubkit.words import many

if TYPE_CHECKING:
    from hubkit.repo.view import Entry, RepoView

LARGEST_TEXT = 5_000_000
"""Bytes of a text that are searched; where it goes on, the report says so, and the gate before a push searches all of it."""
MOST_BYTES, MOST_FILES = 128_000_000, 20_000
"""Of one folder."""
MOST_UNPACKED = 1 << 27
"""Bytes that come out of the packed files of one folder."""
FAR_BYTES, FAR_FILES = 4_000_000, 128
"""Of a repository on the Hub, where every file is a request."""
FAR_OTHERS, LONGEST_OTHER = 16, 1 << 18
"""Of them, texts that programs write: tables, listings, JSON beside the SAEs. The shortest, of which most is seen for a request; and bytes of one."""
HAND_MADE = re.compile(
    r"""(?:.*\.)?env(?:\..*|rc)?|[._]netrc|settings|\.(?:npmrc|pypirc|pgpass|git-credentials|dockercfg|my\.cnf|bashrc|zshrc|profile)|id_(?:rsa|dsa|ecdsa|ed25519)|kaggle\.json|(?:gnu)?makefile|justfile|.*\.mk
    |\.?[^.]*(?:secret|credential|token|passw|wandb|api_?key)[^.]*(?:\.json|\.csv)?
    |(?:model_index|adapter_config|(?:(?:pre|image_|video_)?processor|generation)_config|chat_template)\.json
    |.*\.(?:jinja2?|j2|py|sh|bash|zsh|ps1|bat|cmd|ipynb|ya?ml|toml|txt|log|out|err|cfg|ini|conf|properties|pem|key|ppk|asc|gpg|tf|tfvars|slurm|sbatch|md|rst|r|jl|js|ts)""",
    re.VERBOSE | re.IGNORECASE,
)
"""What people write, or programs that know their keys, and what may name code for a loader (SEC004): what is looked at on the Hub, also where it is packed by
itself (`train.log.gz`)."""
TOKENIZERS = {"merges.txt", "vocab.txt"}
BESIDE_ALL = {".gitattributes", ".gitignore", METRICS}
"""Texts of programs that lie in every repository, or beside every SAE."""


@dataclass(frozen=True)
class Secret:
    """One secret: what it is and where, never its text."""

    path: str | None
    """None where a file's name is the secret."""
    line: int | None
    kind: str
    length: int
    """Characters."""
    identity: str
    """A salted hash."""
    place: str = ""
    """Where in the file, or which file, where path and line do not say it; masked."""


@dataclass
class Searched:
    """What was found in the texts of a repository, and what was not looked at."""

    secrets: list[Secret] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    unread: str | None = None
    """Why a text could not be read."""


def secrets_of(path: str, text: str, place: str = "", lines: int = 0) -> Iterator[Secret]:
    """The secrets of a file's text, or of that of its member `place`; before it stand `lines` lines."""
    name = (place or path).rpartition("/")[2]
    for hit in find_secrets(text, name):
        line = lines + hit.line
        told = f"in {masked(place)}, line {line}" if place else ""
        yield Secret(
            path, None if place else line, hit.kind, len(hit.secret), _identity(path, hit.whole), told
        )


def secrets_of_names(paths: Iterable[str]) -> Iterator[Secret]:
    """Those that files' paths show: one search for all of them, a line and a blank one for each."""
    lines = [" ".join(path.split("\n")) for path in paths]
    for hit in find_secrets("\n\n".join(lines)):
        told = f"in the name of {masked(lines[(hit.line - 1) // 2])}"
        yield Secret(None, None, hit.kind, len(hit.secret), _identity("", hit.whole), told)


def _identity(path: str, secret: str) -> str:
    return hashlib.sha256(f"hubkit SEC002 {path} {secret}".encode("utf-8", "surrogatepass")).hexdigest()


def secrets_in_file(
    view: RepoView, path: str, allowance: Allowance, most: int | None = None
) -> tuple[list[Secret], list[str]]:
    """The secrets of one file, and the places (empty for the file itself) where more than `most` bytes of text were left, or it could not be unpacked.

    Raises IncompleteError where it cannot be read.
    """
    size = entry.size if (entry := view.entry(path)) else 0
    file = (
        ViewFile(view, path, allowance)
        if _is_near(view)
        else io.BytesIO(view.read_range(path, 0, SMALL_FILE))
    )
    texts = Texts(allowance, size + allowance.unpacked if most is None else most)
    found: dict[Secret, None] = {}
    for place, text, lines, key in texts.of(file, path.rpartition("/")[2]):
        found |= dict.fromkeys(secrets_of(path, text, place, lines))
        if key is not None:
            told = f"in {masked(place)}" if place else ""
            found[Secret(path, None, key[0], len(key[1]), _identity(path, key[1].hex()), told)] = None
        if place and not text:
            found |= dict.fromkeys(_of_member(path, place))
    return list(found), [*texts.cut, *([""] if size > SMALL_FILE and not _is_near(view) else [])]


def _of_member(path: str, place: str) -> Iterator[Secret]:
    for hit in find_secrets(place):
        told = f"in the name of its member {masked(place)}"
        yield Secret(path, None, hit.kind, len(hit.secret), _identity(path, hit.whole), told)


def _is_near(view: RepoView) -> bool:
    """Whether reading costs nothing: a folder on disk."""
    return view.repository is None


def _is_hand_made(name: str) -> bool:
    name = name.removesuffix(".gz")
    return len(name) <= LONGEST_NAME and name not in TOKENIZERS and HAND_MADE.fullmatch(name) is not None


def _is_first(name: str) -> bool:
    """Whether a far file is searched before others: for what people write into it, or for the names of code that a loader takes from it (SEC004)."""
    return _is_hand_made(name) or may_be_loaded(name.lower())


def _is_text(name: str) -> bool:
    """Whether a far file is searched, as far as there is room: what people write, and other texts by their names."""
    return _is_first(name) or (promise(name) == "text" and name not in TOKENIZERS | BESIDE_ALL)


def _chosen(view: RepoView, known: Collection[str]) -> tuple[list[Entry], list[Entry]]:
    """The files that are searched, the likeliest first, and those that are too much."""
    near = _is_near(view)
    listed = [e for e in view.list() if e.size and e.path not in known and (near or _is_text(e.name))]
    listed.sort(key=lambda one: (not _is_whole(one), not one.name.startswith("."), one.size, one.path))
    too_much: list[Entry] = []
    if not near:
        others = [one for one in listed if not _is_first(one.name)]
        few = [one for one in others if one.size <= LONGEST_OTHER][:FAR_OTHERS]
        first = [one for one in listed if _is_first(one.name)]
        listed = [*sorted(first, key=lambda one: not may_be_loaded(one.name.lower())), *few]
        too_much = [one for one in others if one not in few]
    bytes_left, files = (MOST_BYTES, MOST_FILES) if near else (FAR_BYTES, FAR_FILES)
    for at, entry in enumerate(listed):
        bytes_left -= min(entry.size, (LARGEST_TEXT if near else SMALL_FILE) if _is_whole(entry) else EDGE)
        if bytes_left < 0 or at == files:
            return listed[:at], [*listed[at:], *too_much]
    return listed, too_much


def _is_whole(entry: Entry) -> bool:
    """Whether it is searched whole, going by its name."""
    return not entry.path.lower().endswith(NO_TEXT)


def search(view: RepoView, known: Collection[str]) -> Searched:
    """Search the texts of `view`, but for those at `known` paths, which whoever asks has read already; and the names of all.

    A folder is searched whole, up to its limits. Of a repository on the Hub what people write by hand is fetched, and a few other texts, not beyond FAR_BYTES.
    """
    chosen, beyond = _chosen(view, known)
    largest = LARGEST_TEXT if _is_near(view) else SMALL_FILE
    view.prefetch((entry.path, 0, min(entry.size, largest)) for entry in chosen)
    allowance = Allowance(0, 0, MOST_UNPACKED)
    found: dict[str, list[Secret]] = {}
    failed: list[str] = []
    partly: list[str] = []
    packed: list[str] = []

    def look(entry: Entry) -> None:
        try:
            found[entry.path], cut = secrets_in_file(view, entry.path, allowance, largest)
        except IncompleteError as error:
            failed.append(error.message)
            return
        if cut:
            (packed if any(cut) else partly).append(entry.path)

    view.each(look, chosen)
    names = secrets_of_names(entry.path for entry in view.list())
    remarks = [
        *_said(sorted(partly), f"searched for secrets only in the first {largest:,} bytes"),
        *_said(sorted(packed), "not all that is packed in it was searched for secrets"),
        *_said([entry.path for entry in beyond], "not searched for secrets: too much text"),
    ]
    secrets = [*names, *(one for path in sorted(found) for one in found[path])]
    return Searched(secrets, remarks, min(failed) if failed else None)


def _said(paths: list[str], what: str) -> Iterable[str]:
    if paths:
        shown = ", ".join(map(masked, paths[:3]))
        more = f" and {many(len(paths) - 3, 'file')} more" if len(paths) > 3 else ""
        yield f"{shown}{more}: {what}"
