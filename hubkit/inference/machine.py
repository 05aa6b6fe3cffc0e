"""What shapes numbers beside the model: versions of packages, and the machine. Imports torch where it asks for GPUs."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from hubkit.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable

OF_MODELS = ("torch", "transformers", "safetensors", "bitsandbytes", "gguf")
"""The packages that a loaded model's numbers depend on."""


def software(packages: Iterable[str] = OF_MODELS) -> dict[str, str]:
    """Versions of Python and of those `packages` that are installed."""
    found = {"python": platform.python_version()}
    for name in packages:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def hardware() -> str:
    """The system, the processor's cores and memory; of each GPU that torch sees its name, memory, compute capability and driver."""
    import torch

    machine = f"{platform.system()} {platform.release()} {platform.machine()}, {os.cpu_count()} CPU cores"
    gpus = [torch.cuda.get_device_properties(i) for i in range(torch.cuda.device_count())] if torch.cuda.is_available() else []  # fmt: skip
    driver = _driver() if gpus else ""
    told = [
        f"{one.name}, {one.total_memory / 2**30:.0f} GiB, compute capability {one.major}.{one.minor}"
        for one in gpus
    ]
    return "; ".join([machine, *dict.fromkeys(told)]) + (f", driver {driver}" if driver else "")


def check_device(device: str) -> None:
    """Raise UsageError for a device that torch does not have here; the processor is always there."""
    import torch

    try:
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise UsageError(
            f"device {device}: {str(error).splitlines()[0]}", hint="set device: cpu in the study file"
        ) from error


def _driver() -> str:
    """The version of NVIDIA's driver, as its own tool says it; empty where there is none."""
    command = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        found = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)  # noqa: S603 - fixed words
    except (OSError, subprocess.SubprocessError):
        return ""
    return found.stdout.strip().split("\n")[0]
