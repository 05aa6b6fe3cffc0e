"""Sending large files ahead of the commit that will point to them, with a count of bytes. Imports huggingface_hub: load it late."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from huggingface_hub import CommitOperationAdd, HfApi

from hubkit.engine.events import Event, Progress
from hubkit.errors import UsageError
from hubkit.localhub.gitignore import GITIGNORE
from hubkit.publish.errors import status_of
from hubkit.publish.files import LocalFile, some_files
from hubkit.publish.retry import ANSWER, with_retries
from hubkit.repo.transport import SLOWEST

BATCH_FILES = 100
BATCH_BYTES = 500_000_000
"""A batch is uploaded, and counted, as one; the client's threads work within it."""
FRESH_LINKS = 3
"""Times that a batch is begun; within each the client repeats every request up to five times."""
EVERY = 0.2
"""Seconds between two events."""


class Meter:
    """Bytes that were read to be sent, and those that are known to be on the Hub."""

    def __init__(self, total: int, report: Progress) -> None:
        self.total = total
        self.sent = 0
        """Bytes that left this machine, repeated ones included."""
        self._at: dict[str, int] = {}
        self._done = 0
        self._lock = threading.Lock()
        self._report = report
        self._told = 0.0
        self._whole = False

    def moved(self, path: str, before: int, after: int) -> None:
        """`path` was read from `before` to `after`."""
        with self._lock:
            self.sent += max(0, after - before)
            self._set(path, after)

    def finish(self, path: str, size: int) -> None:
        """`path` is on the Hub, sent or found there."""
        with self._lock:
            self._set(path, size)

    def _set(self, path: str, at: int) -> None:
        self._done += at - self._at.get(path, 0)
        self._at[path] = at
        now = time.monotonic()
        whole = self._done >= self.total and not self._whole
        if whole or now - self._told >= EVERY:
            self._told, self._whole = now, self._done >= self.total
            self._report(Event("sending", self._done, self.total, path, unit="bytes"))


class _CountedFile(io.BufferedReader):
    """A file whose reads are told; the client rewinds it to send it again."""

    def __init__(self, path: str, told: Callable[[int, int], None]) -> None:
        super().__init__(io.FileIO(path, "rb"))
        self._told = told

    def read(self, size: int | None = -1, /) -> bytes:
        before = self.tell()
        data = super().read(size)
        self._told(before, before + len(data))
        return data


class Addition(CommitOperationAdd):
    """One file of the plan: its checksum is known, so it is not hashed again, and what is sent of it is counted."""

    def __init__(self, release: Path, file: LocalFile, meter: Meter) -> None:
        super().__init__(path_in_repo=file.path, path_or_fileobj=str(release / file.path))
        # Set before it is asked for: the client would read the whole file for it, and the plan was compared by this one.
        self.upload_info.sha256 = bytes.fromhex(file.sha256)
        self.file = file
        self._meter = meter

    def content(self) -> bytes:
        """All of it, of a small file."""
        return Path(str(self.path_or_fileobj)).read_bytes()

    @contextmanager
    def as_file(self, with_tqdm: bool = False) -> Iterator[BinaryIO]:
        """The open file; counted where the client would show a bar, which is when it sends."""
        if not with_tqdm:
            with super().as_file() as plain:
                yield plain
            return
        with _CountedFile(
            str(self.path_or_fileobj),
            lambda before, after: self._meter.moved(self.file.path, before, after),
        ) as counted:
            yield counted


def send_large_files(
    additions: list[Addition], repo_id: str, revision: str, api: HfApi, meter: Meter, report: Progress
) -> None:
    """Upload what goes by LFS or Xet and is not on the Hub yet. What was sent whole before is not sent again.

    A link that expired or a transfer that broke is tried again with fresh links. Raises the client's errors.
    """
    # told with every batch: the client finds it only in the batch that has it, and the Hub then goes by the one that is there
    ignore = next((one.content().decode() for one in additions if one.path_in_repo == GITIGNORE), None)
    for batch in _batches(additions):
        with_retries(
            lambda batch=batch: api.preupload_lfs_files(  # type: ignore[misc]
                repo_id, additions=batch, revision=revision, free_memory=False, gitignore_content=ignore
            ),
            report=report,
            attempts=FRESH_LINKS,
            seconds=ANSWER + sum(one.file.size for one in batch) / SLOWEST,
            also=lambda error: isinstance(error, RuntimeError) and status_of(error) in {400, 403},
        )
        _check_taken(batch, repo_id)
        for one in batch:
            meter.finish(one.file.path, one.file.size)


def _check_taken(additions: list[Addition], repo_id: str) -> None:
    """Raise UsageError where the Hub says that it leaves files out: the client would make the commit without them, and without a word."""
    ignored = [one.file.path for one in additions if one._should_ignore]  # noqa: SLF001 - the client tells it nowhere else
    if ignored:
        raise UsageError(
            f"{repo_id}: the Hub leaves out {some_files(ignored)}, which a .gitignore names; nothing was committed",
            hint=f"hf repos delete-files {repo_id} .gitignore, or take them out of it",
        )


def _batches(additions: list[Addition]) -> Iterator[list[Addition]]:
    batch: list[Addition] = []
    size = 0
    for one in additions:
        if batch and (len(batch) >= BATCH_FILES or size + one.file.size > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(one)
        size += one.file.size
    if batch:
        yield batch
