"""One plan for dry run, rehearsal and push: every file with its size, checksum and what happens to it at the remote head."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from hubkit.cards.settings import REPO_ID
from hubkit.engine.events import Progress, silent
from hubkit.errors import UsageError
from hubkit.localhub.gitignore import GITIGNORE, ignored_by
from hubkit.publish.files import LocalFile, hash_release, left_out, links_not_followed, links_out, some_files
from hubkit.publish.remote import Remote, read_remote, read_text
from hubkit.release.digests import sha256_of_json
from hubkit.release.layout import CFG
from hubkit.words import many, some

if TYPE_CHECKING:
    from huggingface_hub import HfApi

Action = Literal["add", "modify", "delete", "unchanged"]
Gated = Literal["auto", "manual", False]
MAIN = "main"


NO_REPO_ID = re.compile(r"--|\.\.|\.git$|.{97}")
"""What huggingface_hub refuses beyond the form of card.yaml's `repo_id`."""
REF = re.compile(
    r"(?![-./])(?!.*(?:\.\.|//|/\.|@\{|\.lock(?:/|$)))[^\x00-\x20\x7f~^:?*\[\\]*[^\x00-\x20\x7f~^:?*\[\\./]"
)
"""As `git check-ref-format` has it."""


@dataclass(frozen=True)
class Target:
    """Where a release is to go, and how."""

    repo_id: str
    revision: str = MAIN
    """The branch; it is begun at main's head where it is not there."""
    pull_request: bool = False
    """Propose instead of commit: for repositories of others."""
    tag: str | None = None
    """A name for the new commit. A tag never moves."""
    private: bool = False
    """Of a new repository."""
    gated: Gated = False
    """Of a new repository."""

    def __post_init__(self) -> None:
        """Raises UsageError for names that no Hub takes: before anything is asked or sent."""
        if not re.fullmatch(REPO_ID, self.repo_id, re.ASCII) or NO_REPO_ID.search(self.repo_id):
            raise UsageError(f"{self.repo_id!r} is not the name of a repository", hint="expected OWNER/NAME")
        for option, name in (("--branch", self.revision), ("--tag", self.tag)):
            if name is not None and not REF.fullmatch(name):
                raise UsageError(
                    f"{option} {name!r}: not a name that git takes",
                    hint="letters, digits, and . _ - / in between: v1.0",
                )


@dataclass(frozen=True)
class PlannedFile:
    """One file, and what happens to it."""

    path: str
    size: int
    """Bytes: of the release's file, or of the one that is deleted."""
    action: Action
    local: LocalFile | None
    """None for a deletion."""


@dataclass(frozen=True)
class PushPlan:
    """What a push will do, and against which head."""

    target: Target
    parent: str | None
    """The commit that the plan was made against; None where the repository does not exist yet."""
    begins_branch: bool
    """Whether the branch is not there yet."""
    message: str
    files: tuple[PlannedFile, ...]
    kept: tuple[str, ...]
    """Files on the remote that the release does not have: they stay."""
    description: str = ""
    """The rest of the commit's message."""
    notes: tuple[str, ...] = field(default=(), compare=False)
    """What a person should know before it is carried out."""

    @property
    def repo_id(self) -> str:
        """OWNER/NAME."""
        return self.target.repo_id

    @property
    def local(self) -> tuple[LocalFile, ...]:
        """The release's files."""
        return tuple(file.local for file in self.files if file.local is not None)

    @property
    def sent(self) -> tuple[LocalFile, ...]:
        """The files that the commit carries."""
        return tuple(f.local for f in self.files if f.local is not None and f.action != "unchanged")

    @property
    def deleted(self) -> tuple[str, ...]:
        """The paths that the commit takes away."""
        return tuple(file.path for file in self.files if file.action == "delete")

    @property
    def changes(self) -> bool:
        """Whether there is anything to do."""
        return bool(self.sent or self.deleted)

    @property
    def total_bytes(self) -> int:
        """Bytes of the files that the commit carries."""
        return sum(file.size for file in self.sent)

    @property
    def digest(self) -> str:
        """What tells two plans apart: the repository, the head, and every change."""
        changes = sorted((f.path, f.action, f.local.sha256 if f.local else "") for f in self.files)
        return sha256_of_json([self.repo_id, self.target.revision, self.parent, changes])[:16]

    def count(self, action: Action) -> int:
        """How many files are added, modified, deleted or unchanged."""
        return sum(file.action == action for file in self.files)

    def to_json(self) -> dict[str, Any]:
        """For `--format json`."""
        target = self.target
        return {
            "repo_id": self.repo_id, "revision": target.revision, "parent": self.parent, "begins_branch": self.begins_branch,
            "pull_request": target.pull_request, "tag": target.tag, "private": target.private, "gated": target.gated,
            "message": self.message, "description": self.description, "digest": self.digest, "bytes": self.total_bytes,
            "files": [
                {"path": f.path, "size": f.size, "sha256": f.local.sha256 if f.local else None, "action": f.action}
                for f in self.files
            ],
            "kept": list(self.kept), "notes": list(self.notes),
        }  # fmt: skip


