"""Writing in one step, and the lock that keeps a folder to one Hub at a time."""

from __future__ import annotations

import json
import os
import sys
import uuid
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from hubkit.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO


def write_bytes(path: Path, data: bytes) -> None:
    """Write `data` to a temporary name beside `path`, flush it to disk, then rename."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{uuid.uuid4().hex}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: Path, value: Any) -> None:
    """Write `value` as sorted JSON, UTF-8, `\\n`."""
    text = json.dumps(value, sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    write_bytes(path, text.encode("utf-8"))


def read_json(path: Path) -> Any:
    """What `write_json` wrote."""
    return json.loads(path.read_text(encoding="utf-8"))


@contextmanager
def keeping(folder: Path) -> Iterator[None]:
    """Hold `folder` for this process; the system lets go when the process ends, however it ends. Raises UsageError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise UsageError(f"{folder}: a local Hub needs a folder, this is a file") from error
    with (folder / ".lock").open("a+b") as file:
        try:
            _lock(file)
        except OSError as error:
            raise UsageError(
                f"{folder}: another local Hub already serves this folder",
                hint="stop it first, or give another folder",
            ) from error
        yield


if sys.platform == "win32":
    import msvcrt

    def _lock(file: BinaryIO) -> None:
        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _lock(file: BinaryIO) -> None:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
