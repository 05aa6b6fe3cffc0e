"""The files of a release, hashed once: what the gate, the plan and the push all go by."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from hubkit.cards.settings import NAME as SETTINGS
from hubkit.engine.events import Event, Report, silent
from hubkit.errors import NothingFound, UsageError
from hubkit.release.digests import BLOCK
from hubkit.repo.local import open_folder
from hubkit.words import many

NOT_PUBLISHED = {SETTINGS}
"""What a release folder holds for its own making."""
REGULAR_LIMIT = 10_000_000
"""Bytes: above this the Hub takes a file by LFS only, and git's name for it is never asked."""
THREADS = 4


@dataclass(frozen=True)
class LocalFile:
    """One file of the release as it was when it was hashed."""

    path: str
    size: int
    sha256: str
    git_oid: str | None
    """What git calls a regular file of these bytes; None above REGULAR_LIMIT."""
    changed_ns: int
    """Its time of change: an equal one spares a second hash."""


def hash_release(release: Path, report: Report = silent) -> tuple[LocalFile, ...]:
    """Every file that is published, sorted by path. Raises NothingFound for an empty folder."""
    paths = [
        entry.path
        for entry in open_folder(release).list()
        if entry.path not in NOT_PUBLISHED and not entry.name.endswith(".tmp")
    ]
    if not paths:
        raise NothingFound(
            f"{release}: an empty folder, nothing to publish", hint="hubkit demo makes a release to look at"
        )
    found = []
    with ThreadPoolExecutor(THREADS, thread_name_prefix="hubkit-hash") as pool:
        for done, file in enumerate(pool.map(lambda path: hash_file(release, path), paths), start=1):
            report(Event("hashing", done, len(paths), file.path))
            found.append(file)
    return tuple(found)


def hash_file(release: Path, path: str) -> LocalFile:
    """One file, read once for both of its names."""
    place = release / path
    state = place.stat()
    digests = [hashlib.sha256()]
    if state.st_size <= REGULAR_LIMIT:
        digests.append(hashlib.sha1(f"blob {state.st_size}\0".encode(), usedforsecurity=False))
    with place.open("rb") as file:
        while block := file.read(BLOCK):
            for digest in digests:
                digest.update(block)
    git_oid = digests[1].hexdigest() if len(digests) > 1 else None
    return LocalFile(path, state.st_size, digests[0].hexdigest(), git_oid, state.st_mtime_ns)


def some_files(paths: list[str]) -> str:
    """How many, and the first of them."""
    shown = ", ".join(paths[:5]) + (f" and {len(paths) - 5} more" if len(paths) > 5 else "")
    return f"{many(len(paths), 'file')} of the release: {shown}"


def check_unchanged(release: Path, files: tuple[LocalFile, ...]) -> None:
    """Raise UsageError when a file is no longer what was hashed; one with an equal size and time of change is not read again."""
    for file in files:
        place = release / file.path
        try:
            state = place.stat()
        except FileNotFoundError:
            raise _changed(place) from None
        same = (state.st_size, state.st_mtime_ns) == (file.size, file.changed_ns)
        if not same and hash_file(release, file.path).sha256 != file.sha256:
            raise _changed(place)


def _changed(place: Path) -> UsageError:
    return UsageError(
        f"{place}: changed since the plan was made; nothing was published",
        hint="run the same command again",
    )
