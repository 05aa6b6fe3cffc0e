from __future__ import annotations

import multiprocessing
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hubkit.engine.local import Unit, run_units
from hubkit.errors import HubkitError

if TYPE_CHECKING:
    from hubkit.engine.events import Event


def square(payload: int) -> int:
    if payload == 3:
        raise HubkitError("three is not squared here", hint="use four")
    if payload == 5:
        raise ValueError("five")
    return payload * payload


def die_once(payload: tuple[str, int]) -> int:
    """Leaves a mark, then dies without a word the first time; the second time it finds the mark."""
    mark = Path(payload[0])
    if payload[1] == 1 and not mark.exists():
        mark.write_text("died", encoding="utf-8")
        os._exit(9)
    return payload[1]


def die_always(payload: int) -> int:
    if payload == 1:
        os._exit(7)
    return payload


def process_of(payload: int) -> int:
    return os.getpid()


def finish_first(payload: tuple[str, int]) -> int:
    if payload[1]:
        time.sleep(60)
    (Path(payload[0]) / str(payload[1])).touch()
    return payload[1]


def interrupt(payload: int) -> int:
    raise KeyboardInterrupt


@pytest.mark.parametrize("workers", [1, 2])
def test_a_failing_unit_is_named_and_the_others_are_kept(workers: int) -> None:
    events: list[Event] = []
    units = [Unit(f"u{i}", i) for i in range(6)]
    results = run_units(units, square, workers=workers, report=events.append, stage="squares")
    assert results.done == {"u0": 0, "u1": 1, "u2": 4, "u4": 16}
    messages = {failure.key: failure.message for failure in results.failed}
    assert messages["u3"] == "three is not squared here"
    assert messages["u5"].startswith("ValueError: five (")
    assert [event.done for event in events] == list(range(7))
    assert {(event.stage, event.total) for event in events} == {("squares", 6)}
    with pytest.raises(HubkitError, match=r"2 of 6 squares failed") as raised:
        results.raise_failures("squares")
    assert "u3: three is not squared here" in raised.value.message
    assert raised.value.hint == "use four"


def test_the_unit_of_a_dead_process_is_tried_again(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    units = [Unit(f"u{i}", (str(mark), i)) for i in range(4)]
    results = run_units(units, die_once, workers=2)
    assert mark.exists(), "the process did die once"
    assert results.done == {"u0": 0, "u1": 1, "u2": 2, "u3": 3}
    assert results.failed == []


def test_a_unit_that_kills_its_process_twice_is_a_failure() -> None:
    results = run_units([Unit(f"u{i}", i) for i in range(3)], die_always, workers=2)
    assert results.done == {"u0": 0, "u2": 2}
    assert [failure.key for failure in results.failed] == ["u1"]
    assert "exit code 7" in results.failed[0].message


def test_one_worker_stays_in_this_process_and_two_do_not() -> None:
    units = [Unit("a", 0), Unit("b", 1)]
    assert set(run_units(units, process_of, workers=1).done.values()) == {os.getpid()}
    assert os.getpid() not in run_units(units, process_of, workers=2).done.values()


def test_an_interrupt_goes_up() -> None:
    with pytest.raises(KeyboardInterrupt):
        run_units([Unit("a", 0)], interrupt)


def test_an_interrupt_ends_the_processes_and_keeps_what_finished(tmp_path: Path) -> None:
    def press_ctrl_c(event: Event) -> None:
        if event.done == 1:
            raise KeyboardInterrupt

    units = [Unit(f"u{i}", (str(tmp_path), i)) for i in range(4)]
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        run_units(units, finish_first, workers=2, report=press_ctrl_c)
    assert time.monotonic() - started < 20, "the others would have slept for a minute"
    assert multiprocessing.active_children() == []
    assert (tmp_path / "0").exists()


def test_no_units_are_no_work() -> None:
    results = run_units([], square, workers=4)
    assert (results.done, results.failed) == ({}, [])
    results.raise_failures("nothing")
