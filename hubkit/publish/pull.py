"""A plan as a pull request: for repositories of others, and for releases that one commit cannot take.

The pull request carries the plan's digest, so that a run that was killed is continued and no second one is opened. It stays a draft until its
tree was compared with the plan; one that stands for a plain push is merged then.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hubkit.engine.events import Event, Progress
from hubkit.errors import IncompleteError
from hubkit.publish.commit import Limits, Pushed, additions, commit_once, deletions
from hubkit.publish.plan import MAIN, PushPlan
from hubkit.publish.remote import Remote, differing, read_remote
from hubkit.publish.retry import with_retries

if TYPE_CHECKING:
    from huggingface_hub import HfApi

MARK = "<!-- hubkit-plan: "
"""How the line begins by which a pull request of ours is known."""


@dataclass(frozen=True)
class _Pull:
    num: int
    url: str
    draft: bool

    @property
    def ref(self) -> str:
        """Where its commits are."""
        return f"refs/pr/{self.num}"


def propose(
    plan: PushPlan, release: Path, api: HfApi, parent: str, *, limits: Limits, report: Progress
) -> Pushed:
    """Open or continue the plan's pull request, fill it, compare it, and (for a plain push) merge it. Raises HubkitError or the client's errors."""
    pull = _open(plan, api)
    sent = _fill(plan, release, api, pull, limits, report)
    head = _compared(plan, pull.ref, api)
    if pull.draft:
        with_retries(lambda: api.change_discussion_status(plan.repo_id, pull.num, "open"))
    if plan.target.pull_request:
        return Pushed(plan.repo_id, head, new_commit=True, pull_request=pull.url, sent_bytes=sent)
    # From here on main is touched: everything before could be left lying as a draft.
    _check_not_moved(plan, api, parent, pull)
    with_retries(lambda: _merged(plan, api, pull))
    return Pushed(
        plan.repo_id, _compared(plan, MAIN, api), new_commit=True, pull_request=pull.url, sent_bytes=sent
    )


def marker(plan: PushPlan) -> str:
    """The line of a pull request by which its plan is known again; the Hub's page does not show it."""
    return f"{MARK}{plan.digest} -->"


def _open(plan: PushPlan, api: HfApi) -> _Pull:
    """The open pull request of this very plan, or a new one."""

    def found() -> _Pull | None:
        for one in api.get_repo_discussions(
            plan.repo_id, discussion_type="pull_request", discussion_status="open"
        ):
            # By title first: the details of a discussion are a request each.
            if one.title == plan.message:
                details = api.get_discussion_details(plan.repo_id, one.num)
                if any(marker(plan) in getattr(event, "content", "") for event in details.events):
                    return _Pull(one.num, _url(plan, api, one.num), details.status == "draft")
        return None

    def opened() -> _Pull:
        # looked for each time: an answer that was lost may have opened it
        there = found()
        if there is not None:
            return there
        text = f"{plan.description}\n\n{marker(plan)}".strip()
        made = api.create_pull_request(plan.repo_id, title=plan.message, description=text)
        return _Pull(made.num, _url(plan, api, made.num), made.status == "draft")

    return with_retries(opened)


def _url(plan: PushPlan, api: HfApi, num: int) -> str:
    return f"{api.endpoint}/{plan.repo_id}/discussions/{num}"


def _fill(plan: PushPlan, release: Path, api: HfApi, pull: _Pull, limits: Limits, report: Progress) -> int:
    """Commit what is not on the pull request yet, as many commits as the limits ask for; bytes that were sent."""
    from hubkit.publish.upload import Meter, send_large_files

    meter = Meter(plan.total_bytes, report)
    there = read_remote(plan.repo_id, pull.ref, api, report)
    adds = [one for one in additions(plan, release, meter) if not there.holds(one.file)]
    gone = [one for one in deletions(plan) if one.path_in_repo in there.files]
    chunks = list(_chunks([*adds, *gone], limits))
    for done, chunk in enumerate(chunks):
        report(Event("commits", done, len(chunks), pull.ref))
        # Chunk by chunk: what was committed before a fault is kept by the pull request, and is found there by the next run.
        large = [one for one in chunk if one in adds]
        send_large_files(large, plan.repo_id, pull.ref, api, meter, report)
        head = there.commit or ""

        def once(chunk: list[Any] = chunk, head: str = head) -> str:
            now = read_remote(plan.repo_id, pull.ref, api)
            if now.commit != head and _holds(now, chunk):
                return now.commit or ""  # its answer was lost
            return commit_once(plan, api, chunk, pull.ref, head)

        there = Remote(with_retries(once, report=report))
        report(Event("commits", done + 1, len(chunks), pull.ref))
    return meter.sent


def _holds(remote: Remote, operations: list[Any]) -> bool:
    """Whether all of these were carried out."""
    return all(
        remote.holds(one.file) if hasattr(one, "file") else one.path_in_repo not in remote.files
        for one in operations
    )


def _chunks(operations: list[Any], limits: Limits) -> Iterator[list[Any]]:
    """Operations that fit into one commit each."""
    chunk: list[Any] = []
    regular = 0
    for one in operations:
        size = one.file.size if hasattr(one, "file") and one.file.git_oid is not None else 0
        if chunk and (len(chunk) >= limits.files or regular + size > limits.regular_bytes):
            yield chunk
            chunk, regular = [], 0
        chunk.append(one)
        regular += size
    if chunk:
        yield chunk


def _compared(plan: PushPlan, revision: str, api: HfApi) -> str:
    """The commit at `revision`, whose tree is the plan's. Raises IncompleteError when it is not."""
    now = read_remote(plan.repo_id, revision, api)
    wrong = differing(now, plan.local, plan.deleted)
    if now.commit is None or wrong:
        raise IncompleteError(
            f"{plan.repo_id}@{revision}: {len(wrong)} files are not the plan's: {', '.join(wrong[:5])}; nothing was merged",
            hint="run the same command again",
        )
    return now.commit


def _check_not_moved(plan: PushPlan, api: HfApi, parent: str, pull: _Pull) -> None:
    """Merging has no parent to guard it: look at main right before."""
    now = read_remote(plan.repo_id, MAIN, api)
    if now.commit != parent and differing(now, plan.local, plan.deleted):
        raise IncompleteError(
            f"{plan.repo_id}: another commit came in between; {pull.url} is complete, and was not merged",
            hint="look at both, and merge it there or run the same command again",
        )


def _merged(plan: PushPlan, api: HfApi, pull: _Pull) -> None:
    if api.get_discussion_details(plan.repo_id, pull.num).status != "merged":
        api.merge_pull_request(plan.repo_id, pull.num)
