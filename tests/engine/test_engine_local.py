from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from hubkit.engine.events import Event, Progress
from hubkit.engine.local import Local
from hubkit.engine.work import Unit


def process_of(payload: int, report: Progress) -> int:
    return os.getpid()


def finish_first(payload: tuple[str, int], report: Progress) -> int:
    if payload[1]:
        time.sleep(60)
    (Path(payload[0]) / str(payload[1])).touch()
    return payload[1]


def interrupt(payload: int, report: Progress) -> int:
    raise KeyboardInterrupt


def killed_by_someone(payload: tuple[str, int], report: Progress) -> int:
    """Leaves its process number, and waits to be killed the first time."""
    mark = Path(payload[0])
    if payload[1] == 0 and not mark.exists():
        mark.write_text(str(os.getpid()), encoding="utf-8")
        report(Event("ready", 0, 1, mark.read_text(encoding="utf-8")))
        time.sleep(60)
    return payload[1]


def test_a_killed_worker_is_replaced_and_its_unit_done(tmp_path: Path) -> None:
    def kill(event: Event) -> None:
        if event.stage == "ready":
            os.kill(int(event.text), getattr(signal, "SIGKILL", signal.SIGTERM))

    units = [Unit(f"u{i}", (str(tmp_path / "pid"), i)) for i in range(3)]
    started = time.monotonic()
    results = Local(2).run(units, killed_by_someone, report=kill)
    assert results.done == {"u0": 0, "u1": 1, "u2": 2}
    assert time.monotonic() - started < 30


DRIVER = """
import sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from test_engine_local import slow_and_telling
from hubkit.engine.local import Local
from hubkit.engine.work import Unit

if __name__ == "__main__":
    Local(2).run([Unit(f"u{i}", (sys.argv[1], i)) for i in range(6)], slow_and_telling)
"""


def slow_and_telling(payload: tuple[str, int], report: Progress) -> int:
    """Says where it is every tenth of a second; the first unit ends at once."""
    folder = Path(payload[0])
    (folder / f"{payload[1]}.pid").write_text(str(os.getpid()), encoding="utf-8")
    for _ in range(0 if payload[1] == 0 else 300):
        time.sleep(0.1)
        report(Event("slow", 0, 1))
    (folder / f"{payload[1]}.done").touch()
    return payload[1]


def running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except (OSError, FileNotFoundError):
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="looks at processes the way Linux shows them")
def test_workers_end_when_their_driver_is_killed(tmp_path: Path) -> None:
    (tmp_path / "driver.py").write_text(DRIVER, encoding="utf-8")
    driver = subprocess.Popen(
        [sys.executable, str(tmp_path / "driver.py"), str(tmp_path), str(Path(__file__).parent)]
    )
    try:
        wait_for(lambda: len(list(tmp_path.glob("*.pid"))) >= 3, 30)
    finally:
        driver.kill()
        driver.wait()
    pids = [int(path.read_text(encoding="utf-8")) for path in tmp_path.glob("*.pid")]
    wait_for(lambda: not any(running(pid) for pid in pids), 10)
    assert [path.name for path in tmp_path.glob("*.done")] == ["0.done"], (
        "what had finished is kept, and nothing else went on"
    )


def wait_for(condition: Callable[[], bool], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.05)


def test_one_worker_stays_in_this_process_and_two_do_not() -> None:
    units = [Unit("a", 0), Unit("b", 1)]
    assert set(Local(1).run(units, process_of).done.values()) == {os.getpid()}
    assert os.getpid() not in Local(2).run(units, process_of).done.values()


def test_an_interrupt_goes_up() -> None:
    with pytest.raises(KeyboardInterrupt):
        Local().run([Unit("a", 0)], interrupt)


def test_an_interrupt_ends_the_processes_and_keeps_what_finished(tmp_path: Path) -> None:
    def press_ctrl_c(event: Event) -> None:
        if event.done == 1:
            raise KeyboardInterrupt

    units = [Unit(f"u{i}", (str(tmp_path), i)) for i in range(4)]
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        Local(2).run(units, finish_first, report=press_ctrl_c)
    assert time.monotonic() - started < 20, "the others would have slept for a minute"
    assert multiprocessing.active_children() == []
    assert (tmp_path / "0").exists()
