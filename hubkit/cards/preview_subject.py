"""Which card is previewed: of a release folder, a README file, or a repository, of which no more is fetched than the card and the pictures that it shows."""

from __future__ import annotations

import hashlib
import mimetypes
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from hubkit.cards.settings import NAME as SETTINGS
from hubkit.cards.settings import stated_name
from hubkit.errors import NothingFound, UsageError
from hubkit.localhub.pages import FileRow
from hubkit.release.layout import README
from hubkit.repo.local import open_folder
from hubkit.repo.target import HUB, open_target
from hubkit.small_files import instead_of_file, read_regular
from hubkit.texts import printable

if TYPE_CHECKING:
    from hubkit.repo.view import RepoView

LONGEST_README = 10_000_000
MARKDOWN = {".md", ".markdown", ".txt", ""}
"""Endings of what is shown as a card."""
LONGEST_EMBEDDED = 5_000_000
"""Bytes of a picture that is fetched, or goes into a page of its own."""
MOST_EMBEDDED = 30_000_000
"""Bytes of all of them, in a page each counted as often as it is shown."""


@dataclass(frozen=True)
class Origin:
    """A repository at a commit."""

    repository: str
    commit: str
    files: tuple[FileRow, ...]


@dataclass(frozen=True)
class Subject:
    """A README and the folder that it belongs to."""

    folder: Path
    readme: Path
    origin: Origin | None = None
    """Where the folder holds what was fetched of a repository."""

    @property
    def name(self) -> str:
        """The repository's name: its own, or what a card.yaml gives; else the folder's."""
        if self.origin is not None:
            return self.origin.repository
        return printable(stated_name(self.folder) or self.folder.resolve().name)

    @property
    def text(self) -> str | None:
        """The card as it is now; None while there is none."""
        try:
            return read_regular(self.readme, LONGEST_README).decode("utf-8", "replace")
        except OSError as error:
            # also a pipe, and what is larger than any card: it is said in place of the card
            return None if isinstance(error, FileNotFoundError) else f"{self.readme.name}: {error.strerror}"

    @property
    def crumb(self) -> str:
        """HTML over the name."""
        if self.origin is not None:
            return f"Preview of README.md at commit {quote(self.origin.commit[:12])}, as it was fetched"
        return f"Preview of {quote(self.readme.name, errors='surrogateescape')}; it follows the file"

    def files(self) -> list[FileRow]:
        """What the repository holds; or the folder holds now and would be published."""
        if self.origin is not None:
            return list(self.origin.files)
        entries = open_folder(self.folder).list()
        return [FileRow(entry.path, entry.size) for entry in entries if entry.path != SETTINGS]

    def state(self) -> str:
        """Changes with the card and with the name, size and time of every file."""
        listed = (f"{file.path} {file.size} {_changed(self.folder / file.path)}" for file in self.files())
        parts = [self.text or "", *listed]
        return hashlib.sha256("\n".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _changed(file: Path) -> int:
    """When a file was written last; 0 for one that is just gone."""
    try:
        return file.stat().st_mtime_ns
    except OSError:
        return 0


def open_subject(target: Path) -> Subject:
    """The card of a release folder, or a README file. Raises UsageError where there is none."""
    if target.is_dir():
        if what := instead_of_file(target / README):
            raise UsageError(f"{target / README}: {what}, expected a file", hint="move it away or rename it")
        if not (target / README).is_file():
            raise UsageError(f"{target}: there is no README.md to show", hint=f"hubkit build-cards {target}")
        return Subject(target, target / README)
    if not target.is_file():
        raise UsageError(
            f"{target}: there is no such folder or file", hint="name a release folder or a README.md"
        )
    if target.suffix.lower() not in MARKDOWN:
        raise UsageError(f"{target}: not a card", hint="name a release folder or a README.md")
    return Subject(target.parent, target)


@contextmanager
def opened(target: str | Path) -> Iterator[Subject]:
    """The card that `target` names: a folder, a file, OWNER/REPO[@REVISION]. What is fetched lies in a folder of its own while the block runs.

    Raises HubkitError.
    """
    if Path(target).exists() or HUB.fullmatch(str(target)) is None:
        yield open_subject(Path(target))
        return
    view = open_target(str(target))
    with tempfile.TemporaryDirectory(prefix="hubkit-preview-") as scratch:
        yield _fetched(view, Path(scratch))


def _fetched(view: RepoView, folder: Path) -> Subject:
    card = view.entry(README)
    if card is None:
        raise NothingFound(f"{view.name}: there is no {README} to show")
    if card.size > LONGEST_README:
        raise UsageError(f"{view.name}: {README} has {card.size:,} bytes, and {LONGEST_README:,} are shown", hint="look at it on the Hub")  # fmt: skip
    text = view.read_range(README, 0, card.size)
    (folder / README).write_bytes(text)
    room = MOST_EMBEDDED
    for entry in view.list():
        kind = mimetypes.guess_type(entry.path)[0] or ""
        shown = kind.startswith("image/") and entry.path.encode("utf-8", "surrogatepass") in text
        if not shown or entry.size > min(LONGEST_EMBEDDED, room):
            continue
        room -= entry.size
        file = folder / entry.path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(view.read_range(entry.path, 0, entry.size))
    rows = tuple(FileRow(entry.path, entry.size) for entry in view.list())
    return Subject(folder, folder / README, Origin(view.repository or view.name, view.revision or "", rows))
