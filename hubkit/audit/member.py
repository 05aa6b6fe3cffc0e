"""What a worker does with one repository or folder: read it, or find that there is no need to."""

from __future__ import annotations

import threading
import traceback
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from hubkit.audit.listing import Candidate, last_modified
from hubkit.audit.reading import Reading, failed, summarise
from hubkit.errors import HubkitError
from hubkit.repo.deadline import LIMIT, Deadline
from hubkit.repo.hub import open_repo
from hubkit.repo.local import open_folder
from hubkit.validate.run import Selection, validate

if TYPE_CHECKING:
    from huggingface_hub import HfApi

    from hubkit.audit.store import Store
    from hubkit.repo.transport import Transport
    from hubkit.repo.view import RepoView


@dataclass(frozen=True)
class Options:
    """How to audit."""

    selection: Selection = Selection()  # noqa: RUF009 - it is frozen
    jobs: int = 4
    """Repositories at a time."""
    since: datetime | None = None
    """Only repositories that changed at or after this moment."""
    since_last: bool = False
    """Only repositories at a commit that no finished run has shown."""
    refresh: bool = False
    """Read again what is known."""
    timeout: float = LIMIT
    """Seconds for one repository; waiting for the Hub's next window does not count."""


@dataclass(frozen=True)
class Step:
    """What became of one member. Without a reading: known before, or, without a name, unchanged."""

    member: Candidate
    reading: Reading | None = None
    name: str = ""
    sha: str = ""


@dataclass
class Reader:
    """Reads members, from several threads at once; the store is only asked."""

    store: Store
    api: HfApi
    transport: Transport
    options: Options
    patience: float = 0.0
    """Seconds of waiting for the Hub's rate limit that one repository may take beyond its time."""
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _claimed: dict[tuple[str, str], Future[None]] = field(default_factory=dict)
    """Commits that are being read, or whose reading is not in the store yet: two names of one commit are read once."""

    def read(self, member: Candidate) -> Step:
        """What became of it. Never raises, for one bad repository must not end the audit of the others."""
        try:
            if member.kind == "hub":
                return self._read_repo(member)
            if member.kind == "folder":
                found = validate(open_folder(Path(member.key)), self.options.selection)
                return Step(member, summarise(member.key, "", found))
            return Step(member, failed(member.key, member.failure, complete=member.kind == "empty"))
        except HubkitError as error:
            return Step(member, failed(member.key, error.message))
        except Exception as error:  # noqa: BLE001 - the one place that isolates repositories, as validate.run isolates rules
            return Step(member, failed(member.key, _defect(error)))

    def written(self, step: Step) -> None:
        """The reading of this step is in the store."""
        if step.reading is not None:
            with self._lock:
                self._claimed.pop((step.reading.name, step.reading.sha), None)

    def _read_repo(self, member: Candidate) -> Step:
        """Nothing is asked for a commit that the listing gave and the store knows; without one, the repository's own listing tells it."""
        name, sha = member.repo_id, member.sha
        if sha is not None and (known := self._known(member, sha)):
            return known
        if self._is_old(member):
            return Step(member)
        deadline = Deadline(self.options.timeout, patience=self.patience)
        view = open_repo(name, sha or member.revision, self.api, transport=self.transport, deadline=deadline)
        if sha is None:
            view.list()
            sha = view.revision or ""
            if known := self._known(member, sha):
                return known
        return self._read_once(member, sha, view)

    def _is_old(self, member: Candidate) -> bool:
        """Whether it did not change since the day asked for; a member of a listing that tells this was left out there."""
        if self.options.since is None or member.modified is not None:
            return False
        changed = last_modified(member.repo_id, self.api)
        return changed is not None and datetime.fromisoformat(changed) < self.options.since

    def _known(self, member: Candidate, sha: str) -> Step | None:
        if self.options.since_last and self.store.was_shown(member.repo_id, sha):
            return Step(member)
        if self.store.is_known(member.repo_id, sha, refresh=self.options.refresh):
            return Step(member, name=member.repo_id, sha=sha)
        return None

    def _read_once(self, member: Candidate, sha: str, view: RepoView) -> Step:
        commit = (member.repo_id, sha)
        with self._lock:
            other = self._claimed.get(commit)
            # Asked again under the lock: the claim goes only when the reading is in the store.
            if other is None and (known := self._known(member, sha)):
                return known
            mine: Future[None] = Future()
            self._claimed.setdefault(commit, mine)
        if other is not None:
            other.result()
            return Step(member, name=member.repo_id, sha=sha)
        try:
            reading = summarise(*commit, validate(view, self.options.selection))
        except BaseException as error:
            with self._lock:
                del self._claimed[commit]
            mine.set_exception(error)
            raise
        mine.set_result(None)
        return Step(member, reading)


def _defect(error: Exception) -> str:
    where = traceback.extract_tb(error.__traceback__)[-1]
    return f"a defect of hubkit: {type(error).__name__}: {error} ({Path(where.filename).name}:{where.lineno}); please report it"
