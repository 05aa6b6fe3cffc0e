"""What packages below hubkit's do on import that nobody who runs hubkit asked for: say what cannot be acted upon, and bring code from the Hub."""

from __future__ import annotations

import logging
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

KERNELS = "kernels"
"""The package by which bitsandbytes, where it is installed, downloads compiled code and loads it: on import, on processors with AVX-512 BF16."""
KERNEL_LOGGER = "bitsandbytes.backends.cpu.ops"
NO_KERNEL = "Failed to load CPU gemm_4bit_forward from kernels-community"


def settle() -> None:
    """Of a process that is hubkit's own, before anything is imported: no code from the Hub, and no word about that there is none.

    SAELens imports bitsandbytes through TransformerLens, wherever it is installed. What the code would make faster is computed without it.
    """
    logging.getLogger(KERNEL_LOGGER).addFilter(_tells)
    if KERNELS not in sys.modules:
        _keep_out(KERNELS)


@contextmanager
def without_kernels() -> Iterator[None]:
    """The same for some lines of a process that may be anybody's; nothing changes where somebody has imported the package."""
    if KERNELS in sys.modules:
        yield
        return
    _keep_out(KERNELS)
    try:
        yield
    finally:
        del sys.modules[KERNELS]


def _keep_out(package: str) -> None:
    modules: dict[str, Any] = sys.modules
    modules[package] = None  # what Python takes for "not there"


def _tells(record: logging.LogRecord) -> bool:
    return not str(record.msg).startswith(NO_KERNEL)
