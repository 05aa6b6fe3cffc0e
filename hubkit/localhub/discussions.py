"""Discussions and pull requests of one repository: `discussions/<num>.json` beside its commits, `refs/pr/<num>` among its refs.

A pull request begins at a commit of a branch, main as a rule, and only grows; merging squashes it into one commit there, as the Hub does. No HTTP.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from hubkit.localhub.disk import read_json, write_json
from hubkit.localhub.entries import Change, Delete, Put
from hubkit.localhub.history import MAIN, utc_text
from hubkit.localhub.refusals import (
    ConflictError,
    ForbiddenError,
    HeadMovedError,
    InvalidRequestError,
    ThingMissingError,
)

if TYPE_CHECKING:
    from pathlib import Path

    from hubkit.localhub.entries import Commit, Tree
    from hubkit.localhub.names import RepoId
    from hubkit.localhub.store import Store

Status = Literal["draft", "open", "closed", "merged"]


@dataclass(frozen=True)
class Event:
    """One thing that happened, in the words of the Hub's API."""

    id: str
    type: Literal["comment", "status-change", "commit", "title-change"]
    created: str
    author: str
    data: dict[str, Any]


@dataclass(frozen=True)
class Discussion:
    """A discussion, or a pull request: then `start` is the commit of `base` that it began at."""

    num: int
    title: str
    author: str
    created: str
    status: Status
    start: str | None
    merged: str | None
    events: tuple[Event, ...]
    base: str = MAIN
    """The branch that a pull request is to be merged into."""

    @property
    def ref(self) -> str:
        """Where a pull request's commits are."""
        return f"refs/pr/{self.num}"


def event(
    kind: Literal["comment", "status-change", "commit", "title-change"], author: str, **data: Any
) -> Event:
    """Something that happens now."""
    return Event(uuid.uuid4().hex[:24], kind, utc_text(datetime.now(UTC)), author, data)


def comment(author: str, text: str) -> Event:
    """A message."""
    return event("comment", author, edited=False, hidden=False, latest={"raw": text})


