"""How many threads the linear algebra gets: small matrices lose far more by sharing work out than they gain."""

from __future__ import annotations

import multiprocessing
import sys
from contextlib import ExitStack, contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from threadpoolctl import ThreadpoolController

LARGE = 1 << 20
"""Numbers in the largest matrix from which more than one thread pays."""
_sharing = False


@contextmanager
def one_thread() -> Iterator[None]:
    """One thread for BLAS, OpenMP and (where it is loaded) torch inside the block: sums in one order, nobody waiting for a busy core.

    Measured on two busy cores: a training step at 64 x 256 takes 1.2 CPU-ms with one thread and 6 to 50 with two; sampling 256
    completions 1 s and 31 s.
    """
    with ExitStack() as undo:
        undo.enter_context(_libraries(len(sys.modules)).limit(limits=1))
        torch = sys.modules.get("torch")
        if torch is not None:
            undo.callback(torch.set_num_threads, torch.get_num_threads())
            torch.set_num_threads(1)
        yield


@lru_cache(maxsize=1)
def _libraries(modules: int) -> ThreadpoolController:
    """Those that are loaded. They come with modules: looked for again (9 ms) only once there are other `modules`."""
    from threadpoolctl import ThreadpoolController

    del modules
    return ThreadpoolController()


def share_cores() -> None:
    """Say that this process, though nobody's child, is one of several that share the cores of a machine: a cluster's worker."""
    global _sharing  # noqa: PLW0603 - it is said of the process
    _sharing = True


def shares_cores() -> bool:
    """Whether the cores are shared with other workers: in spawned processes and those of a cluster."""
    return _sharing or multiprocessing.parent_process() is not None


@contextmanager
def threads_for(size: int) -> Iterator[None]:
    """One thread below LARGE numbers, and in workers that share the cores with their like; else all of them."""
    if size >= LARGE and not shares_cores():
        yield
        return
    with one_thread():
        yield
