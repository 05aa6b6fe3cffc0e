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

from hubkit.engine.events import Event, Line, Progress
from hubkit.engine.local import Local
from hubkit.engine.work import Unit
from hubkit.errors import HubkitError


def square(payload: int, report: Progress) -> int:
    if payload == 3:
        raise HubkitError("three is not squared here", hint="use four")
    if payload == 5:
        raise ValueError("five")
    return payload * payload


def die_once(payload: tuple[str, int], report: Progress) -> int:
    """Leaves a mark, then dies without a word the first time; the second time it finds the mark."""
    mark = Path(payload[0])
    if payload[1] == 1 and not mark.exists():
        mark.write_text("died", encoding="utf-8")
        os._exit(9)
    return payload[1]


def die_always(payload: int, report: Progress) -> int:
    if payload == 1:
        os._exit(7)
    return payload


def process_of(payload: int, report: Progress) -> int:
    return os.getpid()


def finish_first(payload: tuple[str, int], report: Progress) -> int:
    if payload[1]:
        time.sleep(60)
    (Path(payload[0]) / str(payload[1])).touch()
    return payload[1]


def interrupt(payload: int, report: Progress) -> int:
    raise KeyboardInterrupt


@pytest.mark.parametrize("workers", [1, 2])
def test_a_failing_unit_is_named_and_the_others_are_kept(workers: int) -> None:
    events: list[Event] = []
    units = [Unit(f"u{i}", i) for i in range(6)]
    results = Local(workers).run(units, square, report=events.append, stage="squares")
    assert results.done == {"u0": 0, "u1": 1, "u2": 4, "u4": 16}
    messages = {failure.key: failure.message for failure in results.failed}
    assert messages["u3"] == "three is not squared here"
    assert messages["u5"].startswith("ValueError: five (")
    assert sorted({event.done for event in events}) == list(range(7))
    assert next(event.note for event in events if event.note.endswith("tried again")).startswith(
        "u5: ValueError"
    )
    assert not any("u3" in event.note and "again" in event.note for event in events), (
        "a verdict is not asked for twice"
    )
    assert {(event.stage, event.total) for event in events} == {("squares", 6)}
    with pytest.raises(HubkitError, match=r"2 of 6 squares failed") as raised:
        results.raise_failures("squares")
    assert "u3: three is not squared here" in raised.value.message
    assert raised.value.hint == "use four"


def test_the_unit_of_a_dead_process_is_tried_again(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    units = [Unit(f"u{i}", (str(mark), i)) for i in range(4)]
    results = Local(2).run(units, die_once)
    assert mark.exists(), "the process did die once"
    assert results.done == {"u0": 0, "u1": 1, "u2": 2, "u3": 3}
    assert results.failed == []


def test_a_unit_that_kills_its_process_twice_is_a_failure() -> None:
    results = Local(2).run([Unit(f"u{i}", i) for i in range(3)], die_always)
    assert results.done == {"u0": 0, "u2": 2}
    assert [failure.key for failure in results.failed] == ["u1"]
    assert "exit code 7" in results.failed[0].message


def die_together(payload: list[int], report: Progress) -> list[int]:
    """More than two at once are too much for this process, and 5 always is."""
    if len(payload) > 2 or 5 in payload:
        os._exit(9)
    return payload


def halves(unit: Unit) -> list[Unit]:
    middle = len(unit.payload) // 2
    parts = [unit.payload[:middle], unit.payload[middle:]]
    return [Unit(f"{part}", part) for part in parts if part]


def test_what_was_too_much_for_its_process_comes_back_in_parts() -> None:
    events: list[Event] = []
    units = [Unit("many", list(range(7))), Unit("few", [10, 11])]
    results = Local(2).run(units, die_together, split=halves, report=events.append)
    assert sorted(item for part in results.done.values() for item in part) == [0, 1, 2, 3, 4, 6, 10, 11]
    assert [failure.key for failure in results.failed] == ["[5]"]
    assert (events[-1].done, events[-1].total) == (len(results.done) + 1, len(results.done) + 1)


@pytest.mark.parametrize(("retries", "tries"), [(0, 1), (3, 4)])
def test_retries_are_how_often_it_is_tried_again(retries: int, tries: int) -> None:
    results = Local(2, retries=retries).run([Unit("u0", 0), Unit("u1", 1)], die_always)
    (failure,) = results.failed
    assert failure.message == (
        "its process ended without a result (exit code 7)"
        if tries == 1
        else "its process ended 4 times without a result (exit code 7)"
    )


def tell(payload: int, report: Progress) -> int:
    report(Event("telling", payload, 9, "half", lines=(Line("x", {"loss": 0.5}),)))
    return payload


@pytest.mark.parametrize("workers", [1, 2])
def test_what_a_worker_reports_arrives(workers: int) -> None:
    events: list[Event] = []
    Local(workers).run([Unit("a", 1), Unit("b", 2)], tell, report=events.append, stage="s")
    told = {event.done: event.lines for event in events if event.stage == "telling"}
    assert told == {1: (Line("x", {"loss": 0.5}),), 2: (Line("x", {"loss": 0.5}),)}


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


def test_no_units_are_no_work() -> None:
    results = Local(4).run([], square)
    assert (results.done, results.failed) == ({}, [])
    results.raise_failures("nothing")
