"""What a pull request may not change by itself: the configuration and the baseline that it is judged by.

On a pull request the checkout holds the author's version of both. What silences findings counts only as far as the base branch has it, too: who takes an
ignore away is judged without it, who adds one waits until it is merged. git is asked for the base's version; where it cannot be had, nothing is silenced.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from hubkit.errors import UsageError
from hubkit.validate.baseline import baseline_lines, read_baseline
from hubkit.validate.config import load_config
from hubkit.validate.report import Known
from hubkit.validate.request import Settled
from hubkit.validate.selection import Config

SHA = re.compile(r"[0-9a-f]{40,64}")
REF = re.compile(r"(?!-)[^\x00-\x20\x7f~^:?*\[\\]+")
TIMEOUT = 60.0
"""Seconds for git, the fetch of one commit included."""
SAFE = (
    "-c",
    "safe.bareRepository=explicit",
    "-c",
    "core.fsmonitor=false",
    "-c",
    "core.hooksPath=/dev/null",
    "-c",
    "protocol.ext.allow=never",
)
"""Nothing that lies in the checkout is run by asking git."""
LARGEST = 16 << 20
"""Bytes of a file of the base."""


@dataclass(frozen=True)
class Base:
    """The branch that a pull request goes to."""

    name: str
    """As the event has it."""
    sha: str = ""
    """Its commit, where the event says."""
    repository: str = ""
    """OWNER/NAME on GitHub; empty: whatever the checkout is of."""
    head: str = ""
    """OWNER/NAME that the pull request comes from: a fork, whose branches say nothing of the base."""
    workspace: str = ""
    """Where the workflow's checkouts are."""


class UnknownError(Exception):
    """The base's version cannot be had; the message says why."""


def base_of(environment: Mapping[str, str]) -> Base | None:
    """The base of the pull request, or of the merge group, that a workflow runs for; None for any other event."""
    event = event_of(environment)
    pull, group = event.get("pull_request"), event.get("merge_group")
    base = pull.get("base") if isinstance(pull, dict) else None
    sha = (
        base.get("sha")
        if isinstance(base, dict)
        else group.get("base_sha")
        if isinstance(group, dict)
        else ""
    )
    name = environment.get("GITHUB_BASE_REF", "") or (
        str(group.get("base_ref", "")).removeprefix("refs/heads/") if isinstance(group, dict) else ""
    )
    if not name:
        return None
    known = sha if isinstance(sha, str) and SHA.fullmatch(sha) else ""
    return Base(
        name,
        known,
        environment.get("GITHUB_REPOSITORY", ""),
        _head(pull),
        environment.get("GITHUB_WORKSPACE", ""),
    )


def _head(pull: object) -> str:
    """Of which repository a pull request is."""
    for key in ("head", "repo", "full_name"):
        pull = pull.get(key) if isinstance(pull, dict) else None
    return pull if isinstance(pull, str) else ""


