"""Faults that a test switches on, from within this process only: nothing that comes over HTTP can reach them.

hub.faults.add(Fault("drop", match="GET .*/-/lfs/", after_bytes=100, times=2))
"""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass, field, replace
from typing import Literal

Kind = Literal[
    "delay",
    "drip",
    "drip_head",
    "rate_limit",
    "status",
    "drop",
    "truncate",
    "hang_up",
    "shorten",
    "ignore_range",
    "expired",
    "redirect_loop",
    "redirect",
    "race",
]


@dataclass(frozen=True)
class Fault:
    """What happens to requests whose `METHOD /path` (path as sent, without the query) `match` is found in.

    delay          the answer comes `seconds` later; other faults may come on top
    drip           each byte of the answer's body comes `seconds` after the one before
    drip_head      each byte of the answer's head comes `seconds` after the one before, and the head never ends
    rate_limit     429 with `Retry-After: seconds` and a spent `RateLimit` quota; nothing is done
    status         the status `status` with no more than a message; nothing is done
    drop           the connection ends after `after_bytes` bytes of the answer's body (-1: before the answer begins)
    truncate       a whole answer of `after_bytes` bytes, whose length says so: only who knows the size can tell
    hang_up        the connection ends once `after_bytes` bytes of the request's body came
    shorten        of the request's body only the first `after_bytes` bytes are seen, as if the rest was lost on the way
    ignore_range   200 and the whole file instead of 206
    expired        403, as for a signed link that is too old
    redirect_loop  302 to itself
    redirect       302 to `to`
    race           before a commit (match its POST) somebody else's commit arrives on the same branch
    """

    kind: Kind
    match: str = ""
    times: int | None = 1
    """How many requests; None for all."""
    skip: int = 0
    """How many matching requests go well before."""
    seconds: float = 1.0
    status: int = 503
    after_bytes: int = 0
    to: str = ""


@dataclass
class Faults:
    """The faults that are still to happen."""

    _waiting: list[Fault] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def waiting(self) -> tuple[Fault, ...]:
        """What has not happened as often as it was to."""
        with self._lock:
            return tuple(self._waiting)

    def add(self, *faults: Fault) -> None:
        """Switch on."""
        for fault in faults:
            re.compile(fault.match)  # a mistake shows here, not in the server's thread
        with self._lock:
            self._waiting.extend(faults)

    def clear(self) -> None:
        """Switch all off."""
        with self._lock:
            self._waiting.clear()

    def take(self, request: str) -> list[Fault]:
        """The faults of the request `METHOD /path`, counted as happened: all its delays, and the first of the others."""
        taken: list[Fault] = []
        with self._lock:
            left: list[Fault] = []
            for fault in self._waiting:
                second = fault.kind != "delay" and any(other.kind != "delay" for other in taken)
                if not re.search(fault.match, request):
                    left.append(fault)
                elif fault.skip:
                    left.append(replace(fault, skip=fault.skip - 1))
                elif second:
                    left.append(fault)
                else:
                    taken.append(fault)
                    if fault.times is None:
                        left.append(fault)
                    elif fault.times > 1:
                        left.append(replace(fault, times=fault.times - 1))
            self._waiting = left
        return taken
