"""What packages below hubkit's say on stderr that nobody who runs hubkit can act upon."""

from __future__ import annotations

import logging

KERNEL_LOGGER = "bitsandbytes.backends.cpu.ops"
NO_KERNEL = "Failed to load CPU gemm_4bit_forward from kernels-community"


def _tells(record: logging.LogRecord) -> bool:
    return not str(record.msg).startswith(NO_KERNEL)


def hush() -> None:
    """Keep back, in this process, that bitsandbytes has no compiled product for 4-bit weights.

    It says so on import (SAELens imports it through TransformerLens) on every processor with AVX-512 BF16 where `kernels` is not installed. hubkit
    wants none: the package downloads code and runs it (`inference/quantize.py`), and what it would make faster is computed without it.
    """
    logging.getLogger(KERNEL_LOGGER).addFilter(_tells)
