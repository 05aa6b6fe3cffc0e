"""Carry out a plan: one atomic commit, guarded by the head that the plan was made against."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from hubkit.errors import UsageError
from hubkit.publish.errors import hub_errors
from hubkit.publish.plan import PushPlan
from hubkit.release.digests import sha256_of_file

if TYPE_CHECKING:
    from huggingface_hub import CommitOperationAdd, HfApi

MAX_FILES = 25_000
"""Files that one commit of the Hub takes."""


@dataclass(frozen=True)
class Pushed:
    """Where the release now is."""

    repo_id: str
    commit: str
    new_commit: bool
    """False when the remote had everything already."""


def push(
    plan: PushPlan, release: Path, api: HfApi, *, private: bool = False, plain_lfs: bool = False
) -> Pushed:
    """Create the repository where needed and make the plan's one commit.

    `plain_lfs` hands the client open files instead of paths, which it sends by LFS and not by Xet: for Hubs without Xet.
    Raises HubkitError; the remote is then as it was.
    """
    if not plan.changed and plan.parent is not None:
        return Pushed(plan.repo_id, plan.parent, new_commit=False)
    if len(plan.changed) > MAX_FILES:
        raise UsageError(
            f"{plan.repo_id}: {len(plan.changed):,} files, one commit takes {MAX_FILES:,}",
            hint="split the release",
        )
    _check_unchanged(plan, release)
    with hub_errors(plan.repo_id), ExitStack() as files:
        if plan.parent is None:
            api.create_repo(plan.repo_id, private=private, exist_ok=True)
        parent = plan.parent or api.model_info(plan.repo_id, revision=plan.revision, timeout=30).sha
        commit = api.create_commit(
            plan.repo_id,
            operations=_operations(plan, release, files if plain_lfs else None),
            commit_message=plan.message,
            revision=plan.revision,
            parent_commit=parent,
        )
    return Pushed(plan.repo_id, commit.oid, new_commit=True)


def _operations(plan: PushPlan, release: Path, files: ExitStack | None) -> list[CommitOperationAdd]:
    from huggingface_hub import CommitOperationAdd

    def source(path: Path) -> str | BinaryIO:
        return str(path) if files is None else files.enter_context(path.open("rb"))

    return [
        CommitOperationAdd(path_in_repo=file.path, path_or_fileobj=source(release / file.path))
        for file in plan.changed
    ]


def _check_unchanged(plan: PushPlan, release: Path) -> None:
    """The files are still those of the plan."""
    for file in plan.changed:
        path = release / file.path
        if not path.is_file() or path.stat().st_size != file.size or sha256_of_file(path) != file.sha256:
            raise UsageError(
                f"{path}: changed since the plan was made; nothing was sent",
                hint="run the same command again",
            )
