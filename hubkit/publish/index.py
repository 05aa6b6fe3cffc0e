"""The index repository: the study's card, from the releases' facts at their commits, in a repository of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hubkit.cards.index import build_index
from hubkit.cards.settings import IndexSettings
from hubkit.engine.events import Progress, silent
from hubkit.publish.commit import Pushed
from hubkit.publish.plan import PushPlan, Target, make_plan
from hubkit.publish.proof import check_proof_of
from hubkit.publish.push import push
from hubkit.publish.verify import Verification, verify
from hubkit.release.layout import README
from hubkit.release.writing import keep_or_write

if TYPE_CHECKING:
    from huggingface_hub import HfApi


@dataclass(frozen=True)
class Listed:
    """One repository of the study, at its commit."""

    release: Path
    repo_id: str
    commit: str


@dataclass(frozen=True)
class IndexPublished:
    """The index repository, proven."""

    plan: PushPlan
    pushed: Pushed
    verification: Verification


def write_index(folder: Path, listed: Sequence[Listed], settings: IndexSettings) -> Path:
    """Write `<folder>/README.md` from the facts of the releases, each row at its commit; returns the folder.

    Raises EditedError where a person edited that card outside its own regions.
    """
    path = folder / README
    commits = {one.repo_id: one.commit for one in listed}
    card = build_index([one.release for one in listed], settings, path=path, commits=commits)
    keep_or_write(path, card.text)
    return folder


def publish_index(
    folder: Path,
    settings: IndexSettings,
    api: HfApi,
    *,
    private: bool = False,
    report: Progress = silent,
) -> IndexPublished:
    """Push the index that was written, in one commit, and prove it. What else is in its repository stays. Raises HubkitError."""
    target = Target(settings.repo_id, private=private)
    plan = make_plan(folder, target, api, message="List the repositories of the study with hubkit")
    pushed = push(plan, folder, api, report=report)
    proof = verify(plan, pushed.commit, api, report=report)
    check_proof_of(proof)
    return IndexPublished(plan, pushed, proof)
