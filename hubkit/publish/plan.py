"""One plan for dry run and push: every file with its size, checksum and what happens to it at the remote head."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from hubkit.cards.settings import NAME as SETTINGS
from hubkit.errors import NothingFound
from hubkit.release.digests import sha256_of_file
from hubkit.repo.local import open_folder

if TYPE_CHECKING:
    from huggingface_hub import HfApi
    from huggingface_hub.hf_api import RepoSibling

Action = Literal["add", "modify", "unchanged"]
NOT_PUBLISHED = {SETTINGS}
"""What a release folder holds for its own making."""


@dataclass(frozen=True)
class PlannedFile:
    """One file of the release."""

    path: str
    size: int
    sha256: str
    git_oid: str
    """What git calls a regular file of these bytes: the Hub lists it where a file is not in LFS."""
    action: Action


@dataclass(frozen=True)
class PushPlan:
    """What a push will do, and against which head."""

    repo_id: str
    revision: str
    """The branch."""
    parent: str | None
    """The remote head that the plan was made against; None where the repository does not exist yet."""
    message: str
    files: tuple[PlannedFile, ...]
    kept: tuple[str, ...]
    """Files on the remote that the release does not have: they stay."""

    @property
    def changed(self) -> tuple[PlannedFile, ...]:
        """The files that the commit carries."""
        return tuple(file for file in self.files if file.action != "unchanged")

    @property
    def total_bytes(self) -> int:
        """Bytes of the changed files."""
        return sum(file.size for file in self.changed)

    def to_json(self) -> dict[str, Any]:
        """For `--format json`."""
        return {
            "repo_id": self.repo_id, "revision": self.revision, "parent": self.parent, "message": self.message, "bytes": self.total_bytes,
            "files": [{"path": f.path, "size": f.size, "sha256": f.sha256, "action": f.action} for f in self.files],
            "kept": list(self.kept),
        }  # fmt: skip


def make_plan(
    release: Path, repo_id: str, api: HfApi, *, revision: str = "main", message: str | None = None
) -> PushPlan:
    """Compare a release folder with the remote head. Raises HubkitError when the folder is empty or the Hub does not answer."""
    head, remote = _remote(repo_id, revision, api)
    entries = [
        entry
        for entry in open_folder(release).list()
        if entry.path not in NOT_PUBLISHED and not entry.name.endswith(".tmp")
    ]
    if not entries:
        raise NothingFound(
            f"{release}: an empty folder, nothing to publish", hint="hubkit demo makes a release to look at"
        )
    files = tuple(_planned(release / entry.path, entry.path, remote.get(entry.path)) for entry in entries)
    local = {file.path for file in files}
    kept = tuple(sorted(path for path in remote if path not in local and path != ".gitattributes"))
    count = sum(file.path.endswith("/cfg.json") or file.path == "cfg.json" for file in files)
    return PushPlan(repo_id, revision, head, message or f"Publish {count} SAEs with hubkit", files, kept)


def _remote(repo_id: str, revision: str, api: HfApi) -> tuple[str | None, dict[str, RepoSibling]]:
    """The head commit and its files; (None, {}) where there is no such repository."""
    from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError

    from hubkit.publish.errors import hub_errors

    with hub_errors(repo_id):
        try:
            info = api.model_info(repo_id, revision=revision, files_metadata=True, timeout=30)
        except (RepositoryNotFoundError, RevisionNotFoundError):
            return None, {}
    return info.sha, {sibling.rfilename: sibling for sibling in info.siblings or []}


def _planned(path: Path, name: str, remote: RepoSibling | None) -> PlannedFile:
    size, sha256, git_oid = path.stat().st_size, sha256_of_file(path), git_blob_oid(path)
    return PlannedFile(
        name,
        size,
        sha256,
        git_oid,
        "add" if remote is None else "unchanged" if same_content(remote, sha256, git_oid) else "modify",
    )


def same_content(remote: RepoSibling, sha256: str, git_oid: str) -> bool:
    """Whether a listed file has these bytes: by its LFS checksum, else by its git object id."""
    return remote.lfs.sha256 == sha256 if remote.lfs else remote.blob_id == git_oid


def git_blob_oid(path: Path) -> str:
    """sha1 of `blob <size>\\0` and the bytes: git's name for a regular file."""
    digest = hashlib.sha1(f"blob {path.stat().st_size}\0".encode(), usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
