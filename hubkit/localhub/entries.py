"""What a repository holds: entries, commits, repositories, and the changes that lead from one tree to the next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from hubkit.localhub.names import COMMIT, SHORT_COMMIT
from hubkit.localhub.refusals import EntryMissingError, InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from hubkit.localhub.names import RepoId

Tree = dict[str, "Entry"]


@dataclass(frozen=True)
class Entry:
    """One file at one commit."""

    size: int
    """Bytes of the content, not of the pointer."""
    oid: str
    """Git's id of the blob; for an LFS file that of its pointer."""
    sha256: str | None = None
    """Of the content, for an LFS file; None for a regular one."""


@dataclass(frozen=True)
class Commit:
    """One state of a repository; `id` and `tree` are the ids that git would give."""

    id: str
    tree: str
    parent: str | None
    title: str
    message: str
    date: str
    """UTC, ISO 8601 with milliseconds and `Z`, as the Hub writes it."""
    author: str

    def named(self, revision: str) -> bool:
        """Whether `revision` is this commit's id, or a start of it."""
        short = COMMIT.fullmatch(revision) or SHORT_COMMIT.fullmatch(revision)
        return short is not None and self.id.startswith(revision)


@dataclass(frozen=True)
class AccessRequest:
    """One user and a gated repository."""

    user: str
    status: Literal["pending", "accepted", "rejected"]
    when: str
    key: str


@dataclass(frozen=True)
class Repo:
    """A repository, without its content."""

    id: RepoId
    private: bool
    created: str
    gated: Literal["auto", "manual", False] = False
    """Whether files need the owner's leave, and whether it is given to everybody who asks."""
    requests: tuple[AccessRequest, ...] = ()
    """Users who have that leave, were refused it, or wait for it."""

    @property
    def granted(self) -> frozenset[str]:
        """Users who have that leave."""
        return frozenset(one.user for one in self.requests if one.status == "accepted")


@dataclass(frozen=True)
class Put:
    """Write this file."""

    path: str
    entry: Entry


@dataclass(frozen=True)
class Delete:
    """Remove this file, or everything below this folder; with `folder` it must be one."""

    path: str
    folder: bool = False


Change = Put | Delete


def applied(changes: Iterable[Change], before: Mapping[str, Entry], commit: str) -> Tree:
    """The tree after `changes`, in their order. Raises EntryMissingError, InvalidRequestError (a file where a folder is)."""
    after = dict(before)
    for change in changes:
        if isinstance(change, Put):
            after[change.path] = change.entry
        else:
            for path in _doomed(change, after, commit):
                del after[path]
    for path in after:
        for folder in ancestors(path):
            if folder in after:
                raise InvalidRequestError(
                    f"{folder!r} would be a file and, because of {path!r}, a folder too"
                )
    return after


def _doomed(change: Delete, tree: Tree, commit: str) -> list[str]:
    prefix = change.path + "/"
    if change.folder:
        doomed = [path for path in tree if path.startswith(prefix)]
    else:
        doomed = [path for path in tree if path == change.path or path.startswith(prefix)]
    if not doomed:
        kind = "folder" if change.folder else "file"
        raise EntryMissingError(f"A {kind} with this name doesn't exist: {change.path!r}", commit)
    return doomed


def ancestors(path: str) -> list[str]:
    """The folders above `path`, outermost first: `a/b/c` gives `a`, `a/b`."""
    parts = path.split("/")
    return ["/".join(parts[:depth]) for depth in range(1, len(parts))]