class Discussions:
    """All discussions in a store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def all(self, repo: RepoId) -> list[Discussion]:
        """Newest first."""
        with self._store.lock:
            found = [_read(path) for path in self._folder(repo).glob("*.json")]
        return sorted(found, key=lambda one: one.num, reverse=True)

    def get(self, repo: RepoId, num: int) -> Discussion:
        """Raises ThingMissingError."""
        with self._store.lock:
            try:
                return _read(self._folder(repo) / f"{num}.json")
            except FileNotFoundError:
                raise ThingMissingError(f"there is no discussion {num} in {repo}") from None

    def open(self, repo: RepoId, title: str, text: str, author: str, *, pull_request: bool) -> Discussion:
        """Begin one; a pull request begins as a draft at the head of main, as the Hub's API does it."""
        if not title.strip():
            raise InvalidRequestError("a discussion needs a title")
        with self._store.lock:
            num = self._next(repo)
            start = self._store.create_ref(repo, f"refs/pr/{num}", MAIN) if pull_request else None
            status: Status = "draft" if pull_request else "open"
            first = (comment(author, text),)
            made = Discussion(num, title, author, first[0].created, status, start, None, first)
            self._write(repo, made)
            return made

    def propose(
        self,
        repo: RepoId,
        branch: str,
        changes: Sequence[Change],
        message: tuple[str, str],
        author: str,
        parent: str | None,
    ) -> tuple[Discussion, Commit]:
        """A pull request to `branch` with one commit on `parent` (None: the branch's head). Nothing is begun when the commit is refused.

        Raises RevisionMissingError for what is no branch.
        """
        with self._store.lock:
            history, num = self._store.history(repo), self._next(repo)
            base = history.branch(branch)
            start = history.commit(parent or base)
            made = self._store.extend(history, f"refs/pr/{num}", start, changes, message, author)
            history.set_refs(history.refs() | {f"refs/pr/{num}": made.id})
            events = (comment(author, message[1]), event("commit", author, subject=message[0], oid=made.id))
            opened = Discussion(
                num, message[0], author, events[0].created, "open", start.id, None, events, base
            )
            self._write(repo, opened)
            return opened, made

    def push(
        self,
        repo: RepoId,
        num: int,
        changes: Sequence[Change],
        message: tuple[str, str],
        author: str,
        parent: str | None,
    ) -> Commit:
        """One more commit on a pull request. Raises HeadMovedError, ForbiddenError for one that is closed or merged."""
        with self._store.lock:
            pull = self._pull(repo, num)
            history = self._store.history(repo)
            head = history.commit(pull.ref)
            if pull.status not in {"draft", "open"}:
                raise ForbiddenError(f"pull request {num} is {pull.status}: it takes no more commits")
            if parent is not None and not head.named(parent):
                raise HeadMovedError(pull.ref, head.id, parent)
            made = self._store.extend(history, pull.ref, head, changes, message, author)
            if made != head:
                self.add(repo, num, event("commit", author, subject=message[0], oid=made.id))
            return made

    def add(self, repo: RepoId, num: int, *events: Event) -> Discussion:
        """Note that something happened, and what follows from it for title and status."""
        with self._store.lock:
            found = self.get(repo, num)
            for one in events:
                found = replace(found, events=(*found.events, one))
                if one.type == "title-change":
                    found = replace(found, title=one.data["to"])
                elif one.type == "status-change":
                    found = replace(found, status=one.data["status"])
            self._write(repo, found)
            return found

    def edit(self, repo: RepoId, num: int, key: str, text: str, author: str) -> Event:
        """Give a comment other words. Raises ThingMissingError, ForbiddenError for what somebody else wrote."""
        with self._store.lock:
            found = self.get(repo, num)
            said = next((one for one in found.events if one.id == key and one.type == "comment"), None)
            if said is None:
                raise ThingMissingError(f"there is no comment {key[:80]!r} in discussion {num}")
            if said.author != author:
                raise ForbiddenError(f"this comment is {said.author}'s, not {author}'s")
            latest = {"raw": text, "updatedAt": utc_text(datetime.now(UTC)), "author": {"name": author}}
            edited = replace(said, data=said.data | {"edited": True, "latest": latest})
            events = tuple(edited if one == said else one for one in found.events)
            self._write(repo, replace(found, events=events))
            return edited

    def merge(self, repo: RepoId, num: int, author: str) -> Commit:
        """Squash an open pull request into its branch. Raises ConflictError, ForbiddenError, RevisionMissingError."""
        with self._store.lock:
            pull = self._pull(repo, num)
            if pull.status != "open":
                raise ForbiddenError(f"pull request {num} is {pull.status}: only an open one is merged")
            clashes = self.conflicts(repo, pull)
            if clashes:
                where = pull.base.removeprefix("refs/heads/")
                raise ConflictError(f"{where} and pull request {num} both changed {', '.join(clashes[:5])}")
            history = self._store.history(repo)
            head = history.commit(pull.base)
            message = (f"{pull.title} (#{num})", "")
            made = self._store.extend(history, pull.base, head, self.changes(repo, pull), message, author)
            self._write(
                repo,
                replace(self.add(repo, num, event("status-change", author, status="merged")), merged=made.id),
            )
            return made

    def trees(self, repo: RepoId, pull: Discussion) -> tuple[Tree, Tree]:
        """The trees where a pull request began and where it is."""
        history = self._store.history(repo)
        return dict(history.tree(history.commit(pull.start or MAIN))), dict(
            history.tree(history.commit(pull.ref))
        )

    def changes(self, repo: RepoId, pull: Discussion) -> list[Change]:
        """What a pull request changes; what its branch has the same way already is left out."""
        before, after = self.trees(repo, pull)
        base = self._base(repo, pull)
        puts = [Put(path, one) for path, one in after.items() if before.get(path) != one]
        gone: list[Change] = [Delete(path) for path in before if path not in after and path in base]
        return [*gone, *puts]

    def conflicts(self, repo: RepoId, pull: Discussion) -> list[str]:
        """Paths that its branch and the pull request changed since, to different contents."""
        before, after = self.trees(repo, pull)
        base = self._base(repo, pull)
        touched = {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}
        return sorted(path for path in touched if base.get(path) not in (before.get(path), after.get(path)))

    def _base(self, repo: RepoId, pull: Discussion) -> Tree:
        history = self._store.history(repo)
        return dict(history.tree(history.commit(pull.base)))

    def _pull(self, repo: RepoId, num: int) -> Discussion:
        found = self.get(repo, num)
        if found.start is None:
            raise InvalidRequestError(f"discussion {num} is no pull request")
        return found

    def _next(self, repo: RepoId) -> int:
        """Above every discussion, and every ref that a crash left without one."""
        refs = [int(ref.rpartition("/")[2]) for ref in self._store.refs(repo) if ref.startswith("refs/pr/")]
        return 1 + max([0, *refs, *(one.num for one in self.all(repo))])

    def _folder(self, repo: RepoId) -> Path:
        return self._store.history(repo).folder / "discussions"

    def _write(self, repo: RepoId, one: Discussion) -> None:
        write_json(self._folder(repo) / f"{one.num}.json", asdict(one))


def _read(path: Path) -> Discussion:
    found = read_json(path)
    events = tuple(Event(**one) for one in found.pop("events"))
    return Discussion(**found, events=events)
