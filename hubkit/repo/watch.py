"""Requests that take too long are ended from outside: their connection is closed under them, and whoever waits for it hears that it broke."""

from __future__ import annotations

import contextlib
import heapq
import itertools
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Line:
    """The connections of one client, as its trace tells of them: https://www.encode.io/httpcore/extensions/#trace"""

    def __init__(self) -> None:
        self._streams: list[Any] = []

    def note(self, event: str, info: dict[str, Any]) -> None:
        """A step of a request; a new connection, or its TLS, is kept in mind."""
        if event.endswith((".connect_tcp.complete", ".start_tls.complete", ".connect_unix_socket.complete")):
            self._streams = [*self._streams[-7:], info["return_value"]]

    def cut(self) -> None:
        """End every connection. The one that waits for bytes wakes up without any."""
        for stream in self._streams:
            found = stream.get_extra_info("socket")
            with contextlib.suppress(OSError, AttributeError):  # closed before
                socket.socket.shutdown(
                    found, socket.SHUT_RDWR
                )  # not as TLS has it: that would wait for its peer
        self._streams = []


class Watch:
    """One thread, that sleeps until the first of the requests under way is due. It ends when there is none."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._due: list[tuple[float, int, Line]] = []
        self._under_way: dict[int, Line] = {}
        self._numbers = itertools.count()
        self._thread: threading.Thread | None = None

    @contextmanager
    def over(self, line: Line, seconds: float) -> Iterator[None]:
        """While this lasts, `line` is cut after `seconds`."""
        number = next(self._numbers)
        with self._changed:
            self._under_way[number] = line
            heapq.heappush(self._due, (time.monotonic() + seconds, number, line))
            if self._thread is None:
                self._thread = threading.Thread(target=self._watch, name="hubkit-watch", daemon=True)
                self._thread.start()
            elif self._due[0][1] == number:  # sooner than what it sleeps for
                self._changed.notify()
        try:
            yield
        finally:
            with self._changed:
                del self._under_way[number]
                if not self._under_way:
                    self._due.clear()
                    self._changed.notify()

    def _watch(self) -> None:
        with self._changed:
            while True:
                while self._due and self._due[0][1] not in self._under_way:
                    heapq.heappop(self._due)
                wait = self._due[0][0] - time.monotonic() if self._due else IDLE
                if wait > 0:
                    if not self._changed.wait(wait) and not self._due:
                        self._thread = None
                        return
                    continue
                _, number, line = heapq.heappop(self._due)
                # It may be cut again: a connection that was being made has no name yet.
                heapq.heappush(self._due, (time.monotonic() + AGAIN, number, line))
                line.cut()


IDLE = 5.0
"""Seconds without a request after which the thread ends."""
AGAIN = 1.0
"""Seconds after which a request that still goes on is cut again."""
