"""A process for code that is not ours: what it may see of this one, how long it may take, and what is kept of its output.

A limit against accidents and against code that looks for tokens where they usually lie. No sandbox: the code runs as the user and can read
what the user can read.
"""

from __future__ import annotations

import os
import signal
import site
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

KEPT = 16_000
"""Characters of output that are kept, the last ones."""
GRACE = 5.0
"""Seconds that the keeper has to end everything, before it is ended itself."""
DRAIN = 1.0
"""Seconds for the last output. A process that was left behind may hold a pipe open for ever: nobody waits for it."""
KEEPER = Path(__file__).with_name("child_keeper.py")
PASSED = frozenset(
    """
    PATH LANG LANGUAGE LC_ALL LC_CTYPE LC_MESSAGES LC_NUMERIC TZ TERM
    SYSTEMROOT SYSTEMDRIVE WINDIR COMSPEC PATHEXT NUMBER_OF_PROCESSORS PROCESSOR_ARCHITECTURE PROCESSOR_IDENTIFIER
    LD_LIBRARY_PATH DYLD_LIBRARY_PATH DYLD_FALLBACK_LIBRARY_PATH
    PYTHONPATH PYTHONHOME PYTHONHASHSEED PYTHONDONTWRITEBYTECODE PYTHONNOUSERSITE VIRTUAL_ENV CONDA_PREFIX
    SSL_CERT_FILE SSL_CERT_DIR REQUESTS_CA_BUNDLE CURL_CA_BUNDLE
    OMP_NUM_THREADS MKL_NUM_THREADS OPENBLAS_NUM_THREADS NUMEXPR_NUM_THREADS CUDA_VISIBLE_DEVICES CUDA_HOME CUDA_PATH
    """.split()  # noqa: SIM905 - a list of this length is read as a text
)
"""Variables that a process gets. Everything else stays here: nobody knows the names of all secrets."""
ADDRESSES = frozenset({"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "HF_ENDPOINT"})
"""Passed too, unless there is a name or a password in the address."""


@dataclass(frozen=True)
class Ended:
    """How the process ended."""

    code: int
    """Exit code; negative for a signal on POSIX."""
    timed_out: bool
    output: str
    errors: str


def clean_environment(scratch: Path, more: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a process apart: an allow-list, every home and cache in `scratch`, no login. `more` is laid over it."""
    home = scratch / "home"
    home.mkdir(parents=True, exist_ok=True)
    found = {name: value for name, value in os.environ.items() if name.upper() in PASSED}
    found |= {
        name: value for name, value in os.environ.items() if name.upper() in ADDRESSES and "@" not in value
    }
    places = (
        "HOME",
        "USERPROFILE",
        "APPDATA",
        "LOCALAPPDATA",
        "XDG_CACHE_HOME",
        "XDG_CONFIG_HOME",
        "XDG_DATA_HOME",
        "TMPDIR",
        "TEMP",
        "TMP",
    )
    ours = str(Path(__file__).parents[1])
    found |= dict.fromkeys(places, str(home)) | {
        "HF_HOME": str(scratch / "hf"),
        "HF_TOKEN_PATH": str(scratch / "no-token"),
        "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "PYTHONIOENCODING": "utf-8",
        "PYTHONPATH": os.pathsep.join(filter(None, [ours, found.get("PYTHONPATH")])),
    }
    if site.ENABLE_USER_SITE:  # packages that were installed with --user lie in the home that is hidden
        found["PYTHONUSERBASE"] = site.getuserbase()
    return found | dict(more or {})


def run_apart(command: list[str], folder: Path, environment: Mapping[str, str], timeout: float) -> Ended:
    """Run `command` in `folder` for at most `timeout` seconds; then it and everything that it started is ended.

    On POSIX a keeper stands between: a small process that was itself started with `environment`, so that the parent which the code can see
    holds no secret. On Linux this process also refuses to be read through /proc meanwhile (root with CAP_SYS_PTRACE can all the same).
    """
    keeper = [] if sys.platform == "win32" else [sys.executable, "-S", "-E", str(KEEPER), str(timeout)]
    with _unreadable():
        process = subprocess.Popen(  # noqa: S603 - our own runners
            [*keeper, *command], cwd=folder, env=dict(environment), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            bufsize=0, start_new_session=sys.platform != "win32", creationflags=_new_group(),
        )  # fmt: skip
        tails = [_Tail(stream.fileno()) for stream in (process.stdout, process.stderr) if stream is not None]
        begun = time.monotonic()
        try:
            process.wait(timeout + (GRACE if keeper else 0.0))
            timed_out = False
        except subprocess.TimeoutExpired:
            timed_out = True
        finally:
            _end(process)
            for stream in (process.stdout, process.stderr):
                if stream is not None:
                    stream.close()
    output, errors = (tail.end() for tail in tails)
    code = process.returncode
    if keeper and code == TIMED_OUT and time.monotonic() - begun >= timeout:
        return Ended(-signal.SIGKILL, True, output, errors)
    # The keeper passes a signal on as a shell does.
    return Ended(128 - code if keeper and code > 128 else code, timed_out, output, errors)


TIMED_OUT = 124
"""The keeper's exit code where the time was up, as that of `timeout`."""


def run_module(
    module: str, arguments: list[str], folder: Path, environment: Mapping[str, str], timeout: float
) -> Ended:
    """`python -m module arguments`, apart."""
    return run_apart([sys.executable, "-m", module, *arguments], folder, environment, timeout)


def most_memory() -> int | None:
    """Four fifths of this machine's memory in bytes; None where the system does not say."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") * 4 // 5
    except (AttributeError, ValueError, OSError):
        return None


def _new_group() -> int:
    if sys.platform == "win32":
        return subprocess.CREATE_NEW_PROCESS_GROUP
    return 0


def _end(process: subprocess.Popen[bytes]) -> None:
    """The process, and what it started: by its group on POSIX, by its tree on Windows."""
    if sys.platform == "win32":
        if process.poll() is None:
            with suppress(OSError, subprocess.TimeoutExpired):
                taskkill = Path(os.environ.get("SYSTEMROOT", r"C:\Windows")) / "System32" / "taskkill.exe"
                command = [str(taskkill), "/T", "/F", "/PID", str(process.pid)]
                subprocess.run(command, capture_output=True, timeout=GRACE, check=False)  # noqa: S603 - the system's own
            process.kill()
    else:
        with suppress(ProcessLookupError, PermissionError):  # nobody is left
            os.killpg(process.pid, signal.SIGKILL)
        with suppress(ProcessLookupError):
            process.kill()
    process.wait()


class _Reading:
    """How many processes apart run now: while there is one, this process cannot be read through /proc."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.count = 0

    def change(self, by: int) -> None:
        """One more, or one less."""
        with self.lock:
            before, self.count = self.count, self.count + by
            if (before == 0) != (self.count == 0):
                _set_dumpable(self.count == 0)


_READING = _Reading()


@contextmanager
def _unreadable() -> Iterator[None]:
    """While this lasts, processes of the same user cannot read this one's environment and memory. Linux only."""
    _READING.change(1)
    try:
        yield
    finally:
        _READING.change(-1)


def _set_dumpable(value: bool) -> None:
    """`prctl(PR_SET_DUMPABLE)`: https://man7.org/linux/man-pages/man2/PR_SET_DUMPABLE.2const.html"""
    if sys.platform != "linux":
        return
    import ctypes  # ten milliseconds that most commands need not pay

    with suppress(OSError, AttributeError):  # another libc: then only the keeper protects
        ctypes.CDLL(None).prctl(4, int(value), 0, 0, 0)


class _Tail:
    """Reads a pipe to its end in a thread, and keeps the last of it."""

    def __init__(self, handle: int) -> None:
        self._handle = os.dup(handle)
        self._data = b""
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        with suppress(OSError):
            while block := os.read(self._handle, 1 << 16):
                self._data = (self._data + block)[-4 * KEPT :]
        os.close(self._handle)

    def end(self) -> str:
        self._thread.join(DRAIN)
        text = self._data.decode("utf-8", "replace")
        return text.replace("\r\n", "\n")[-KEPT:]
