"""Carry out a plan: one atomic commit, guarded by the head that the plan was made against."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

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


def push(plan: PushPlan, release: Path, api: HfApi, *, private: bool = False) -> Pushed:
    """Create the repository where needed and make the plan's one commit. Raises HubkitError; the remote is then as it was."""
    if not plan.changed and plan.parent is not None:
        return Pushed(plan.repo_id, plan.parent, new_commit=False)
    if len(plan.changed) > MAX_FILES:
        raise UsageError(
            f"{plan.repo_id}: {len(plan.changed):,} files, one commit takes {MAX_FILES:,}",
            hint="split the release",
        )
    _check_unchanged(plan, release)
    with hub_errors(plan.repo_id), upload_mode(api.endpoint):
        if plan.parent is None:
            api.create_repo(plan.repo_id, private=private, exist_ok=True)
        parent = plan.parent or api.model_info(plan.repo_id, revision=plan.revision, timeout=30).sha
        commit = api.create_commit(
            plan.repo_id,
            operations=_operations(plan, release),
            commit_message=plan.message,
            revision=plan.revision,
            parent_commit=parent,
        )
    return Pushed(plan.repo_id, commit.oid, new_commit=True)


@contextmanager
def upload_mode(endpoint: str) -> Iterator[None]:
    """Plain LFS, no bars and no telemetry towards a Hub that speaks plain HTTP: a local one, which has no Xet; else as the client is set.

    The client reads these constants when it uploads, and takes Xet wherever hf_xet can be imported, without asking the Hub.
    """
    from huggingface_hub import constants
    from huggingface_hub.utils import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

    if not endpoint.startswith("http://"):
        yield
        return
    names = ("HF_HUB_DISABLE_XET", "HF_HUB_DISABLE_TELEMETRY")
    before = {name: getattr(constants, name) for name in names}
    bars = not are_progress_bars_disabled()
    disable_progress_bars()
    for name in names:
        setattr(constants, name, True)
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(constants, name, value)
        if bars:
            enable_progress_bars()


def _operations(plan: PushPlan, release: Path) -> list[CommitOperationAdd]:
    from huggingface_hub import CommitOperationAdd

    return [
        CommitOperationAdd(path_in_repo=f.path, path_or_fileobj=str(release / f.path)) for f in plan.changed
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
