"""Run in a process of its own: one torch file to one safetensors file, by torch's restricted unpickler.

`python -m hubkit.fix.unpickle SOURCE TARGET`. Prints nothing; a failure is one line on stderr and a status of 1.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from hubkit.errors import INSTALL_TRAIN

GIB = 1 << 30
ADDRESS_SPACE = 24 * GIB
"""Bytes on top of the file's own size: torch's libraries alone map several GiB."""
PROCESSOR_SECONDS = 600
NESTED = ("state_dict", "model_state_dict", "sae")
"""Where training scripts put the tensors when the file holds more than them."""


def limit(size: int) -> None:
    """Bound memory, processor time and file size, where the platform can (POSIX)."""
    if sys.platform == "win32":
        return
    import resource

    for kind, value in (
        (resource.RLIMIT_AS, ADDRESS_SPACE + 6 * size),
        (resource.RLIMIT_CPU, PROCESSOR_SECONDS),
        (resource.RLIMIT_FSIZE, 2 * size + (1 << 20)),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(kind)[1]
        ceiling = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (ceiling, hard))


def state_dict(loaded: Any) -> dict[str, Any]:
    """The tensors by name. Raises ValueError where the file holds anything else."""
    import torch

    if isinstance(loaded, dict):
        for key in NESTED:
            if isinstance(loaded.get(key), dict):
                return state_dict(loaded[key])
        others = sorted(
            str(key)
            for key, value in loaded.items()
            if not isinstance(value, torch.Tensor) or not isinstance(key, str)
        )
        if loaded and not others:
            return dict(loaded)
        raise ValueError(f"the file holds more than tensors by name: {', '.join(others[:5]) or 'nothing'}")
    raise ValueError(f"the file holds a {type(loaded).__name__}, expected tensors by name")


def convert(source: Path, target: Path) -> None:
    """Write `target` and prove, after opening it again, that every tensor has the same dtype, shape and bits."""
    import torch
    from safetensors.torch import load_file, save_file

    loaded = torch.load(source, map_location="cpu", weights_only=True, mmap=True)
    tensors = {
        name: value.detach().clone(memory_format=torch.contiguous_format)
        for name, value in state_dict(loaded).items()
    }
    save_file(tensors, target)
    again = load_file(target)
    for name, value in tensors.items():
        other = again.get(name)
        same = other is not None and other.dtype == value.dtype and other.shape == value.shape
        if not same or not torch.equal(_bits(value), _bits(again[name])):
            raise ValueError(f"{name} is not the same after it was written")
    if again.keys() != tensors.keys():
        raise ValueError("the written file has other tensors")


def _bits(value: Any) -> Any:
    import torch

    return value.reshape(-1).view(torch.uint8)  # NaN equals itself only as bits


def main() -> int:
    """0, or 1 with the reason on stderr."""
    source, target = Path(sys.argv[1]), Path(sys.argv[2])
    try:
        limit(source.stat().st_size)
        convert(source, target)
    except ImportError as error:
        reason = f"{error.name} is not installed: {INSTALL_TRAIN}"
    except Exception as error:  # noqa: BLE001 - whatever torch stumbles over is this file's fault, and this process ends here
        reason = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
    else:
        return 0
    sys.stderr.write(reason + "\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
