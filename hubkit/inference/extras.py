"""Packages that only some models and precisions need. Torch-free."""

from __future__ import annotations

from importlib.util import find_spec

from hubkit.errors import INSTALL_QUANT, UsageError


def needed(package: str, what: str) -> None:
    """Raise UsageError that says how to install `package` where it is not there; nothing is imported."""
    if find_spec(package) is None:
        raise UsageError(f"{what} needs the package {package}, which is not installed", hint=INSTALL_QUANT)