def event_of(environment: Mapping[str, str]) -> dict[str, object]:
    """The payload of the event that the workflow runs for; empty where there is none to read."""
    try:
        value = json.loads(Path(environment.get("GITHUB_EVENT_PATH", "")).read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def settle(base: Base, config: Path | None, baseline: Path | None) -> Settled:
    """The configuration at `config` and the baseline (None: as the configuration says), each as far as the base has it, too. Raises UsageError."""
    mine = load_config(config) if config is not None else Config()
    remarks: list[str] = []
    agreed = mine
    if config is not None:
        agreed, said = _agreed(base, config, mine)
        remarks += said
    path = baseline or agreed.baseline
    lines: list[Known] | None = None
    if path is not None:
        lines, said = _known(base, path)
        remarks += said
    return Settled(agreed, lines, path, tuple(remarks))


def _agreed(base: Base, path: Path, mine: Config) -> tuple[Config, list[str]]:
    """What both versions silence. The rest (what makes the judgement stricter, or shows more) is the base's."""
    shown, nothing = path.name, Config(path=path, notes=mine.notes)
    try:
        content = content_at(base, path)
    except UnknownError as error:
        return nothing, [
            f"{shown} is not obeyed: what {base.name} has of it is not known ({error}); actions/checkout with fetch-depth: 0 makes it known"
        ]
    if content is UNTRACKED:
        return mine, []
    if content is None:
        return nothing, [f"{shown} is new in this pull request: it is obeyed when it is merged"]
    try:
        theirs = load_config(path, content)
    except UsageError as error:
        return nothing, [f"{shown} is not obeyed: that of {base.name} cannot be read: {error.message}"]
    kept = {(one.code, one.path, one.sae_id) for one in mine.ignore}
    agreed = replace(
        theirs,
        ignore=tuple(one for one in theirs.ignore if (one.code, one.path, one.sae_id) in kept),
        # A baseline is held against the base's line by line, under the name that it has now.
        baseline=mine.baseline,
        notes=mine.notes,
    )
    same = replace(mine, ignore=()) == replace(agreed, ignore=())
    if same and len(agreed.ignore) == len(mine.ignore) == len(theirs.ignore):
        return agreed, []
    return agreed, [
        f"{shown} differs from that of {base.name}: only what both silence is silenced, until this is merged"
    ]


def _known(base: Base, path: Path) -> tuple[list[Known], list[str]]:
    """The lines of a baseline that both versions have."""
    mine = read_baseline(path)
    try:
        content = content_at(base, path)
        if content is UNTRACKED:
            return mine, []
        theirs = baseline_lines(content, path) if content is not None else []
    except UnknownError as error:
        return [], [f"{path.name} is not obeyed: what {base.name} has of it is not known ({error})"]
    except UsageError as error:
        return [], [f"{path.name} is not obeyed: that of {base.name} cannot be read: {error.message}"]
    there = {(one.fingerprint, one.release) for one in theirs}
    both = [one for one in mine if (one.fingerprint, one.release) in there]
    added = len(mine) - len(both)
    said = f"{path.name}: {added} lines that this pull request adds do not count until it is merged"
    return both, [said] if added else []


UNTRACKED = b"\0untracked"
"""In place of content: git does not have the file in this checkout, so no pull request brought it; the workflow made it, or it is elsewhere."""


def content_at(base: Base, path: Path) -> bytes | None:
    """The file as the base has it; None where it has none. Raises UnknownError.

    UNTRACKED for a file that no pull request can have brought: of no repository, of another one, or not under version control.
    """
    program = shutil.which("git")
    place = path.parent.resolve() / path.name
    around = [place.parent, *place.parent.parents]
    if not any((folder / ".git").exists() for folder in around):
        if base.workspace and Path(base.workspace).resolve() in around:
            raise UnknownError("the checkout was made without git")
        return UNTRACKED
    if program is None:
        raise UnknownError("there is no git")
    if place.is_symlink():
        raise UnknownError("it is a link")
    git = _Git(program, place.parent)
    top = Path(git.text("rev-parse", "--show-toplevel"))
    if git.text("rev-parse", "--show-superproject-working-tree"):
        raise UnknownError("it is in a submodule")
    name = place.relative_to(top.resolve()).as_posix()
    listed = git.ask("ls-files", "--error-unmatch", "--", f":(top,literal){name}")
    if listed.returncode > 1:
        raise UnknownError("git cannot read this checkout")
    of_base = not base.repository or _is_of(git, base.repository)
    if listed.returncode or not (of_base or (base.head and _is_of(git, base.head))):
        return UNTRACKED
    commit = _commit(git, base, by_name=of_base)
    found = git.ask("cat-file", "blob", f"{commit}:{name}")
    if found.returncode == 0:
        if len(found.stdout) > LARGEST:
            raise UnknownError("it is too large")
        return found.stdout
    if git.ask("cat-file", "-e", f"{commit}^{{tree}}").returncode:
        raise UnknownError("its files are not in this checkout")
    return None


def _is_of(git: _Git, repository: str) -> bool:
    """Whether the checkout is of the repository that the workflow runs for; also where it does not say."""
    url = git.ask("config", "--get", "remote.origin.url").stdout.decode("utf-8", "replace").strip()
    return not url or url.removesuffix("/").removesuffix(".git").lower().replace(":", "/").endswith(
        f"/{repository.lower()}"
    )


def _commit(git: _Git, base: Base, *, by_name: bool) -> str:
    """The base's commit: as the checkout has it, else fetched, alone; in a checkout of a fork by its checksum and by no name. Raises UnknownError."""
    by_name = by_name and REF.fullmatch(base.name) is not None
    wanted = [f"refs/remotes/origin/{base.name}"] if by_name else []
    wanted += [base.sha] if base.sha else []
    for one in wanted:
        found = git.ask("rev-parse", "--verify", "--quiet", f"{one}^{{commit}}")
        if found.returncode == 0:
            return found.stdout.decode().strip()
    for one in [f"refs/heads/{base.name}" if by_name else "", base.sha] if wanted else []:
        if (
            one
            and git.ask(
                "fetch", "--quiet", "--no-tags", "--depth=1", "--no-recurse-submodules", "origin", one
            ).returncode
            == 0
        ):
            return git.text("rev-parse", "FETCH_HEAD^{commit}")
    raise UnknownError("it is not in this checkout, and could not be fetched")


@dataclass(frozen=True)
class _Git:
    program: str
    folder: Path

    def ask(self, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        """Run git; whatever it says is looked at by the caller. Raises UnknownError when it does not end."""
        environment = {**os.environ, "GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
        trusted = ("-c", "safe.directory=*")  # the runner's own checkout, which another user may have made
        try:
            return subprocess.run(  # noqa: S603 - the program is git, and no argument is a name from the repository but a literal path
                [self.program, *SAFE, *trusted, *arguments],
                cwd=self.folder, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT, check=False,
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired) as error:
            raise UnknownError(f"git: {error}") from error

    def text(self, *arguments: str) -> str:
        """The one line that git answers. Raises UnknownError."""
        done = self.ask(*arguments)
        if done.returncode:
            raise UnknownError(f"git {arguments[0]}: {done.stderr.decode('utf-8', 'replace').strip()[:200]}")
        return os.fsdecode(done.stdout).rstrip("\r\n")
