"""Byte ranges in memory, for reads that were announced."""

from __future__ import annotations

import threading
from collections.abc import Iterator

from hubkit.errors import IncompleteError

MAX_HELD = 64 << 20
"""Bytes."""


class HeldRanges:
    """Ranges of files by path, at most `limit` bytes together; what does not fit is not held."""

    def __init__(self, limit: int = MAX_HELD) -> None:
        self.limit = limit
        self.size = 0
        self._lock = threading.Lock()
        self._ranges: dict[str, list[tuple[int, bytes]]] = {}
        self._failures: dict[tuple[str, int, int], IncompleteError] = {}

    def get(self, path: str, start: int, stop: int) -> bytes | None:
        """Bytes [start, stop), or None. Raises the error that fetching exactly these met, once."""
        with self._lock:
            for at, data in self._ranges.get(path, ()):
                if at <= start and stop <= at + len(data):
                    return data[start - at : stop - at]
            failure = self._failures.pop((path, start, stop), None)
        if failure is not None:
            raise failure
        return None

    def put(self, path: str, start: int, data: bytes) -> None:
        """Hold `data`, which begins at `start`."""
        with self._lock:
            if data and self.size + len(data) <= self.limit:
                self.size += len(data)
                self._ranges.setdefault(path, []).append((start, data))

    def fail(self, path: str, start: int, stop: int, error: IncompleteError) -> None:
        """Note why a range could not be fetched."""
        with self._lock:
            self._failures[path, start, stop] = error

    def has(self, path: str, start: int, stop: int) -> bool:
        """Whether `get` would answer."""
        with self._lock:
            return any(at <= start and stop <= at + len(data) for at, data in self._ranges.get(path, ()))

    def __iter__(self) -> Iterator[tuple[str, int, bytes]]:
        """Every range, sorted: the same whatever came first."""
        with self._lock:
            found = [(path, at, data) for path, several in self._ranges.items() for at, data in several]
        return iter(sorted(found))
