"""A folder on disk."""

from __future__ import annotations

import os
import re
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from threading import get_ident
from typing import TYPE_CHECKING

from hubkit.errors import IncompleteError, UsageError
from hubkit.repo.part import lies_in
from hubkit.repo.view import Entry, RepoView
from hubkit.small_files import instead_of_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import FileIO

SKIPPED_FOLDERS = {
    ".git", ".cache", "__pycache__", ".venv", "node_modules", ".tox", ".nox", ".mypy_cache", ".ruff_cache", ".pytest_cache",
}  # fmt: skip
"""Machinery that nobody publishes: not listed, but named in `skipped`."""
ENVIRONMENT = "pyvenv.cfg"
"""What shows that a folder is a virtual environment, whatever it is called."""
NEVER_PUBLISHED = re.compile(r"(?:.*/)?(?:\.git|\.cache/huggingface)")
"""What `upload_folder` of huggingface_hub leaves out by itself, whoever asks."""
MAX_FILES = 100_000
"""What the Hub advises for one repository: more is a home folder, or a disk."""


@dataclass
class LocalView(RepoView):
    """The files below `root`. Links to folders are not followed; links to files only inside the root or the Hub cache's blobs."""

    root: Path = field(default_factory=Path)
    left_out: frozenset[str] = frozenset()
    """Folders below it that are not listed."""
    skipped: list[str] = field(default_factory=list)
    """Folders of machinery that were met and not listed."""
    outward: list[str] = field(default_factory=list)
    """Links to files and folders outside, which were met and not followed."""
    unfollowed: list[str] = field(default_factory=list)
    """Links to folders inside, and links that lead nowhere: not listed either."""
    odd: list[str] = field(default_factory=list)
    """What is neither a file, a folder nor a link: pipes, sockets, devices."""
    machinery: tuple[str, ...] = ()
    """Such folders, where they are what is listed."""
    _held: dict[tuple[int, str], FileIO] = field(default_factory=dict, init=False, repr=False)
    """Files that a thread holds open, by its number and their path."""

    def _list(self) -> list[Entry]:
        entries: list[Entry] = []
        for entry in self._walk():
            if lies_in(entry.path, self.left_out):
                continue
            entries.append(entry)
            if len(entries) > MAX_FILES:
                raise UsageError(
                    f"{self.root}: more than {MAX_FILES:,} files, expected the folder of one release",
                    hint="name the release's own folder",
                )
        return entries

    def _walk(self) -> Iterator[Entry]:
        """Every file, without recursion: folders can be nested deeper than Python's stack is."""
        waiting = [(os.fspath(self.root / folder), f"{folder}/") for folder in self.machinery]
        waiting = waiting or [(os.fspath(self.root), "")]
        while waiting:
            folder, above = waiting.pop()
            found = self._scanned(folder)
            if above and not self.machinery and any(item.name == ENVIRONMENT for item in found):
                self.skipped.append(above.rstrip("/"))
                continue
            for item in found:
                if item.is_dir(follow_symlinks=False):
                    if not self._is_skipped(above + item.name):
                        waiting.append((item.path, f"{above}{item.name}/"))
                    else:
                        self.skipped.append(above + item.name)
                elif self._is_ours(item):
                    yield Entry(above + item.name, item.stat().st_size)
                elif item.is_symlink() and (target := _target(item)) and not self._stays_inside(target):
                    self.outward.append(above + item.name)
                else:
                    (self.unfollowed if item.is_symlink() else self.odd).append(above + item.name)

    def _is_skipped(self, folder: str) -> bool:
        if self.machinery:
            return is_never_published(folder)
        return folder.rpartition("/")[2] in SKIPPED_FOLDERS

    def aside(self) -> LocalView | None:
        """The folders of machinery: not judged, and published all the same by whoever uploads the folder with another tool."""
        self.list()
        folders = [one for one in self.skipped if not lies_in(f"{one}/", self.left_out)]
        machinery = tuple(one for one in folders if not is_never_published(one))
        if not machinery:
            return None
        return LocalView(name=self.name, root=self.root, machinery=machinery, deadline=self.deadline)

    def _scanned(self, folder: str) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(folder) as scan:
                return list(scan)
        except OSError as error:
            raise IncompleteError(
                f"{folder}: cannot be listed: {error.strerror}", hint="check the permissions of the folder"
            ) from error

    def _is_ours(self, item: os.DirEntry[str]) -> bool:
        """Regular files; links only where they stay inside."""
        if not item.is_symlink():
            return item.is_file()
        target = _target(item)
        return target is not None and target.is_file() and self._stays_inside(target)

    def _stays_inside(self, target: Path) -> bool:
        """Whether it is below the root, or among the Hub cache's blobs where this is a snapshot of it."""
        root = self.root.resolve()
        blobs = root.parent.parent / "blobs"
        return target.is_relative_to(root) or (
            root.parent.name == "snapshots" and target.is_relative_to(blobs)
        )

    def instead_of(self, path: str) -> str | None:
        """The same, with what is no folder either: a pipe, a link that leads out of the root or nowhere."""
        place = self.root / path
        if self.entry(path) is None and place.is_file():
            return "a link that leads out of the folder"
        return instead_of_file(place)

    def own_part(self, folder: str, left_out: frozenset[str]) -> LocalView:
        """The folder inside as `open_folder` would show it."""
        root = self.root if folder == "." else self.root / folder
        return LocalView(name=str(root), root=root, left_out=left_out, deadline=self.deadline)

    def _read_range(self, entry: Entry, start: int, stop: int) -> bytes:
        if self.deadline is not None:
            self.deadline.check()
        path = self.root / entry.path
        try:
            with path.open("rb") as file:
                file.seek(start)
                return file.read(stop - start)
        except OSError as error:
            raise _unreadable(entry.path, error) from error

    def _read_into(self, entry: Entry, start: int, buffer: memoryview) -> int:
        path = self.root / entry.path
        held = self._held.get((get_ident(), entry.path))
        got = 0
        try:
            with nullcontext(held) if held else path.open("rb", buffering=0) as file:
                file.seek(start)
                while got < len(buffer) and (count := file.readinto(buffer[got:])):
                    got += count
        except OSError as error:
            raise _unreadable(entry.path, error) from error
        return got

    @contextmanager
    def held_open(self, path: str) -> Iterator[None]:
        """One open file for what this thread reads of `path`: the system's read-ahead begins anew with every opening."""
        key = (get_ident(), path)
        try:
            file = (self.root / self._need(path).path).open("rb", buffering=0)
        except OSError as error:
            raise _unreadable(path, error) from error
        with file:
            if hasattr(os, "posix_fadvise"):  # not on Windows and macOS
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_SEQUENTIAL)
            self._held[key] = file
            try:
                yield
            finally:
                del self._held[key]


def _target(link: os.DirEntry[str]) -> Path | None:
    """What a link leads to; None where that is nothing, or the link itself."""
    try:
        return Path(link.path).resolve(strict=True)
    except (OSError, RuntimeError):
        return None


def is_never_published(folder: str) -> bool:
    """Whether nobody who uploads what is around it uploads the folder."""
    return NEVER_PUBLISHED.fullmatch(folder) is not None


def _unreadable(path: str, error: OSError) -> IncompleteError:
    """By the path in the folder: what is found must not depend on how the folder was typed."""
    return IncompleteError(
        f"{path}: cannot be read: {error.strerror}", hint="check the permissions of the file"
    )


def open_folder(path: Path) -> LocalView:
    """The view of an existing folder. Raises UsageError when `path` is missing or a file."""
    if not path.exists():
        raise UsageError(
            f"{path}: there is no such folder", hint="name a folder that holds SAEs, or OWNER/REPO on the Hub"
        )
    if not path.is_dir():
        raise UsageError(f"{path}: this is a file, expected a folder", hint=f"hubkit validate {path.parent}")
    return LocalView(name=str(path), root=path)
