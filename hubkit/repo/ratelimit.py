"""The Hub's rate limits, obeyed before they bite: every answer says how much of the current window is left.

    RateLimit: "resolvers";r=2998;t=172
    RateLimit-Policy: "fixed window";"resolvers";q=3000;w=300

Source: https://www.ietf.org/archive/id/draft-ietf-httpapi-ratelimit-headers-09.html and https://huggingface.co/docs/hub/rate-limits.
One `RateLimits` serves a whole process, because the Hub counts per account or address, not per repository.
"""

from __future__ import annotations

import math
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from hubkit.errors import IncompleteError
from hubkit.repo.deadline import Deadline

PATIENCE = 60.0
"""Seconds that a single pause may take before reading gives up."""
RESERVE = 16
"""Requests of a window that are left to the user's other programs; at most a fiftieth of a small one, and always one."""
SAME_WINDOW = 2.0
"""Seconds by which two statements about the end of one window may differ: they are whole seconds, and answers overtake each other."""
LIMIT = re.compile(r'"(?P<name>[\w-]+)"\s*;\s*r\s*=\s*(?P<r>\d{1,9})\s*;\s*t\s*=\s*(?P<t>\d{1,9})')
QUOTA = re.compile(r"q\s*=\s*(?P<q>\d{1,9})")


@dataclass
class _Window:
    remaining: int
    ends: float
    reserve: int


class RateLimits:
    """What is left of each window, per origin; safe to share between threads and repositories."""

    def __init__(
        self,
        *,
        patience: float = PATIENCE,
        on_wait: Callable[[float], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.patience = patience
        self.on_wait = on_wait
        """Called with the seconds of a pause before it begins."""
        self._clock, self._sleep = clock, sleep
        self._lock = threading.Lock()
        self._names: dict[tuple[str, str], str] = {}
        self._windows: dict[tuple[str, str], _Window] = {}

    def take(self, origin: str, route: str, deadline: Deadline | None = None) -> None:
        """Wait until a request to `route` may be sent.

        Raises IncompleteError when that would take longer than `patience` seconds, OverdueError when longer than `deadline` leaves.
        """
        while (seconds := self._wait(origin, route)) > 0:
            self.pause(seconds, origin, deadline)

    def pause(self, seconds: float, origin: str, deadline: Deadline | None = None) -> None:
        """Wait because the Hub asked for it. Raises IncompleteError beyond `patience`, OverdueError beyond what `deadline` leaves."""
        if seconds > self.patience:
            raise IncompleteError(
                f"{origin}: the rate limit is used up for another {math.ceil(seconds)} s",
                hint=f"try again in {math.ceil(seconds)} s; hf auth login gives a larger quota",
            )
        if deadline is not None:
            deadline.excuse(seconds)
            if seconds > deadline.left:
                raise deadline.over(origin, wait=seconds)
        if self.on_wait is not None:
            self.on_wait(seconds)
        self._sleep(seconds)

    def remaining(self, origin: str, route: str) -> int | None:
        """Requests left in the current window of `route`; None where nothing is known."""
        with self._lock:
            window = self._window(origin, route)
            return window.remaining if window is not None else None

    def _wait(self, origin: str, route: str) -> float:
        """Seconds to wait; 0 takes one request out of the window."""
        with self._lock:
            window = self._window(origin, route)
            if window is None:
                return 0.0
            if window.remaining > window.reserve:
                window.remaining -= 1
                return 0.0
            return window.ends - self._clock()

    def _window(self, origin: str, route: str) -> _Window | None:
        key = (origin, self._names.get((origin, route), route))
        window = self._windows.get(key)
        if window is not None and self._clock() >= window.ends:
            del self._windows[key]
            return None
        return window

    def learn(self, origin: str, route: str, headers: Mapping[str, str]) -> None:
        """Note what an answer says. Several routes may share a window: its name in the header decides."""
        found = LIMIT.search(headers.get("ratelimit", ""))
        if found is None:
            return
        quota = QUOTA.search(headers.get("ratelimit-policy", ""))
        reserve = max(1, min(RESERVE, int(quota["q"]) // 50)) if quota else 1
        fresh = _Window(int(found["r"]), self._clock() + int(found["t"]), reserve)
        with self._lock:
            self._names[origin, route] = found["name"]
            key = (origin, found["name"])
            known = self._windows.get(key)
            if known is None or fresh.ends > known.ends + SAME_WINDOW:
                self._windows[key] = fresh
            elif fresh.ends >= known.ends - SAME_WINDOW:
                # Requests under way are taken off here already, and the answer does not know of them.
                known.remaining = min(known.remaining, fresh.remaining)

    def refused(self, origin: str, route: str, headers: Mapping[str, str]) -> float | None:
        """Seconds to wait after a 429 (or a 503 that names them); None where the answer does not say."""
        self.learn(origin, route, headers)
        found = LIMIT.search(headers.get("ratelimit", ""))
        if found is not None and int(found["r"]) == 0:
            return float(found["t"]) + 1.0
        return retry_after(headers)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds of `Retry-After`, a number or an HTTP date; None where there is none, or none that can be read."""
    text = headers.get("retry-after", "").strip()
    if re.fullmatch(r"\d{1,9}", text):
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return None
