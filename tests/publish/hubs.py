"""Hubs for many short tests: the end of one, 0.2 s in which its server only waits, passes while the next test runs."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import TypeVar

T = TypeVar("T")


@contextmanager
def ending_later(opened: AbstractContextManager[T]) -> Iterator[T]:
    """What `opened` gives; its end is begun, and not waited for. Nothing may use the same folder afterwards."""
    with ExitStack() as stack:
        yield stack.enter_context(opened)
        ending = stack.pop_all()
    threading.Thread(target=ending.close, name="hub-ending").start()
