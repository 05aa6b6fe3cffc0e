"""Stands between hubkit and a process apart: `python child_keeper.py SECONDS COMMAND...`. Standard library only; not for Windows.

It is started with the environment that the command gets, so the parent that the command can look at holds nothing else. It ends the command, and all
that the command started and left behind, when the time is up, when the command ends, and when hubkit goes away. Exit code: the command's, 128 + the
signal that ended it, 124 when the time was up.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from contextlib import suppress
from types import FrameType

TIMED_OUT = 124
PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
ROUNDS = 100
"""Of looking for descendants: one that starts others while it is being ended gets no further."""


def main(seconds: float, command: list[str]) -> int:
    """Run the command; its exit code."""
    _keep()
    process = subprocess.Popen(command)  # noqa: S603 - hubkit's own runner
    try:
        code = process.wait(seconds)
    except subprocess.TimeoutExpired:
        code = TIMED_OUT
    finally:
        end_all(process)
    return code if code >= 0 else 128 - code


def _keep() -> None:
    """End with hubkit, and (Linux) become the parent of what the command leaves behind."""
    signal.signal(signal.SIGTERM, _stop)
    if sys.platform != "linux":
        return
    with suppress(OSError, AttributeError):
        libc = ctypes.CDLL(None)
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _stop(_: int, __: FrameType | None) -> None:
    raise SystemExit(TIMED_OUT)


def end_all(process: subprocess.Popen[bytes]) -> None:
    """The command, and every descendant: also one in a session of its own, which its parent's end makes a child of this process."""
    with suppress(ProcessLookupError):
        process.kill()
    process.wait()
    for _ in range(ROUNDS):
        children = list(_children())
        if not children:
            return
        for pid in children:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        for pid in children:
            with suppress(ChildProcessError):
                os.waitpid(pid, 0)


def _children() -> list[int]:
    """The processes whose parent is this one; none where there is no /proc of Linux's form."""
    ours = str(os.getpid()).encode()
    try:
        listed = os.listdir("/proc")  # noqa: PTH208 - quick to start
    except OSError:
        return []
    return [int(name) for name in listed if name.isdecimal() and _parent(name) == ours]


def _parent(pid: str) -> bytes | None:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123 - quick to start
            return file.read().rpartition(b")")[2].split()[1]  # after the name, which may hold anything
    except (OSError, IndexError):
        return None


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]), sys.argv[2:]))
