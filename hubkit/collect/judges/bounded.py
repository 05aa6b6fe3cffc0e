"""An answer of an endpoint that is read only so far and so long: whoever sends without an end is not listened to without an end.

The client reads an answer whole before it looks at it. Its session is told to hand out answers of the asking thread through `_Bounded`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from huggingface_hub.utils import get_session, httpx

if TYPE_CHECKING:
    from hubkit.repo.deadline import Deadline

T = TypeVar("T")

MOST_BYTES = 1 << 22
"""Of one answer: 4 MiB."""
PLAIN = {"Accept-Encoding": "identity"}
"""Sent with the question: a few packed bytes may stand for any number."""
_asking = threading.local()


class TooLongError(Exception):
    """An answer that is longer than any that is asked for."""


class _Bounded(httpx.SyncByteStream):
    """The bytes of an answer, up to MOST_BYTES and until a deadline."""

    def __init__(self, stream: Any, deadline: Deadline) -> None:
        self._stream, self._deadline = stream, deadline

    def __iter__(self) -> Iterator[bytes]:
        left = MOST_BYTES
        for piece in self._stream:
            left -= len(piece)
            if left < 0:
                raise TooLongError(f"an answer of more than {MOST_BYTES >> 20} MiB")
            self._deadline.check()
            yield piece

    def close(self) -> None:
        """Close the connection's own stream."""
        self._stream.close()


def _bound(response: Any) -> None:
    """The session's hook. Raises TooLongError for a packed answer, which was not asked for."""
    deadline = getattr(_asking, "deadline", None)
    if deadline is None:
        return
    packing = response.headers.get("content-encoding", "identity")
    if packing.strip().lower() not in {"", "identity"}:
        raise TooLongError(f"an answer packed by {packing[:40]}, expected it as it is")
    response.stream = _Bounded(response.stream, deadline)


def bounded(deadline: Deadline, action: Callable[[], T]) -> T:
    """What `action` returns, which asks the client in this thread. Raises TooLongError, OverdueError, and what `action` does."""
    hooks = get_session().event_hooks["response"]
    if _bound not in hooks:
        hooks.append(_bound)
    _asking.deadline = deadline
    try:
        return action()
    finally:
        del _asking.deadline
