"""How much memory there is to work with."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from hubkit.errors import UsageError

UNKNOWN = 4 << 30
"""Bytes, where the system does not say."""
SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?([kmgt])(i?)b", re.IGNORECASE)


def parse_memory(text: str) -> int:
    """Bytes of `4GiB`, `1.5GB`, `512MiB`. Raises UsageError for anything else."""
    found = SIZE.fullmatch(text.strip())
    size = 0
    if found is not None:
        number, unit, binary = found.groups()
        size = int(float(number) * (1024 if binary else 1000) ** ("kmgt".index(unit.lower()) + 1))
    if size == 0:
        raise UsageError(
            f"--memory {text}: expected a size above 0 with its unit (MB, GB, MiB, GiB)", hint="--memory 4GiB"
        )
    return size


def free_on_host() -> int:
    """Bytes that the system says it can give; a few GB where it does not say."""
    if sys.platform == "win32":
        return _free_on_windows()
    try:
        lines = Path("/proc/meminfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return UNKNOWN
    found = {line.split(":")[0]: line.split()[1] for line in lines}
    return int(found["MemAvailable"]) * 1024 if "MemAvailable" in found else UNKNOWN


def _free_on_windows() -> int:
    """GlobalMemoryStatusEx; the structure is that of winbase.h."""
    import ctypes

    class _Status(ctypes.Structure):
        _fields_ = (
            ("length", ctypes.c_ulong),
            ("load", ctypes.c_ulong),
            *((name, ctypes.c_ulonglong) for name in ("total", "free", *(f"more{i}" for i in range(5)))),
        )

    status = _Status(length=ctypes.sizeof(_Status))
    if not ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status)):  # type: ignore[attr-defined, unused-ignore]
        return UNKNOWN
    return int(status.free)
