"""What was read of a commit, kept for the next run: one small file for each (endpoint, repository, commit).

A commit never changes, so nothing expires; the least recently used files go when all of them exceed MAX_CACHE bytes.
The folder is hubkit's own: HUBKIT_CACHE, or the platform's cache folder. Nothing is written to huggingface_hub's cache.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

MAX_PACK = 32 << 20
"""Bytes of one file; what was read beyond is not kept."""
MAX_CACHE = 512 << 20
MAX_INDEX = 8 << 20
ENDING = ".pack"
ABANDONED = 86_400.0
"""Seconds after which a temporary file belongs to nobody."""

Ranges = list[tuple[str, int, bytes]]


def cache_root() -> Path | None:
    """The folder of the cache; None where the platform names none."""
    if own := os.environ.get("HUBKIT_CACHE"):
        return Path(own)
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA")
        return Path(local) / "hubkit" / "Cache" if local else None
    if xdg := os.environ.get("XDG_CACHE_HOME"):
        return Path(xdg) / "hubkit"
    try:
        home = Path.home()
    except RuntimeError:
        return None
    return home / ("Library/Caches" if sys.platform == "darwin" else ".cache") / "hubkit"


@dataclass(frozen=True)
class RangeCache:
    """Files below `root`. A cache that cannot be read or written is an empty one: nothing here raises OSError."""

    root: Path
    limit: int = MAX_CACHE

    def load(self, key: tuple[str, str, str]) -> Ranges:
        """What is kept for (endpoint, repository, commit); nothing where the file is damaged."""
        path = self._path(key)
        try:
            with path.open("rb") as file:
                head = file.readline(MAX_INDEX)
                data = file.read(MAX_PACK + 1)
            os.utime(path)
            return _unpack(head, data, key)
        except (OSError, ValueError, TypeError, KeyError, RecursionError):
            return []

    def store(self, key: tuple[str, str, str], ranges: Iterable[tuple[str, int, bytes]]) -> None:
        """Keep `ranges`, in place of what is there."""
        with contextlib.suppress(OSError):
            folder = self.root / "repos"
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            _replace(self._path(key), _pack(ranges, key))
            self._trim(folder)

    def _path(self, key: tuple[str, str, str]) -> Path:
        return self.root / "repos" / (hashlib.sha256("\n".join(key).encode()).hexdigest()[:40] + ENDING)

    def _trim(self, folder: Path) -> None:
        found = []
        with os.scandir(folder) as scan:
            for item in scan:
                state = item.stat(follow_symlinks=False)
                if item.name.endswith(ENDING):
                    found.append((state.st_mtime, state.st_size, item.path))
                elif item.name.endswith(".tmp") and time.time() - state.st_mtime > ABANDONED:
                    _remove(item.path)
        total = sum(size for _, size, _ in found)
        for _, size, path in sorted(found):
            if total <= self.limit:
                return
            _remove(path)
            total -= size


def _remove(path: str) -> None:
    with contextlib.suppress(OSError):  # another process was faster, or has it open (Windows)
        Path(path).unlink()


def _replace(path: Path, data: bytes) -> None:
    """Write whole, then rename. mkstemp makes a file that only its owner can read."""
    handle, name = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(name).replace(path)
    except OSError:
        _remove(name)
        raise


def _pack(ranges: Iterable[tuple[str, int, bytes]], key: tuple[str, str, str]) -> bytes:
    index, parts, size = [], [], 0
    for path, start, data in ranges:
        if size + len(data) <= MAX_PACK:
            index.append([path, start, len(data)])
            parts.append(data)
            size += len(data)
    body = b"".join(parts)
    head = {"key": key, "ranges": index, "sha256": hashlib.sha256(body).hexdigest()}
    return json.dumps(head).encode() + b"\n" + body


def _unpack(head: bytes, body: bytes, key: tuple[str, str, str]) -> Ranges:
    index = json.loads(head)
    if index["key"] != list(key) or index["sha256"] != hashlib.sha256(body).hexdigest():
        return []
    found: Ranges = []
    at = 0
    for path, start, length in index["ranges"]:
        found.append((str(path), int(start), body[at : at + int(length)]))
        at += int(length)
    return found
