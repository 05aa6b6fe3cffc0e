"""A repository as the Hub lists it at one revision, and whether it holds given files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hubkit.engine.events import Progress, silent
from hubkit.publish.errors import hub_errors
from hubkit.publish.retry import with_retries
from hubkit.release.layout import README
from hubkit.repo.deadline import Deadline, within

if TYPE_CHECKING:
    from huggingface_hub import HfApi
    from huggingface_hub.hf_api import RepoSibling

    from hubkit.publish.files import LocalFile

ATTRIBUTES = ".gitattributes"
"""The Hub's own: it writes and completes this file by itself."""
TIMEOUT = 30.0
PATIENT = 1800.0
"""Seconds for a listing before a push: some windows of the rate limit are waited out."""


@dataclass(frozen=True)
class Remote:
    """A commit and its files; no commit where the repository or the revision is not there."""

    commit: str | None = None
    files: Mapping[str, RepoSibling] = field(default_factory=dict)
    private: bool = False
    exists: bool = False
    """Whether there is such a repository, be it without this revision."""

    @property
    def paths(self) -> set[str]:
        """Every path but the Hub's own file."""
        return set(self.files) - {ATTRIBUTES}

    def holds(self, file: LocalFile) -> bool:
        """Whether the file is there with the same bytes."""
        there = self.files.get(file.path)
        return there is not None and same_content(there, file.sha256, file.git_oid)


def read_remote(
    repo_id: str, revision: str, api: HfApi, report: Progress = silent, deadline: Deadline | None = None
) -> Remote:
    """The listing at `revision`, in one request. Raises HubkitError when the Hub does not answer, OverdueError when not before `deadline`."""
    from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError

    def ask() -> Remote:
        try:
            info = api.model_info(repo_id, revision=revision, files_metadata=True, timeout=TIMEOUT)
        except RevisionNotFoundError:
            return Remote(exists=True)
        except RepositoryNotFoundError:
            return Remote()
        files = {sibling.rfilename: sibling for sibling in info.siblings or []}
        return Remote(info.sha, files, bool(info.private), exists=True)

    with hub_errors(repo_id):
        return within(deadline or Deadline(PATIENT), lambda: with_retries(ask, report=report))


def same_content(remote: RepoSibling, sha256: str, git_oid: str | None) -> bool:
    """Whether a listed file has these bytes: by its LFS checksum, else by its git object id."""
    return remote.lfs.sha256 == sha256 if remote.lfs else remote.blob_id == git_oid


def differing(remote: Remote, files: Iterable[LocalFile], gone: Iterable[str] = ()) -> tuple[str, ...]:
    """Paths that are missing on the remote or have other bytes, and paths of `gone` that are still there."""
    wrong = [file.path for file in files if not remote.holds(file)]
    return (*wrong, *(path for path in gone if path in remote.files))


def read_card(repo_id: str, commit: str, api: HfApi) -> str | None:
    """The text of README.md at a commit; None where there is none."""
    return read_text(repo_id, commit, README, api)


def read_text(repo_id: str, commit: str, path: str, api: HfApi) -> str | None:
    """A file at a commit as text; None where there is none."""
    from hubkit.repo.hub import open_repo

    view = open_repo(repo_id, commit, api)
    entry = view.entry(path)
    return view.read_range(path, 0, entry.size).decode("utf-8", "replace") if entry else None
