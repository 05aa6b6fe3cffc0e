"""Small files that a person wrote, read so that nothing can hang or fill the memory: regular files only, up to a size."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

MOST = 1 << 20
"""Bytes: configurations and cards are far smaller."""
KINDS = (
    (stat.S_ISDIR, "a folder"), (stat.S_ISFIFO, "a pipe"), (stat.S_ISCHR, "a device"), (stat.S_ISBLK, "a device"), (stat.S_ISSOCK, "a socket"),
)  # fmt: skip


def instead_of_file(path: Path) -> str | None:
    """What lies at `path` where it is no file that can be read: `a folder`, `a pipe`, a link that leads nowhere. None for a file, and where nothing lies."""
    try:
        found = path.lstat().st_mode if path.is_symlink() and not path.exists() else path.stat().st_mode
    except (OSError, RuntimeError):  # nothing there, or a loop of links
        return "a link that leads nowhere" if path.is_symlink() else None
    if stat.S_ISREG(found):
        return None
    return next((words for fits, words in KINDS if fits(found)), "a link that leads nowhere")


def read_regular(path: Path, most: int = MOST) -> bytes:
    """The bytes of `path`. Raises OSError, with words in `strerror` for what is no regular file and for one of more than `most` bytes."""
    with _opened(path, most) as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise _too_long(path, len(data), most)
    return data


def regular_lines(path: Path, most: int, longest: int) -> Iterator[bytes]:
    """The lines of `path`, without their ends, one at a time; of a line of more than `longest` bytes so many and one more. Raises OSError as `read_regular`."""
    with _opened(path, most) as file:
        while line := file.readline(longest + 1):
            ended = line.endswith(b"\n")
            yield line.rstrip(b"\n")
            while not ended and (rest := file.readline(MOST)):
                ended = rest.endswith(b"\n")


@contextmanager
def _opened(path: Path, most: int) -> Iterator[BinaryIO]:
    """`path` to be read. Raises OSError as `read_regular`."""
    # Without O_NONBLOCK the opening of a pipe waits for somebody who writes into it.
    flags = (
        os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
    )
    if path.is_dir():  # Windows opens no folder, and says "permission denied"
        raise OSError(errno.EISDIR, "a folder, expected a file", str(path))
    handle = os.open(path, flags)
    with os.fdopen(handle, "rb") as file:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode):
            kind = next((words for fits, words in KINDS if fits(found.st_mode)), "no plain file")
            raise OSError(errno.EINVAL, f"{kind}, expected a regular file", str(path))
        if found.st_size > most:
            raise _too_long(path, found.st_size, most)
        yield file


def _too_long(path: Path, size: int, most: int) -> OSError:
    return OSError(errno.EFBIG, f"{size:,} bytes, expected at most {most:,}", str(path))


def read_regular_text(path: Path, most: int = MOST) -> str:
    """The same as UTF-8. Raises OSError, UnicodeDecodeError."""
    return read_regular(path, most).decode("utf-8")
