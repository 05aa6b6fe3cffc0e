"""Writing what was proven: everything beside its place first, read back and compared, then renamed, one file after the other.

Killed at any moment, every file is the old one or the new one, whole. The files of one fix are renamed in the order of `Fix.steps`: new files, then
cfg.json, then weights. Every state between is one that was proven on its own (the fixes are proven one after the other, each on what those
before it made), but for THR001, whose half-way state SAELens refuses and the next run completes: `weights.jumprelu_without_thresholds`.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from hubkit.errors import HubkitError, IncompleteError
from hubkit.release.digests import sha256_of_file
from hubkit.tensors.safetensors import read_header

if TYPE_CHECKING:
    from hubkit.fix.content import Content

ENDING = "hubkit-fix"
LEFTOVER = re.compile(rf"\..+\.[0-9a-f]{{8}}\.{ENDING}")
HASHED = 1 << 20
"""Bytes: smaller files are known by their digest, larger ones by size and time of change."""


class ChangedError(HubkitError):
    """A file is not what it was when the fix was planned: it is left alone."""


@dataclass(frozen=True)
class Signature:
    """What a file was when it was read; None everywhere: it was not there."""

    size: int | None = None
    changed_ns: int | None = None
    digest: str | None = None


def signature(path: Path) -> Signature:
    """Of the file at `path` now."""
    try:
        found = path.stat()
        if found.st_size <= HASHED:
            return Signature(found.st_size, None, sha256_of_file(path))
    except FileNotFoundError:
        return Signature()
    return Signature(found.st_size, found.st_mtime_ns)


def replace_files(
    root: Path, steps: tuple[tuple[str, Content], ...], sources: Mapping[str, Signature]
) -> None:
    """Carry out `steps` below `root`, if the files in `sources` are still what they were.

    Raises ChangedError when one is not, and IncompleteError when the disk does not give back what was written; nothing is replaced then.
    """
    folders = {(root / path).parent for path, _ in steps}
    begun = [folder for folder in folders if not folder.exists()]
    for folder in folders:
        _sweep(folder)
    written: list[tuple[Path, Path]] = []
    try:
        for path, content in steps:
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            written.append((_beside(root / path), root / path))
            _write(written[-1][0], content)
            _check(written[-1][0], path)
        for path, before in sources.items():
            if signature(root / path) != before:
                raise ChangedError(
                    f"{path}: the file changed since the fix was planned; nothing was replaced",
                    hint="run it again",
                )
        for temporary, target in written:
            if target.exists():
                shutil.copymode(target, temporary)
            temporary.replace(target)
            _settle(target.parent)
    except OSError as error:
        raise IncompleteError(
            f"{root}: a file cannot be written: {error.strerror}", hint="check space and permissions"
        ) from error
    finally:
        for temporary, _ in written:
            temporary.unlink(missing_ok=True)
        for folder in begun:  # one that holds nothing was made for nothing
            with suppress(OSError):
                folder.rmdir()


def _beside(target: Path) -> Path:
    return target.with_name(f".{target.name}.{uuid4().hex[:8]}.{ENDING}")


def _write(temporary: Path, content: Content) -> None:
    """Write, flush to the disk, and compare what the disk gives back."""
    digest = hashlib.sha256()
    with temporary.open("wb") as file:
        for block in content.blocks():
            digest.update(block)
            file.write(block)
        file.flush()
        os.fsync(file.fileno())
    if sha256_of_file(temporary) != digest.hexdigest():
        raise IncompleteError(f"{temporary}: the disk gave back other bytes than were written")


def _check(temporary: Path, path: str) -> None:
    """Weights must open by the strict rules of the container. Raises HeaderError."""
    if not path.endswith(".safetensors"):
        return
    from hubkit.repo.local import LocalView

    read_header(LocalView(name=str(temporary.parent), root=temporary.parent), temporary.name)


def _sweep(folder: Path) -> None:
    """Remove what a killed run left. A run that is still at work loses its file and stops; nothing is lost of the SAE."""
    for path in folder.iterdir() if folder.is_dir() else ():
        if LEFTOVER.fullmatch(path.name):
            with suppress(OSError):
                path.unlink()


def _settle(folder: Path) -> None:
    """Make the rename itself last, where a folder can be flushed (POSIX)."""
    if sys.platform == "win32":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
