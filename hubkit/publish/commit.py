"""One commit of a plan: what the Hub takes in one, what it is made of, what came of it. What a push and a pull request share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hubkit.publish.plan import PushPlan

if TYPE_CHECKING:
    from huggingface_hub import HfApi

    from hubkit.publish.upload import Addition, Meter


@dataclass(frozen=True)
class Limits:
    """What one commit of the Hub takes: https://huggingface.co/docs/huggingface_hub/package_reference/hf_api (create_commit)."""

    files: int = 25_000
    regular_bytes: int = 700_000_000
    """Of files that are not in LFS: 1 GB in base64."""


LIMITS = Limits()


@dataclass(frozen=True)
class Pushed:
    """Where the release now is, and what it took."""

    repo_id: str
    commit: str
    new_commit: bool
    """False when the remote had everything already."""
    pull_request: str | None = None
    """Address of the pull request that was opened or continued."""
    sent_bytes: int = 0
    """Bytes of large files that left this machine; those that were there already are not among them."""
    seconds: float = 0.0


def commit_once(plan: PushPlan, api: HfApi, operations: list[Any], revision: str, parent: str) -> str:
    """One `create_commit` on `revision`; the commit's id. Raises the client's errors."""
    return api.create_commit(
        plan.repo_id,
        operations=operations,
        commit_message=plan.message,
        commit_description=plan.description,
        revision=revision,
        parent_commit=parent,
    ).oid


def additions(plan: PushPlan, release: Path, meter: Meter) -> list[Addition]:
    """The files that the plan sends."""
    from hubkit.publish.upload import Addition

    return [Addition(release, file, meter) for file in plan.sent]


def deletions(plan: PushPlan) -> list[Any]:
    """What the plan takes away, file by file: never a whole folder."""
    from huggingface_hub import CommitOperationDelete

    return [CommitOperationDelete(path_in_repo=path, is_folder=False) for path in plan.deleted]
