"""stdout and stderr as a command has them: a failure to write is an error of ours, told once, and never a traceback at the end."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from collections.abc import Iterator
from typing import Any

from hubkit.errors import OutputError

GONE = {errno.EPIPE, errno.ESHUTDOWN, errno.EINVAL if sys.platform == "win32" else errno.EPIPE}
"""Windows says EINVAL where a pipe has no reader."""


class _Guard:
    """A stream; everything but writing is the stream's own."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """As the stream's. Raises OutputError."""
        with self._told():
            return int(self._stream.write(text))

    def writelines(self, lines: Any) -> None:
        """As the stream's. Raises OutputError."""
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        """As the stream's. Raises OutputError."""
        with self._told():
            self._stream.flush()

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError) as error:  # ValueError: it was closed
            number = error.errno if isinstance(error, OSError) else None
            why = error.strerror if isinstance(error, OSError) else "it is closed"
            raise OutputError(
                f"the answer could not be written to stdout: {why}",
                "--output FILE, where the verb has it",
                gone=number in GONE,
            ) from error


class _Quiet(_Guard):
    """For stderr: talk that nobody can hear is no failure."""

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        with contextlib.suppress(OSError, ValueError):
            yield

    def write(self, text: str) -> int:
        """As the stream's, or nothing."""
        with self._told():
            self._stream.write(text)
        return len(text)


class _Closed:
    """Stands for a stream that was closed before the program began (`>&-`)."""

    encoding = "utf-8"
    errors = "replace"
    closed = False

    def write(self, _: str) -> int:
        """Raises ValueError."""
        raise ValueError

    def flush(self) -> None:
        """Nothing to do."""

    def isatty(self) -> bool:
        """No."""
        return False

    def fileno(self) -> int:
        """Raises OSError."""
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))


@contextlib.contextmanager
def guarded() -> Iterator[None]:
    """While this lasts, stdout raises OutputError and stderr keeps quiet; at the end what is left is written."""
    out, err = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = _Guard(out or _Closed()), _Quiet(err or _Closed())
    try:
        yield
        sys.stdout.flush()
    finally:
        sys.stdout, sys.stderr = out, err


def let_go() -> None:
    """Point stdout at nothing: what is left in its buffer would fail once more when the interpreter ends, with a traceback."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, sys.stdout.fileno())
        os.close(nothing)
