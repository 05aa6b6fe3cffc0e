"""One repository on disk: who it is, its refs, and every commit and tree it ever had.

repo.json     id, private, created, gated, requests
refs.json     {"refs/heads/main": commit}; replaced in one step, and only after all that it points to is there
commits/      <commit>.json   tree, parent, title, message, date, author
moved.json    alone, where a repository was before it got another name
trees/        <tree>.json     path -> size, oid, sha256
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING

from hubkit.localhub.disk import read_json, write_json
from hubkit.localhub.entries import AccessRequest, Commit, Entry, Repo
from hubkit.localhub.gitids import commit_id, tree_ids
from hubkit.localhub.names import COMMIT, SHORT_COMMIT, RepoId
from hubkit.localhub.refusals import RevisionMissingError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

MAIN = "refs/heads/main"


def utc_text(when: datetime) -> str:
    """As the Hub writes dates: `2026-03-01T12:00:00.000Z`."""
    return when.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@lru_cache(maxsize=32)
def _tree(path: Path) -> Mapping[str, Entry]:
    # A tree's file never changes, its name is its digest: safe to keep.
    return MappingProxyType({name: Entry(**entry) for name, entry in read_json(path).items()})


@lru_cache(maxsize=256)
def _commit(path: Path) -> Commit:
    return Commit(**read_json(path))


def forget() -> None:
    """Drop what was read of repositories: one was deleted."""
    _tree.cache_clear()
    _commit.cache_clear()


class History:
    """Reads and extends one repository's folder. The store holds the lock."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def describe(self, repo: Repo) -> None:
        """Write `repo.json`."""
        view = {"id": str(repo.id), "private": repo.private, "created": repo.created}
        requests = [asdict(one) for one in repo.requests]
        write_json(self.folder / "repo.json", view | {"gated": repo.gated, "requests": requests})

    def repo(self) -> Repo | None:
        """The repository, or None where there is none."""
        try:
            found = read_json(self.folder / "repo.json")
        except FileNotFoundError:
            return None
        return Repo(
            RepoId(*found["id"].split("/")),
            found["private"],
            found["created"],
            found.get("gated", False),
            tuple(AccessRequest(**one) for one in found.get("requests", ())),
        )

    def refs(self) -> dict[str, str]:
        """Full ref name to commit."""
        refs: dict[str, str] = read_json(self.folder / "refs.json")
        return refs

    def ref(self, revision: str) -> str:
        """The full name of a ref given as such or short. Raises RevisionMissingError, also when a branch and a tag share it."""
        candidates = {revision, f"refs/heads/{revision}", f"refs/tags/{revision}"} & self.refs().keys()
        if len(candidates) != 1:
            state = f"means each of {sorted(candidates)}" if candidates else "is no branch or tag"
            raise RevisionMissingError(f"Invalid rev id: {revision!r} {state} of this repository")
        return candidates.pop()

    def branch(self, revision: str) -> str:
        """The full name of a branch given as such or short. Raises RevisionMissingError."""
        ref = self.ref(revision)
        if not ref.startswith("refs/heads/"):
            raise RevisionMissingError(
                f"Invalid rev id: {revision!r} is not a branch, commits go to branches"
            )
        return ref

    def commit(self, revision: str) -> Commit:
        """The commit that a ref, a full commit id or an unambiguous start of one names. Raises RevisionMissingError."""
        if COMMIT.fullmatch(revision):
            try:
                return _commit(self._commit_path(revision))
            except FileNotFoundError:
                raise RevisionMissingError(f"Invalid rev id: there is no commit {revision}") from None
        try:
            return _commit(self._commit_path(self.refs()[self.ref(revision)]))
        except RevisionMissingError:
            if not SHORT_COMMIT.fullmatch(revision):
                raise
        found = sorted(path.stem for path in (self.folder / "commits").glob(f"{revision}*.json"))
        if len(found) != 1:
            state = f"begins {len(found)} commits" if found else "is no branch, tag or commit"
            raise RevisionMissingError(f"Invalid rev id: {revision!r} {state} of this repository")
        return _commit(self._commit_path(found[0]))

    def set_refs(self, refs: Mapping[str, str]) -> None:
        """Replace all refs, in one step."""
        write_json(self.folder / "refs.json", dict(refs))

    def moved_to(self) -> str | None:
        """The id under which this repository is now, None when it never moved."""
        try:
            return str(read_json(self.folder / "moved.json")["to"])
        except FileNotFoundError:
            return None

    def leave_note(self, new: RepoId) -> None:
        """Say here where the repository is now."""
        write_json(self.folder / "moved.json", {"to": str(new)})

    def entries(self) -> Iterator[Entry]:
        """Every file of every commit."""
        for path in (self.folder / "trees").glob("*.json"):
            yield from _tree(path).values()

    def tree(self, commit: Commit) -> Mapping[str, Entry]:
        """Every file at `commit`, by path."""
        return _tree(self.folder / "trees" / f"{commit.tree}.json")

    def line(self, commit: Commit) -> Iterator[Commit]:
        """`commit` and all before it, newest first."""
        current: Commit | None = commit
        while current is not None:
            yield current
            current = _commit(self._commit_path(current.parent)) if current.parent else None

    def extend(
        self,
        ref: str,
        parent: Commit | None,
        tree: Mapping[str, Entry],
        message: tuple[str, str],
        author: str,
    ) -> Commit:
        """Add a commit (`message` is its title and the rest) and move `ref` to it, that last and in one step.

        Without a parent it is the first of its line: of the repository's, where that has no refs yet.
        """
        root = tree_ids(tree)[""]
        title, text = message
        when = datetime.now(UTC)
        above = parent.id if parent else None
        identity = commit_id(root, above, author, when, f"{title}\n\n{text}" if text else title)
        commit = Commit(identity, root, above, title, text, utc_text(when), author)
        write_json(
            self.folder / "trees" / f"{root}.json", {path: asdict(entry) for path, entry in tree.items()}
        )
        write_json(self._commit_path(identity), asdict(commit))
        refs = self.refs() if (self.folder / "refs.json").exists() else {}
        self.set_refs(refs | {ref: identity})
        return commit

    def _commit_path(self, commit: str) -> Path:
        return self.folder / "commits" / f"{commit}.json"
