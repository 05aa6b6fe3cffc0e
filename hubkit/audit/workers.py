"""A few threads over a long line of work, of which only a handful is ever in memory."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from queue import Empty, SimpleQueue
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")
SLICE = 0.2
"""Seconds: on Windows a wait without an end cannot be interrupted."""


def in_threads(function: Callable[[Item], Result], items: Iterable[Item], workers: int) -> Iterator[Result]:
    """`function` of every item, as they are done. What it raises is raised here. At most `2 * workers` items are taken ahead.

    The threads are daemons: whoever stops iterating, by Ctrl-C say, does not wait for what they are at.
    """
    inbox: SimpleQueue[Item | None] = SimpleQueue()
    outbox: SimpleQueue[Result | _Raised] = SimpleQueue()
    threads = [
        threading.Thread(target=_work, args=(function, inbox, outbox), name=f"hubkit-audit-{n}", daemon=True)
        for n in range(workers)
    ]
    for thread in threads:
        thread.start()
    busy = 0
    try:
        for item in items:
            inbox.put(item)
            busy += 1
            if busy >= 2 * workers:
                yield _take(outbox)
                busy -= 1
        for _ in range(busy):
            yield _take(outbox)
    except BaseException:
        _drain(inbox)
        raise
    finally:
        for _ in threads:
            inbox.put(None)


class _Raised:
    def __init__(self, error: BaseException) -> None:
        self.error = error


def _work(
    function: Callable[[Item], Result],
    inbox: SimpleQueue[Item | None],
    outbox: SimpleQueue[Result | _Raised],
) -> None:
    while (item := inbox.get()) is not None:
        try:
            outbox.put(function(item))
        except BaseException as error:  # noqa: BLE001 - it is raised again in the thread that waits for it
            outbox.put(_Raised(error))


def _take(outbox: SimpleQueue[Result | _Raised]) -> Result:
    while True:
        try:
            found = outbox.get(timeout=SLICE)
        except Empty:
            continue
        if isinstance(found, _Raised):
            raise found.error
        return found


def _drain(inbox: SimpleQueue[Item | None]) -> None:
    try:
        while True:
            inbox.get_nowait()
    except Empty:
        return
