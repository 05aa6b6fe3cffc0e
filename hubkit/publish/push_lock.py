"""One push at a time from this machine to a repository: LFS has no way to say "I am sending this", so two would send the same objects."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from hubkit.engine.events import Event, Progress, silent
from hubkit.repo.cache import cache_root

if TYPE_CHECKING:
    from filelock import BaseFileLock

TURNS = "turns"
"""Folder of lock files in hubkit's cache. A lock is let go by the system when its process ends, however it ends."""
LOOK = 1.0
"""Seconds between two looks at a lock that another push holds."""


@contextmanager
def push_lock(endpoint: str, repo_id: str, report: Progress = silent) -> Iterator[bool]:
    """Wait until no other push from this machine, by this user, goes to `repo_id`; whether there was one. Where no lock can be had, go on without."""
    lock = _lock(endpoint, repo_id)
    if lock is None:
        yield False
        return
    waited = _acquire(lock, repo_id, report)
    try:
        yield waited
    finally:
        lock.release()


def _lock(endpoint: str, repo_id: str) -> BaseFileLock | None:
    from filelock import FileLock

    root = cache_root()
    if root is None:
        return None
    name = hashlib.sha256(f"{endpoint.rstrip('/')}\0{repo_id.lower()}".encode()).hexdigest()[:32]
    try:
        (root / TURNS).mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    return FileLock(root / TURNS / f"{name}.lock")


def _acquire(lock: BaseFileLock, repo_id: str, report: Progress) -> bool:
    """Take the lock; whether that had to be waited for. A file system without locks lets everybody through."""
    from filelock import Timeout

    waited = False
    while True:
        try:
            # In slices, not for ever: on Windows a wait without an end cannot be interrupted.
            lock.acquire(timeout=LOOK if waited else 0)
        except Timeout:
            if not waited:
                report(Event("waiting", 0, 0, f"another push from this machine to {repo_id} is under way"))
            waited = True
        except (OSError, NotImplementedError):
            return waited
        else:
            return waited
