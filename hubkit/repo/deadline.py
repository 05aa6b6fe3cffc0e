"""One end for all that a command asks of the network, so that a Hub that never finishes does not keep anybody waiting."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from hubkit.errors import IncompleteError

T = TypeVar("T")

SLICE = 0.2
"""Seconds: on Windows a wait without an end cannot be interrupted."""
LIMIT = 600.0
"""Seconds for one repository."""
DEEP_LIMIT = 6 * 3600.0
"""Seconds where whole weights are read: they may be many gigabytes."""
MORE = "--timeout SECONDS gives it more time"


class OverdueError(IncompleteError):
    """The time for this command is used up: nothing more is asked."""


@dataclass
class Deadline:
    """Ends `seconds` after the first question; safe to share between threads and repositories."""

    seconds: float = LIMIT
    patience: float = 0.0
    """Seconds of waiting for the Hub's own rate limit that do not count, all waits together: for those who mean to wait."""
    clock: Callable[[], float] = time.monotonic
    _ends: float | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @property
    def ends(self) -> float:
        """When it is over, by the clock; it begins with the first time that this is asked."""
        with self._lock:
            if self._ends is None:
                self._ends = self.clock() + self.seconds
            return self._ends

    @property
    def left(self) -> float:
        """Seconds that are left; not below 0."""
        return max(0.0, self.ends - self.clock())

    def check(self, host: str = "") -> None:
        """Raise OverdueError when the time is used up."""
        if self.left <= 0:
            raise self.over(host)

    def over(self, host: str = "", wait: float = 0.0) -> OverdueError:
        """The error for a time that is used up, or for a `wait` in seconds that would use it up."""
        who = f"{host}: " if host else ""
        limit = f"the {self.seconds:,.0f} s for this repository"
        if wait:
            asked = f"asks to wait {math.ceil(wait)} s, and {math.floor(self.left)} of {limit} are left"
            return OverdueError(f"{who}{asked}", hint=f"try again later; {MORE}")
        return OverdueError(f"{who}not finished within {limit}", hint=f"try again; {MORE}")

    def excuse(self, seconds: float) -> None:
        """A wait that the Hub's rate limit asks for does not count, as far as `patience` goes."""
        ends = self.ends
        with self._lock:
            granted = min(seconds, self.patience)
            self.patience -= granted
            self._ends = ends + granted


def within(deadline: Deadline, action: Callable[[], T]) -> T:
    """What `action` returns or raises; OverdueError when it takes longer than `deadline` leaves. The client's own timeouts begin anew with every byte.

    What is not finished goes on in a thread that nobody waits for, not even the end of the program.
    """
    found: list[T] = []
    raised: list[BaseException] = []

    def work() -> None:
        try:
            found.append(action())
        except BaseException as error:  # noqa: BLE001 - it is raised again by whoever waits
            raised.append(error)

    thread = threading.Thread(target=work, name="hubkit-within", daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(min(SLICE, deadline.left))
        if thread.is_alive():
            deadline.check()
    if raised:
        raise raised[0]
    return found[0]


def each_within(seconds: float, items: Iterable[T]) -> Iterator[T]:
    """`items`, of which none may take longer than `seconds` to come: pages of a listing, each of them a question. Raises OverdueError."""
    iterator, end = iter(items), object()
    while (item := within(Deadline(seconds), lambda: next(iterator, end))) is not end:
        yield item  # type: ignore[misc]  # not the end
