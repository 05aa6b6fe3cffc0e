"""A process for somebody else's code: what it may see, how long and how large it may get, and what is kept of its output.

A limit against accidents, not a sandbox: the code runs as the user and can read what the user can read.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import hubkit

KEPT = 16_000
"""Characters of output that are kept, the last ones."""
SECRET = re.compile(r"TOKEN|SECRET|PASSW|API_?KEY|CREDENTIAL|PRIVATE_KEY", re.IGNORECASE)
OFFLINE = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_DATASETS_OFFLINE")


@dataclass(frozen=True)
class Ended:
    """How the process ended."""

    code: int
    """Exit code; negative for a signal on POSIX."""
    timed_out: bool
    output: str
    errors: str


def run_module(
    module: str, arguments: list[str], folder: Path, environment: dict[str, str], timeout: float
) -> Ended:
    """`python -m module arguments` in `folder`, for at most `timeout` seconds; then it and what it started are killed."""
    with subprocess.Popen(  # noqa: S603 - our own runner
        [sys.executable, "-m", module, *arguments],
        cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8",
        errors="replace", start_new_session=os.name == "posix",
    ) as process:  # fmt: skip
        tails = [_Tail(stream) for stream in (process.stdout, process.stderr) if stream is not None]
        try:
            process.wait(timeout)
            timed_out = False
        except subprocess.TimeoutExpired:
            timed_out = True
        finally:
            _kill(process)
        texts = [tail.end() for tail in tails]
    return Ended(process.returncode, timed_out, *texts)


def environment(scratch: Path, endpoint: str | None) -> dict[str, str]:
    """That of this process without its secrets. With `endpoint` every client asks that Hub, with a cache of its own and no token.

    Without one the code is a reader's: the real Hub, the user's cache and login.
    """
    found = {
        name: value
        for name, value in os.environ.items()
        if not SECRET.search(name) or (endpoint is None and name == "HF_TOKEN")
    }
    found |= {
        "PYTHONIOENCODING": "utf-8",
        "PYTHONPATH": os.pathsep.join(filter(None, [str(Path(hubkit.__file__).parents[1]), found.get("PYTHONPATH")])),
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "MPLBACKEND": "agg",
    }  # fmt: skip
    if endpoint is not None:
        for name in OFFLINE:
            found.pop(name, None)
        found |= {
            "HF_ENDPOINT": endpoint,
            "HF_HOME": str(scratch / "hf"),
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_ETAG_TIMEOUT": "60",  # the Hub shares this machine with the code
            "HF_HUB_DOWNLOAD_TIMEOUT": "60",
            "HF_TOKEN_PATH": str(scratch / "token"),
        }
        for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "TRANSFORMERS_CACHE"):
            found.pop(name, None)
    return found


def most_memory() -> int | None:
    """Four fifths of this machine's memory in bytes; None where the system does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") * 4 // 5
    except (AttributeError, ValueError, OSError):
        return None


def _kill(process: subprocess.Popen[str]) -> None:
    """The process, and on POSIX its whole group: a child that was left behind would keep the pipes open."""
    if sys.platform == "win32":
        process.kill()
        return
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):  # nobody is left
        process.kill()


class _Tail:
    """Reads a stream to its end in a thread, and keeps the last of it."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._text = ""
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        while block := self._stream.read(4096):
            self._text = (self._text + block)[-KEPT:]

    def end(self) -> str:
        self._thread.join(10)
        return self._text
