"""The repositories of a local Hub and their content, on disk. No HTTP.

    <folder>/objects/   content by digest, shared by all repositories
    <folder>/repos/     one folder per repository (`history.py`)
    <folder>/tmp/       what is on its way in; emptied when the store opens

A crash at any point leaves every branch where it was before or where it was to go.
"""

from __future__ import annotations

import shutil
import threading
import uuid
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from hubkit.localhub.attributes import ATTRIBUTES, DEFAULT_ATTRIBUTES, attribute_line, goes_to_lfs
from hubkit.localhub.entries import Commit, Entry, Put, Repo, Tree, applied
from hubkit.localhub.frontmatter import check
from hubkit.localhub.gitids import blob_id, lfs_pointer
from hubkit.localhub.history import MAIN, History, forget, utc_text
from hubkit.localhub.names import RepoId
from hubkit.localhub.objects import Objects
from hubkit.localhub.refusals import (
    HeadMovedError,
    InvalidRequestError,
    RefExistsError,
    RepoExistsError,
    RepoMissingError,
    RepoMovedError,
    RevisionMissingError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from hubkit.localhub.entries import Change

README = "README.md"
NOT_FOUND = "Repository not found"
"""The Hub's words, which the client does not say again: its own name the address."""


class Store:
    """Opens, or begins, the store in `folder`. One process at a time (`disk.keeping`), any number of threads."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.temporary = folder / "tmp"
        shutil.rmtree(self.temporary, ignore_errors=True)
        self.temporary.mkdir(parents=True)
        self.objects = Objects(folder / "objects", self.temporary)
        self._repos = folder / "repos"
        self._repos.mkdir(exist_ok=True)
        self.lock = threading.RLock()

    def repos(self) -> list[Repo]:
        """All repositories, by name."""
        with self.lock:
            found = [History(folder).repo() for folder in self._repos.iterdir()]
        return sorted((repo for repo in found if repo is not None), key=lambda repo: repo.id)

    def repo(self, repo_id: RepoId) -> Repo:
        """The repository of this name, in whatever case it is written. Raises RepoMissingError, RepoMovedError."""
        with self.lock:
            history = self.history(repo_id)
            repo, moved = history.repo(), history.moved_to()
        if repo is None and moved is not None:
            raise RepoMovedError(str(repo_id), self._final(moved))
        if repo is None:
            raise RepoMissingError(NOT_FOUND)
        return repo

    def _final(self, name: str) -> str:
        """Where a name leads in the end; a move takes the note at its target away, so that this ends."""
        history = self.history(RepoId(*name.split("/")))
        further = history.moved_to() if history.repo() is None else None
        return self._final(further) if further else name

    def create(self, repo_id: RepoId, *, private: bool, author: str) -> Repo:
        """A repository with the Hub's `.gitattributes` in its first commit. Raises RepoExistsError."""
        with self.lock:
            history = self.history(repo_id)
            if history.repo() is not None:
                raise RepoExistsError(f"You already created this model repo: {repo_id}")
            repo = Repo(repo_id, private, utc_text(datetime.now(UTC)))
            entry = self.regular(DEFAULT_ATTRIBUTES.encode("utf-8"))
            shutil.rmtree(history.folder, ignore_errors=True)  # what a creation that was cut short left
            history.extend(MAIN, None, {ATTRIBUTES: entry}, ("initial commit", ""), author)
            history.describe(repo)  # last: without it there is no repository
            return repo

    def change(self, repo: Repo) -> None:
        """Make `repo` what its repository is: private or not, gated, granted."""
        with self.lock:
            self.repo(repo.id)
            self.history(repo.id).describe(repo)

    def move(self, old: RepoId, new: RepoId) -> Repo:
        """Give a repository another name; the old one leads there. Raises RepoMissingError, RepoExistsError."""
        with self.lock:
            repo, target = self.repo(old), self.history(new)
            if target.repo() is not None:
                raise RepoExistsError(f"A model repository called {new} already exists")
            shutil.rmtree(target.folder, ignore_errors=True)
            self.history(old).folder.rename(target.folder)
            forget()
            moved = replace(repo, id=new)
            target.describe(moved)
            self.history(old).leave_note(new)
            return moved

    def delete(self, repo_id: RepoId) -> None:
        """Remove a repository, its history, and the objects that no other one has. Raises RepoMissingError."""
        with self.lock:
            self.repo(repo_id)
            grave = self.temporary / uuid.uuid4().hex
            own = set(self.history(repo_id).entries())
            self.history(repo_id).folder.rename(grave)
            forget()
            kept = {entry for folder in self._repos.iterdir() for entry in History(folder).entries()}
            self.objects.drop(own - kept)
        shutil.rmtree(grave, ignore_errors=True)

    def refs(self, repo_id: RepoId) -> dict[str, str]:
        """Full ref name to commit."""
        with self.lock:
            self.repo(repo_id)
            return self.history(repo_id).refs()

    def create_ref(self, repo_id: RepoId, ref: str, revision: str) -> str:
        """Begin the branch or tag `ref` (full name) at `revision`. Raises RefExistsError, RevisionMissingError."""
        with self.lock:
            self.repo(repo_id)
            history = self.history(repo_id)
            refs, commit = history.refs(), history.commit(revision).id
            if ref in refs:
                raise RefExistsError(f"Reference {ref} already exists")
            history.set_refs(refs | {ref: commit})
            return commit

    def delete_ref(self, repo_id: RepoId, ref: str) -> None:
        """Drop a branch or tag (full name); its commits stay. Raises RevisionMissingError."""
        with self.lock:
            self.repo(repo_id)
            history = self.history(repo_id)
            refs = history.refs()
            if ref == MAIN:
                raise InvalidRequestError(f"Cannot delete {ref}: every repository has it")
            if ref not in refs:
                raise RevisionMissingError(f"Invalid rev id: {ref}")
            history.set_refs({name: commit for name, commit in refs.items() if name != ref})

    def commit_at(self, repo_id: RepoId, revision: str) -> Commit:
        """The commit that a branch, a tag or a full commit id names. Raises RevisionMissingError."""
        with self.lock:
            self.repo(repo_id)
            return self.history(repo_id).commit(revision)

    def tree(self, repo_id: RepoId, commit: Commit) -> Mapping[str, Entry]:
        """Every file at `commit`, by path."""
        with self.lock:
            return self.history(repo_id).tree(commit)

    def line(self, repo_id: RepoId, commit: Commit) -> list[Commit]:
        """`commit` and all before it, newest first."""
        return list(self.history(repo_id).line(commit))

    def regular(self, data: bytes) -> Entry:
        """Store a regular file's content."""
        return Entry(len(data), self.objects.put_blob(data))

    def large(self, sha256: str, size: int | None = None) -> Entry:
        """The entry of an LFS object that was uploaded before. Raises InvalidRequestError when it was not."""
        found = self.objects.lfs_size(sha256)
        if found is None:
            raise InvalidRequestError(f"LFS pointer pointed to a file that does not exist: sha256 {sha256}")
        if size is not None and size != found:
            raise InvalidRequestError(f"the LFS object {sha256} has {found} bytes, not {size}")
        return Entry(found, blob_id(lfs_pointer(sha256, found)), sha256)

    def content(self, entry: Entry) -> bytes:
        """A file's bytes, for small ones."""
        return self.objects.path(entry).read_bytes()

    def text(self, tree: Mapping[str, Entry], path: str) -> str:
        """The text of a small file such as `.gitattributes`; empty where there is none."""
        entry = tree.get(path)
        return self.content(entry).decode("utf-8", "replace") if entry and entry.sha256 is None else ""

    def commit(
        self,
        repo_id: RepoId,
        revision: str,
        changes: Sequence[Change],
        message: tuple[str, str],
        *,
        parent: str | None = None,
        author: str = "local",
    ) -> Commit:
        """Add one commit to a branch; the head as it is when nothing changes.

        Raises HeadMovedError when `parent` is given and is not the head, EntryMissingError for the deletion of what is not
        there, InvalidRequestError for a tree that cannot be or a README that the Hub would refuse.
        """
        with self.lock:
            self.repo(repo_id)
            history = self.history(repo_id)
            ref = history.branch(revision)
            head = history.commit(ref)
            if parent is not None and not head.named(parent):
                raise HeadMovedError(ref, head.id, parent)
            return self.extend(history, ref, head, changes, message, author)

    def squash(self, repo_id: RepoId, revision: str, message: str, author: str) -> Commit:
        """Make one commit of a branch, or of a pull request: its tree, without what was before. Raises RevisionMissingError."""
        with self.lock:
            self.repo(repo_id)
            history = self.history(repo_id)
            ref = history.ref(revision)
            if ref.startswith("refs/tags/"):
                raise RevisionMissingError(f"Invalid rev id: {revision!r} is a tag, and a tag never moves")
            return history.extend(ref, None, history.tree(history.commit(ref)), (message, ""), author)

    def extend(
        self,
        history: History,
        ref: str,
        head: Commit,
        changes: Sequence[Change],
        message: tuple[str, str],
        author: str,
    ) -> Commit:
        """One commit on `head`, under `ref`; the caller holds the lock. `head` itself when nothing changes."""
        before = history.tree(head)
        sent = {change.path for change in changes if isinstance(change, Put)}
        after = self._with_attributes(applied(changes, before, head.id), sent)
        if after == before:
            return head
        self._check_readme(before.get(README), after.get(README))
        return history.extend(ref, head, after, message, author)

    def history(self, repo_id: RepoId) -> History:
        """Where a repository's commits are; ask under the lock."""
        return History(self._repos / repo_id.folder)

    def _with_attributes(self, tree: Tree, sent: set[str]) -> Tree:
        """As the Hub does: an LFS file that was sent, and that no line of `.gitattributes` covers, gets a line of its own."""
        text = self.text(tree, ATTRIBUTES)
        large = sorted(path for path in sent & tree.keys() if tree[path].sha256)
        loose = [path for path in large if not goes_to_lfs(path, text)]
        if not loose:
            return tree
        lines = text if text.endswith("\n") or not text else text + "\n"
        lines += "".join(attribute_line(path) for path in loose)
        return tree | {ATTRIBUTES: self.regular(lines.encode("utf-8"))}

    def _check_readme(self, before: Entry | None, after: Entry | None) -> None:
        if after is None or after == before or after.sha256 is not None:
            return
        errors = check(self.content(after).decode("utf-8", "replace")).errors
        if errors:
            raise InvalidRequestError("Invalid metadata in README.md: " + "; ".join(errors))
