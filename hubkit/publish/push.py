"""Carry out a plan: the large files first, then one atomic commit, guarded by the head that the plan was made against."""

from __future__ import annotations

import time
from contextlib import nullcontext, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from hubkit.engine.events import Progress, silent
from hubkit.errors import HubkitError, IncompleteError
from hubkit.publish.client_logging import upload_mode
from hubkit.publish.commit import LIMITS, Limits, Pushed, additions, commit_once, deletions
from hubkit.publish.errors import hub_errors, overtaken
from hubkit.publish.files import check_unchanged
from hubkit.publish.front_matter import check_front_matter
from hubkit.publish.plan import MAIN, PushPlan
from hubkit.publish.pull import propose
from hubkit.publish.push_lock import push_lock
from hubkit.publish.remote import differing, read_remote
from hubkit.publish.retry import with_retries

if TYPE_CHECKING:
    from huggingface_hub import HfApi


def push(
    plan: PushPlan,
    release: Path,
    api: HfApi,
    *,
    report: Progress = silent,
    limits: Limits = LIMITS,
    own_hub: bool = False,
) -> Pushed:
    """Create the repository where needed and make the plan's one commit; a pull request where the plan says so, or one commit is too small for it.

    Pushes from one machine to a repository take turns, but on `own_hub`, a Hub of this process that nobody else knows.

    Raises HubkitError; the branch is then as it was. Running again goes on from what arrived.
    """
    begun = time.perf_counter()
    # Nothing to send, but a tag may have been asked for: a push that was killed between commit and tag is finished by this one.
    if not plan.changes and plan.parent is not None and not plan.begins_branch:
        _tag(plan, plan.parent, api)
        return Pushed(plan.repo_id, plan.parent, new_commit=False)
    check_unchanged(release, plan.sent)
    with (
        nullcontext(False) if own_hub else push_lock(api.endpoint, plan.repo_id, report) as waited,
        hub_errors(plan.repo_id),
        upload_mode(api.endpoint, report),
    ):
        # Our plan is older than the push that we waited for: most often that was the same command typed twice.
        if waited and (there := _overtaken(plan, api)):
            _tag(plan, there, api)
            return Pushed(plan.repo_id, there, new_commit=False)
        # The Hub refuses a card at the commit, which is the last step: ask it before gigabytes are sent.
        check_front_matter(plan, release, api)
        parent = _prepared(plan, api)
        if plan.target.pull_request or _too_large(plan, limits):
            pushed = propose(plan, release, api, parent, limits=limits, report=report)
        else:
            pushed = _commit(plan, release, api, parent, report)
    _tag(plan, pushed.commit, api)
    return replace(pushed, seconds=time.perf_counter() - begun)


def _overtaken(plan: PushPlan, api: HfApi) -> str | None:
    """The head, where the push that was waited for made what this plan would make. Raises IncompleteError where it made something else."""
    if plan.target.pull_request:
        return None
    now = read_remote(plan.repo_id, plan.target.revision, api)
    if now.commit is None or now.commit == plan.parent:
        return None
    if not differing(now, plan.local, plan.deleted):
        return now.commit
    if plan.parent is None:
        return None  # `_prepared` looks at what is in a repository that was not there
    raise overtaken(plan.repo_id)


def _prepared(plan: PushPlan, api: HfApi) -> str:
    """The parent of the commit, in a repository and on a branch that are there now."""
    target = plan.target
    if plan.parent is not None:
        if plan.begins_branch:
            with_retries(
                lambda: api.create_branch(
                    plan.repo_id, branch=target.revision, revision=plan.parent, exist_ok=True
                )
            )
        return plan.parent
    with_retries(lambda: api.create_repo(plan.repo_id, private=target.private, exist_ok=True))
    if target.gated:
        with_retries(lambda: api.update_repo_settings(plan.repo_id, gated=target.gated))
    # A new repository has a first commit of the Hub's own (.gitattributes), and that is the parent. exist_ok makes creating safe to
    # repeat, so whether somebody else was faster shows only in what is there now.
    fresh = read_remote(plan.repo_id, MAIN, api)
    if fresh.commit is None or (fresh.paths and differing(fresh, plan.local)):
        raise IncompleteError(
            f"{plan.repo_id}: the repository appeared while the plan was made; nothing was published",
            hint="run the same command again: the plan is made anew",
        )
    if target.revision != MAIN:
        with_retries(lambda: api.create_branch(plan.repo_id, branch=target.revision, exist_ok=True))
    return fresh.commit


def _commit(plan: PushPlan, release: Path, api: HfApi, parent: str, report: Progress) -> Pushed:
    """One commit on the branch. When its answer is lost, the branch itself says whether it was made."""
    from huggingface_hub.errors import HfHubHTTPError
    from huggingface_hub.utils import httpx

    from hubkit.publish.upload import Meter, send_large_files

    meter = Meter(plan.total_bytes, report)
    adds = additions(plan, release, meter)
    send_large_files(adds, plan.repo_id, plan.target.revision, api, meter, report)
    # Again: the upload may have taken an hour, and small files are only read now, with the commit.
    check_unchanged(release, plan.sent)

    def once() -> tuple[str, bool]:
        try:
            return commit_once(plan, api, [*adds, *deletions(plan)], plan.target.revision, parent), True
        except (HfHubHTTPError, httpx.HTTPError, OSError):
            # An answer that was lost says nothing about the commit: the branch does. Without this look a retry would be refused,
            # for the parent would no longer be the head.
            there = _landed(plan, api)
            if there is None:
                raise
            return there, there != parent

    commit, new = with_retries(once, report=report)
    return Pushed(plan.repo_id, commit, new_commit=new, sent_bytes=meter.sent)


def _landed(plan: PushPlan, api: HfApi) -> str | None:
    """The head, if it is what the plan was to make of it; None where it is not, or nobody can tell now."""
    with suppress(HubkitError):
        now = read_remote(plan.repo_id, plan.target.revision, api)
        if now.commit is not None and not differing(now, plan.local, plan.deleted):
            return now.commit
    return None


def _too_large(plan: PushPlan, limits: Limits) -> bool:
    regular = sum(file.size for file in plan.sent if file.git_oid is not None)
    return len(plan.sent) + len(plan.deleted) > limits.files or regular > limits.regular_bytes


def _tag(plan: PushPlan, commit: str, api: HfApi) -> None:
    """Name the commit, once: the plan made sure that the name is free or its own."""
    if plan.target.tag is None:
        return
    with hub_errors(plan.repo_id):
        with_retries(
            lambda: api.create_tag(plan.repo_id, tag=plan.target.tag or "", revision=commit, exist_ok=True)
        )
