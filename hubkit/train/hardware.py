"""On what an SAE was trained, in words."""

from __future__ import annotations

import platform
from functools import cache
from pathlib import Path

from hubkit.errors import UsageError


@cache
def hardware(device: str) -> str:
    """The name of the processor, or of the GPU that `device` (`cuda`, `cuda:1`) is."""
    if device.startswith("cuda"):
        import torch

        return str(torch.cuda.get_device_name(device))
    return _processor() or platform.machine()


def check_device(device: str) -> None:
    """Raise UsageError for a device that torch does not have here; the processor is always there, and torch is not asked."""
    if device == "cpu":
        return
    import torch

    try:
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise UsageError(f"--device {device}: {str(error).splitlines()[0]}", hint="--device cpu") from error


def _processor() -> str:
    """Linux keeps the processor's name where `platform` does not look."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor())
