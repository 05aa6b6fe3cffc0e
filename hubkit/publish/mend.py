"""`hubkit fix OWNER/REPO --pr`: the proven fixes of somebody's repository as a pull request, through the same plan as a push. Never to main."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Protocol

from hubkit.engine.events import Progress, silent
from hubkit.errors import HubkitError, IncompleteError, UsageError
from hubkit.fix import render
from hubkit.fix.fold import FileDiff
from hubkit.fix.proposal import proposed
from hubkit.fix.run import Fix, Plan, planned
from hubkit.publish.commit import Pushed
from hubkit.publish.mend_text import Explained, pull_text, pull_title
from hubkit.publish.plan import MAIN, PushPlan, Target, described, make_plan
from hubkit.publish.push import push
from hubkit.publish.remote import read_remote
from hubkit.publish.verify import Verification, verify
from hubkit.repo.deadline import DEEP_LIMIT, Deadline
from hubkit.repo.hub import HubView, open_repo
from hubkit.validate.finding import Finding
from hubkit.validate.report import Report as Validation
from hubkit.validate.run import validate

if TYPE_CHECKING:
    from huggingface_hub import HfApi


@dataclass(frozen=True)
class Mending:
    """What would be proposed. It holds as long as the block that made it."""

    repo_id: str
    commit: str
    """What was read."""
    fixes: Plan
    plan: PushPlan | None
    """None where nothing can be mended."""
    folder: Path
    """The files as they would be."""
    diffs: tuple[FileDiff, ...]
    before: Validation
    after: Validation

    @property
    def diff(self) -> str:
        """Every file."""
        return "".join(one.text for one in self.diffs)

    def to_json(self) -> dict[str, Any]:
        """For `--format json`."""
        return {
            "repo_id": self.repo_id, "commit": self.commit, "plan": self.plan.to_json() if self.plan else None, "diff": self.diff,
            "fixes": [{"place": f.place, "codes": list(f.codes), "files": list(f.files)} for f in self.fixes.fixes],
            "refused": [{"place": r.place, "code": r.code, "reason": r.reason} for r in self.fixes.refused],
            "offered": [{"place": place, "code": code} for place, code in self.fixes.offered],
            "card": [one.to_json() for one in self.fixes.broken],
            "before": self.before.to_json()["summary"], "after": self.after.to_json()["summary"],
        }  # fmt: skip


@contextmanager
def mending(
    repo_id: str,
    api: HfApi,
    select: tuple[str, ...] = (),
    *,
    unsafe: bool = False,
    report: Progress = silent,
) -> Iterator[Mending]:
    """Read a repository by ranges, prove its fixes in memory, and plan the pull request. Nothing is sent.

    Raises UsageError where there is no such repository, IncompleteError where not everything could be read.
    """
    remote = read_remote(repo_id, MAIN, api, report)
    if remote.commit is None:
        raise UsageError(
            f"{repo_id}: no such repository", hint="check the name; for a private one: hf auth login"
        )
    # fixes of pickles read them whole
    view = open_repo(repo_id, remote.commit, api, deadline=Deadline(DEEP_LIMIT))
    before = validate(view)  # brings, many at a time, what the fixes will look at
    if not before.complete:
        raise IncompleteError(
            f"{repo_id}: not everything could be read; nothing is proposed", hint=f"hubkit validate {repo_id}"
        )
    with (
        planned(view, select, unsafe=unsafe, report=report) as fixes,
        TemporaryDirectory(prefix="hubkit-mend-", ignore_cleanup_errors=True) as scratch,
    ):
        folder = Path(scratch)
        files = {path: content for fix in fixes.fixes for path, content in fix.files.items()}
        for path, content in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            with (folder / path).open("wb") as file:
                file.writelines(content.blocks())
        after = validate(proposed(view, files)) if files else before
        diffs = tuple(one for fix in fixes.fixes for one in render.diffs(view, fix))
        plan = _plan(folder, view, api, _explained(fixes, before, after, view)) if files else None
        yield Mending(repo_id, remote.commit, fixes, plan, folder, diffs, before, after)


def _plan(folder: Path, view: HubView, api: HfApi, explained: Explained) -> PushPlan:
    target = Target(view.repo_id, pull_request=True)
    plan = make_plan(folder, target, api, message=pull_title(explained))
    # The fixes were proven against the commit that was read; against another they prove nothing.
    if plan.parent != view.revision:
        raise IncompleteError(
            f"{view.repo_id}: another commit came in between; nothing is proposed",
            hint="run the same command again",
        )
    return replace(described(plan, pull_text(explained)), kept=(), notes=())


def _explained(fixes: Plan, before: Validation, after: Validation, view: HubView) -> Explained:
    left = {finding.fingerprint for finding in after.findings}
    gone = [
        finding
        for finding in before.findings
        if finding.fingerprint not in left and any(_mends(fix, finding) for fix in fixes.fixes)
    ]
    return Explained(view.repo_id, view.revision or "", tuple(gone), fixes, before, after)


def _mends(fix: Fix, finding: Finding) -> bool:
    """Whether a finding is one that this fix makes go away."""
    here = finding.sae_id == fix.place if finding.sae_id else finding.path in fix.files
    return finding.code in fix.codes and here


class Proposed(Protocol):
    """What a pull request is opened with."""

    @property
    def repo_id(self) -> str:
        """OWNER/NAME."""

    @property
    def plan(self) -> PushPlan | None:
        """The one commit; None where there is nothing to propose."""

    @property
    def folder(self) -> Path:
        """Its files."""


def open_pull_request(found: Proposed, api: HfApi, report: Progress = silent) -> tuple[Pushed, Verification]:
    """Open it (or continue the one that was begun), and prove its tree. Raises HubkitError; main is never written to."""
    plan = found.plan
    if plan is None or not plan.target.pull_request:
        raise HubkitError(f"{found.repo_id}: nothing to propose", hint=f"hubkit validate {found.repo_id}")
    pushed = push(plan, found.folder, api, report=report)
    proof = verify(plan, pushed.commit, api, report=report)
    if proof.differing:
        raise IncompleteError(
            f"{pushed.pull_request}: {len(proof.differing)} files are not what was proposed: {', '.join(proof.differing[:5])}",
            hint="close the pull request and run the same command again",
        )
    return pushed, proof
