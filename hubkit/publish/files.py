"""The files of a release, hashed once: what the gate, the plan and the push all go by."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from hubkit.cards.settings import NAME as SETTINGS
from hubkit.engine.events import Event, Progress, silent
from hubkit.errors import NothingFound, UsageError
from hubkit.release.digests import BLOCK
from hubkit.release.layout import LEFT_OUT_FOLDERS, is_left_out
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


def left_out(release: Path, include: tuple[str, ...] = ()) -> tuple[str, ...]:
    """What lies in the folder and is not sent, by folder where it is one: for the plan to name."""
    view = open_folder(release)
    files = [entry.path for entry in view.list() if not _is_sent(entry.path, include)]
    folders = {_outermost(path) for path in files if path not in NOT_PUBLISHED}
    return tuple(sorted({*(f"{one}/" for one in view.skipped), *folders}))


def links_out(release: Path) -> tuple[str, ...]:
    """The links in the folder that lead out of it, which are never sent."""
    view = open_folder(release)
    view.list()
    return tuple(sorted(view.outward))


def links_not_followed(release: Path) -> tuple[str, ...]:
    """The links in the folder to folders in it, and those that lead nowhere, which are never sent either."""
    view = open_folder(release)
    view.list()
    return tuple(sorted(view.unfollowed))


def _outermost(path: str) -> str:
    """The folder because of which a file is left out, or the file itself."""
    parts = path.split("/")
    at = next((n for n, part in enumerate(parts[:-1]) if part in LEFT_OUT_FOLDERS), None)
    return path if at is None else "/".join(parts[: at + 1]) + "/"


def _is_sent(path: str, include: tuple[str, ...]) -> bool:
    return path not in NOT_PUBLISHED and (not is_left_out(path) or _is_asked_for(path, include))


def _is_asked_for(path: str, include: tuple[str, ...]) -> bool:
    """Whether a pattern names the file, or a folder that it is in."""
    parts = path.split("/")
    names = ["/".join(parts[:n]) for n in range(1, len(parts) + 1)]
    return any(fnmatchcase(name, pattern.rstrip("/")) for pattern in include for name in names)


def hash_release(
    release: Path, report: Progress = silent, include: tuple[str, ...] = ()
) -> tuple[LocalFile, ...]:
    """Every file that is published, sorted by path; `include` are globs of what is left out else.

    Raises NothingFound for an empty folder, UsageError for a glob that nothing left out fits.
    """
    view = open_folder(release)
    listed = [entry.path for entry in view.list()]
    for pattern in include:
        if not any(is_left_out(path) and _is_asked_for(path, (pattern,)) for path in listed):
            never = [one for one in view.skipped if _is_asked_for(one, (pattern,))]
            why = f"{never[0]}/ is never sent" if never else "nothing that is left out fits it"
            raise UsageError(
                f"--include {pattern}: {why}", hint="hubkit push RELEASE --dry-run names what is left out"
            )
    paths = [path for path in listed if _is_sent(path, include)]
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
