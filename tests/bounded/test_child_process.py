"""A process for somebody else's code sees no secret, ends with all that it started, and nobody waits for what holds its pipes."""

from __future__ import annotations

import ctypes
import os
import sys
import threading
import time
from pathlib import Path

import pytest

from hubkit import child_keeper, child_process
from hubkit.child_process import Ended, clean_environment, run_apart

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="sessions and signals of POSIX")
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="/proc of Linux")
SECRET = "s3cret-s3cret"


def run(code: str, scratch: Path, timeout: float = 20.0) -> Ended:
    return run_apart([sys.executable, "-c", code], scratch, clean_environment(scratch), timeout)


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def wait_for(path: Path) -> int:
    until = time.monotonic() + 10
    while time.monotonic() < until:
        if path.is_file() and (text := path.read_text(encoding="ascii")).endswith("\n"):
            return int(text)
        time.sleep(0.02)
    raise AssertionError(f"{path} was not written")


def test_what_it_needs_is_there_and_its_homes_are_in_the_scratch_folder(tmp_path: Path) -> None:
    seen = clean_environment(tmp_path)
    assert seen["PATH"] == os.environ["PATH"]
    for name in ("HOME", "USERPROFILE", "TMPDIR", "TEMP", "HF_HOME", "XDG_CACHE_HOME", "HF_TOKEN_PATH"):
        assert Path(seen[name]).is_relative_to(tmp_path)
    ended = run(
        "import hubkit, pathlib, tempfile; print(pathlib.Path.home()); print(tempfile.gettempdir())", tmp_path
    )
    assert (ended.code, ended.timed_out) == (0, False)
    assert all(Path(line).is_relative_to(tmp_path) for line in ended.output.split())


def test_an_address_passes_without_its_password_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")
    monkeypatch.setenv("HTTP_PROXY", "http://me:hunter2@proxy:3128")
    seen = clean_environment(tmp_path)
    assert (seen["HTTPS_PROXY"], "HTTP_PROXY" in seen) == ("http://proxy:3128", False)


@LINUX
def test_no_ancestor_within_reach_has_a_secret_in_its_environment(tmp_path: Path) -> None:
    """The parent is the keeper, which was started clean. In a process of its own, for the environment of this one was set before."""
    look = (
        "import os\nfor pid in (os.getpid(), os.getppid()):\n"
        "    print(len(open(f'/proc/{pid}/environ', 'rb').read()) > 0, b'"
        + SECRET
        + "' in open(f'/proc/{pid}/environ', 'rb').read())"
    )
    outer = (
        "import sys, pathlib\nfrom hubkit.child_process import run_apart, clean_environment\n"
        f"here = pathlib.Path({str(tmp_path)!r})\n"
        f"ended = run_apart([sys.executable, '-c', {look!r}], here, clean_environment(here), 20)\nprint(ended.output, ended.errors)"
    )
    environment = {**clean_environment(tmp_path), "DEPLOY_KEY": SECRET}
    ended = run_apart([sys.executable, "-c", outer], tmp_path, environment, 30)
    assert ended.output.split() == ["True", "False", "True", "False"], ended.errors


@LINUX
def test_while_it_runs_this_process_is_closed_to_others_of_the_same_user(tmp_path: Path) -> None:
    """`/proc/self` belongs to root while the process is not dumpable, and to the user again after."""
    libc = ctypes.CDLL(None)
    seen: list[int] = []
    thread = threading.Thread(target=lambda: run("import time; time.sleep(1)", tmp_path))
    thread.start()
    until = time.monotonic() + 5
    while time.monotonic() < until and not seen:
        seen += [1] if libc.prctl(3, 0, 0, 0, 0) == 0 else []
        time.sleep(0.02)
    thread.join()
    assert seen
    assert libc.prctl(3, 0, 0, 0, 0) == 1


@LINUX
@pytest.mark.parametrize("ends", ["in time", "late"])
@pytest.mark.parametrize("session", ["False", "True"])
def test_what_it_started_ends_with_it_and_nobody_waits_for_its_pipes(
    tmp_path: Path, ends: str, session: str
) -> None:
    """A grandchild with the pipes in its hands, in the same session and in one of its own."""
    pid_file = tmp_path / "pid"
    inner = (
        f"import os, time; open({str(pid_file)!r}, 'w').write(str(os.getpid()) + chr(10)); time.sleep(600)"
    )
    code = (
        f"import subprocess, sys, time, os\nsubprocess.Popen([sys.executable, '-c', {inner!r}], start_new_session={session})\n"
        f"while not os.path.exists({str(pid_file)!r}): time.sleep(0.01)\nprint('said', flush=True)\n"
        + ("time.sleep(600)" if ends == "late" else "")
    )
    begun = time.monotonic()
    ended = run(code, tmp_path, timeout=3.0)
    assert time.monotonic() - begun < 3.0 + 4.0
    assert ended.timed_out is (ends == "late")
    assert ended.output.strip() == "said"
    assert not alive(wait_for(pid_file))


@LINUX
def test_one_that_daemonizes_twice_is_found(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    code = (
        "import os, time\n"
        "if os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n        os.setsid()\n"
        f"        open({str(pid_file)!r}, 'w').write(str(os.getpid()) + chr(10))\n        time.sleep(600)\n    os._exit(0)\n"
        f"while not os.path.exists({str(pid_file)!r}): time.sleep(0.01)\n"
    )
    ended = run(code, tmp_path)
    assert ended.code == 0
    assert not alive(wait_for(pid_file))


@POSIX
def test_codes_and_signals_are_passed_on(tmp_path: Path) -> None:
    assert run("raise SystemExit(7)", tmp_path).code == 7
    assert run("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", tmp_path).code == -11
    ended = run("raise SystemExit(124)", tmp_path)
    assert (ended.code, ended.timed_out) == (124, False)


def test_the_keeper_and_the_caller_mean_the_same_by_a_time_that_is_up() -> None:
    assert child_process.TIMED_OUT == child_keeper.TIMED_OUT


def test_output_without_end_is_read_and_cut(tmp_path: Path) -> None:
    ended = run(
        "import sys\nfor _ in range(300): sys.stdout.write('x' * 100_000)\nprint('the end')", tmp_path
    )
    assert ended.output.endswith("the end\n")
    assert len(ended.output) == child_process.KEPT


@POSIX
def test_a_pipe_that_stays_open_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where descendants cannot be found (no /proc), one in its own session keeps the pipe: its output is left, its end not awaited."""
    monkeypatch.setattr(child_process, "KEEPER", tmp_path / "keeper.py")
    source = Path(child_keeper.__file__).read_text(encoding="utf-8").replace('os.listdir("/proc")', "[]")
    (tmp_path / "keeper.py").write_text(source, encoding="utf-8")
    inner = "import time; time.sleep(8)"
    code = f"import subprocess, sys\nsubprocess.Popen([sys.executable, '-c', {inner!r}], start_new_session=True)\nprint('said')"
    begun = time.monotonic()
    ended = run(code, tmp_path)
    assert time.monotonic() - begun < 6
    assert (ended.code, ended.output.strip()) == (0, "said")