def make_plan(  # noqa: PLR0913 - one keyword a choice
    release: Path,
    target: Target,
    api: HfApi,
    *,
    files: tuple[LocalFile, ...] | None = None,
    message: str | None = None,
    prune: bool = False,
    include: tuple[str, ...] = (),
    report: Progress = silent,
) -> PushPlan:
    """Compare a release folder with the remote head; `files` are its hashes where they are known already.

    With `prune`, files that only the remote has are deleted; else they are kept. `include` are globs of files that are left out else. Raises HubkitError when the folder is empty, the Hub does
    not answer, or the target cannot be meant.
    """
    files = hash_release(release, report, include) if files is None else files
    remote, begins = _head(target, api, report)
    _check_target(target, remote)
    planned = [PlannedFile(f.path, f.size, _action(f, remote), f) for f in files]
    _check_ignored(target, remote, planned, api)
    foreign = sorted(remote.paths - {file.path for file in files})
    if prune:
        planned += [PlannedFile(path, remote.files[path].size or 0, "delete", None) for path in foreign]
    # Before anything is sent: a tag that is refused after the commit would leave half of what was asked for.
    if target.tag and remote.exists:
        _check_tag(target, remote, api, changes=any(file.action != "unchanged" for file in planned))
    return PushPlan(
        target=target,
        parent=remote.commit,
        begins_branch=begins,
        message=message or _message(files),
        files=tuple(planned),
        kept=() if prune else tuple(foreign),
        notes=(
            *_notes(target, remote, foreign, prune=prune),
            *_left_out(left_out(release, include)),
            *_links_out(links_out(release)),
            *_links_not_followed(links_not_followed(release)),
        ),
    )


def _left_out(paths: tuple[str, ...]) -> tuple[str, ...]:
    if not paths:
        return ()
    shown = ", ".join(paths[:6]) + (f" and {len(paths) - 6} more" if len(paths) > 6 else "")
    return (
        f"not sent, because it is no part of a release: {shown}; --include PATTERN sends it all the same",
    )


def _links_not_followed(paths: tuple[str, ...]) -> tuple[str, ...]:
    what = "not sent, because it is a link to a folder, or one that leads nowhere"
    return (f"{what}: {some(list(paths))}",) if paths else ()


def _links_out(paths: tuple[str, ...]) -> tuple[str, ...]:
    return (
        (f"not sent, because it is a link that leads out of the folder: {some(list(paths))}",)
        if paths
        else ()
    )


def described(plan: PushPlan, description: str) -> PushPlan:
    """The same plan with the rest of its commit message."""
    return replace(plan, description=description)


def _head(target: Target, api: HfApi, report: Progress) -> tuple[Remote, bool]:
    """The listing at the branch; where the branch is not there, at main, and True."""
    remote = read_remote(target.repo_id, target.revision, api, report)
    if remote.commit is not None or target.revision == MAIN:
        return remote, False
    # The branch will begin at main's head, so that is what the release is compared with.
    return read_remote(target.repo_id, MAIN, api, report), True


def _check_target(target: Target, remote: Remote) -> None:
    if target.pull_request and (target.tag or target.revision != MAIN):
        raise UsageError(
            f"{target.repo_id}: a pull request goes to main, and has no commit to tag before it is merged",
            hint="leave out --tag and --branch, or leave out --pr",
        )
    if target.pull_request and not remote.exists:
        raise UsageError(
            f"{target.repo_id}: there is no such repository to open a pull request on",
            hint="check the name; hf auth login for a private one",
        )
    if remote.exists and target.private and not remote.private:
        raise UsageError(
            f"{target.repo_id}: is public already, and --private is for a new repository",
            hint=f"hf repos settings {target.repo_id} --private",
        )


def _check_tag(target: Target, remote: Remote, api: HfApi, *, changes: bool) -> None:
    """A tag that is there may only be asked for again for the commit that it names."""
    from hubkit.publish.errors import hub_errors
    from hubkit.publish.retry import with_retries

    with hub_errors(target.repo_id):
        refs = with_retries(lambda: api.list_repo_refs(target.repo_id))
    at = {tag.name: tag.target_commit for tag in refs.tags}.get(target.tag or "")
    if at is not None and (changes or at != remote.commit):
        raise UsageError(
            f"{target.repo_id}: the tag {target.tag} names {at[:12]}, and a tag never moves",
            hint="choose another name for --tag",
        )


def _check_ignored(target: Target, remote: Remote, planned: list[PlannedFile], api: HfApi) -> None:
    """Nothing that is sent may be named in the `.gitignore` that is there: without one in the commit the Hub goes by that."""
    sent = [file.path for file in planned if file.action != "unchanged"]
    if GITIGNORE not in remote.paths or GITIGNORE in sent or not sent or remote.commit is None:
        return
    ignored = ignored_by(read_text(target.repo_id, remote.commit, GITIGNORE, api) or "", sent)
    if ignored:
        raise UsageError(
            f"{target.repo_id}: its {GITIGNORE} makes the Hub leave out {some_files(ignored)}; nothing was sent",
            hint=f"hf repos delete-files {target.repo_id} {GITIGNORE}",
        )


def _action(file: LocalFile, remote: Remote) -> Action:
    if file.path not in remote.files:
        return "add"
    return "unchanged" if remote.holds(file) else "modify"


def _message(files: tuple[LocalFile, ...]) -> str:
    count = sum(file.path.rpartition("/")[2] == CFG for file in files)
    return f"Publish {many(count, 'SAE')} with hubkit" if count else "Publish with hubkit"


def _notes(target: Target, remote: Remote, foreign: list[str], *, prune: bool) -> tuple[str, ...]:
    notes = []
    if foreign and not prune:
        stays, them = ("is", "it") if len(foreign) == 1 else ("are", "them")
        notes.append(
            f"{many(len(foreign), 'file')} there {stays} not in the release, and left alone; --prune would delete {them}"
        )
    if remote.exists and target.gated:
        notes.append("--gated is for a new repository; this one keeps its settings")
    return tuple(notes)
