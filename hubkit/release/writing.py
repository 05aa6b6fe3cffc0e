"""Writing so that nothing is ever half there: a temporary name in the same folder, flushed, then renamed.

UTF-8 and `\\n` on every platform; JSON is strict (NaN is refused), sorted and indented, so the same content is the same bytes.
"""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import tempfile
import uuid
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hubkit.errors import HubkitError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator


OF_THE_DISK = (
    {errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG} if os.name == "posix" else {errno.ENOSPC, errno.EIO}
)
"""What no other name for the file helps against."""
IN_WORDS = re.compile(r"\(os error (\d+)\)")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; when the block ends well the file there becomes `path`, else it is removed.

    For writers that want a file name of their own (safetensors, parquet). A file that was at `path` stays until the new one is whole. Raises OSError,
    also where a pipe or a device is: a rename would replace it.
    """
    if is_special(path):
        raise OSError(errno.EINVAL, "a pipe or a device, expected a regular file", str(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.tmp")
    try:
        with naming(path):
            yield temporary
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Say which file it was, where the machine refuses to write it: a full disk is an OSError without a name for Python's `write` and Arrow's,
    and an error of their own for writers in Rust (safetensors), which have the number in their words."""
    try:
        yield
    except OSError as error:
        if error.errno is None or error.filename is not None:
            raise
        raise OSError(error.errno, os.strerror(error.errno), str(path)) from error
    except Exception as error:
        found = IN_WORDS.search(str(error))
        if found is None or type(error).__name__ != "SafetensorError":
            raise
        code = int(found[1])
        if os.name == "nt":  # the number is Windows' own
            raise OSError(0, str(error), str(path), code) from error
        raise OSError(code, os.strerror(code), str(path)) from error


def is_special(path: Path) -> bool:
    """Whether a pipe, a device or a socket is at `path`."""
    return path.exists() and not path.is_file() and not path.is_dir()


@contextmanager
def answering(path: Path) -> Iterator[Path]:
    """As `replacing`, for the file that a person named for an answer: what is written is sent into a pipe or a device that is there.

    Raises UsageError where nothing can be written; OSError where the disk is full or fails.
    """
    try:
        if not is_special(path):
            with replacing(path) as temporary:
                yield temporary
            return
        with tempfile.TemporaryDirectory(prefix="hubkit-write-") as folder:
            temporary = Path(folder) / "content"
            yield temporary
            with temporary.open("rb") as source, path.open("wb") as target:
                shutil.copyfileobj(source, target)
    except OSError as error:
        if error.errno in OF_THE_DISK:
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise UsageError(f"{path}: cannot be written: {error.strerror}") from error


def write_bytes(path: Path, data: bytes) -> None:
    """Write `data` to `path` in one step."""
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def keep_or_write(path: Path, text: str) -> bool:
    """Write `text` as `write_text` does unless the file holds just that; True when it was written."""
    data = text.replace("\r\n", "\n").encode("utf-8")
    if path.is_file() and path.read_bytes() == data:
        return False
    write_bytes(path, data)
    return True


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8 with `\\n` line ends."""
    write_bytes(path, text.replace("\r\n", "\n").encode("utf-8"))


def to_json(value: Any, indent: int | None = 2) -> str:
    """Strict JSON, keys sorted, indented by two or compact, ending in a newline. Raises HubkitError on NaN and infinity."""
    separators = (",", ":") if indent is None else None
    try:
        return (
            json.dumps(
                value,
                indent=indent,
                separators=separators,
                sort_keys=True,
                ensure_ascii=False,
                allow_nan=False,
            )
            + "\n"
        )
    except ValueError as error:
        raise HubkitError(
            f"a value that JSON cannot hold (NaN or infinity): {error}",
            hint="write it as null and say why in `reason`",
        ) from error


def to_json_rows(value: dict[str, Any]) -> str:
    """Strict JSON with sorted keys, one line for each key and for each item of a list there: half the bytes of the indented form, and a diff
    still shows what changed. For files that others fetch whole."""

    def compact(part: Any) -> str:
        return to_json(part, indent=None).rstrip("\n")

    lines = []
    for key in sorted(value):
        part = value[key]
        rows = ",\n".join(compact(item) for item in part) if isinstance(part, list) else ""
        lines.append(f"{compact(key)}:" + (f"[\n{rows}\n]" if rows else compact(part)))
    return "{\n" + ",\n".join(lines) + "\n}\n"


def write_json(path: Path, value: Any) -> None:
    """Write `value` as strict, sorted JSON."""
    write_text(path, to_json(value))
