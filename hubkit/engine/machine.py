"""What shapes numbers beside model and data, in words: the machine, and the versions of packages."""

from __future__ import annotations

import os
import platform
import subprocess
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from hubkit.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable


def software(packages: Iterable[str]) -> dict[str, str]:
    """Versions of Python and of those `packages` that are installed."""
    found = {"python": platform.python_version()}
    for name in packages:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


@cache
def hardware(device: str) -> str:
    """What `device` (`cpu`, `cuda`, `cuda:1`) is, and the system: of a processor its name and cores, of a GPU all of `gpu`."""
    if device.startswith("cuda"):
        return f"{gpu(device)}, {system()}"
    return f"{_processor() or platform.machine()}, {os.cpu_count()} cores, {system()}"


def machine() -> str:
    """The system, the processor's cores, and every GPU that torch sees, each kind once."""
    import torch

    cuda = torch.cuda.is_available()
    gpus = [gpu(f"cuda:{i}") for i in range(torch.cuda.device_count())] if cuda else []
    return "; ".join([f"{system()} {platform.machine()}, {os.cpu_count()} CPU cores", *dict.fromkeys(gpus)])


def gpu(device: str) -> str:
    """`NVIDIA H100, 80 GiB, compute capability 9.0, driver 550.54.15`: the driver where its own tool says it."""
    import torch

    one = torch.cuda.get_device_properties(device)
    told = [one.name, f"{one.total_memory / 2**30:.0f} GiB", f"compute capability {one.major}.{one.minor}"]
    return ", ".join([*told, *(f"driver {driver}" for driver in [_driver()] if driver)])


def system() -> str:
    """`Linux 6.1.0`, `Windows 11`."""
    return f"{platform.system()} {platform.release()}"


@cache
def _driver() -> str:
    """The version of NVIDIA's driver, as its own tool says it; empty where there is none."""
    command = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        found = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)  # noqa: S603 - fixed words
    except (OSError, subprocess.SubprocessError):
        return ""
    return found.stdout.strip().split("\n")[0]


def check_device(device: str) -> None:
    """Raise UsageError for a device that torch does not have here; the processor is always there, and torch is not asked."""
    if device == "cpu":
        return
    import torch

    try:
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise UsageError(
            f"device {device}: {str(error).splitlines()[0]}",
            hint="--device cpu, or device: cpu in the study file",
        ) from error


def _processor() -> str:
    """Linux keeps the processor's name where `platform` does not look."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor())
