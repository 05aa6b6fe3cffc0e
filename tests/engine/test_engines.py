"""What holds for every engine: here, in processes, on a Ray cluster of two nodes. And what a cluster adds."""

from __future__ import annotations

import socket
import sys
import time
import warnings
from typing import TYPE_CHECKING, Any

import pytest
from engine import jobs

from hubkit.engine import ray as engine_of_ray
from hubkit.engine.local import Local
from hubkit.engine.ray import Ray
from hubkit.engine.work import Failure, Unit
from hubkit.errors import HubkitError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from hubkit.engine.events import Event
    from hubkit.engine.work import Engine

NODE = {"num_cpus": 1, "include_dashboard": False, "object_store_memory": 80 << 20}


def test_without_ray_it_is_said_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UsageError) as raised:
        Ray().run([Unit("a", 1)], jobs.square)
    assert raised.value.hint == 'pip install "sae-hubkit[ray]"'
    assert Ray().run([], jobs.square).failed == [], "nothing to do needs no Ray"


def test_an_address_of_rays_client_is_refused() -> None:
    pytest.importorskip("ray", reason="needs the ray extra")
    with pytest.raises(UsageError, match="an address of Ray's client"):
        Ray("ray://head:10001").run([Unit("a", 1)], jobs.square)


def test_a_node_that_does_not_see_the_folder_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        engine_of_ray, "share_cores", lambda: None
    )  # it would hold for this process from here on
    setting = engine_of_ray._Setting(folder=str(tmp_path / "elsewhere"))
    (failure,) = engine_of_ray._serve(setting, "a", b"")
    assert isinstance(failure, Failure)
    assert (failure.key, failure.final) == ("a", False)
    assert str(tmp_path / "elsewhere") in failure.message
    assert failure.hint == "run hubkit in a folder that every node sees"


def test_where_no_cluster_answers_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ray", reason="needs the ray extra")
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # taken, and not listened on
        address = f"127.0.0.1:{nobody.getsockname()[1]}"
        with pytest.raises(UsageError, match=f"--ray-address {address}: no Ray cluster answers") as raised:
            Ray(address).run([Unit("a", 1)], jobs.square)
        assert raised.value.hint is not None
        assert raised.value.hint.startswith("ray start --head")
        monkeypatch.setenv("RAY_ADDRESS", address)
        with pytest.raises(UsageError, match="--ray-address auto: no Ray cluster answers"):
            _ = Ray().slots


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A Ray cluster of one node on this machine, this process connected to it."""
    ray = pytest.importorskip("ray", reason="needs the ray extra")
    from ray.cluster_utils import Cluster

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            there = Cluster(initialize_head=True, head_node_args=NODE)
            ray.init(there.address, log_to_driver=False, configure_logging=False)
        except Exception as error:  # noqa: BLE001 - Ray's own daemons, of which nothing is ours: some machines let none start
            pytest.skip(f"Ray does not start on this machine: {error}")
        yield there
        ray.shutdown()
        there.shutdown()


@pytest.fixture(params=["processes", "ray"])
def make(request: pytest.FixtureRequest) -> Callable[..., Engine]:
    """An engine of several workers, by its retries; `here` is this process alone."""
    if request.param != "ray":
        return lambda retries=1: Local(1 if request.param == "here" else 2, retries)
    address = request.getfixturevalue("cluster").address
    return lambda retries=1: Ray(address, retries)


@pytest.mark.parametrize("make", ["here", "processes", "ray"], indirect=True)
def test_a_failing_unit_is_named_and_the_others_are_kept(make: Callable[..., Engine]) -> None:
    events: list[Event] = []
    units = [Unit(f"u{i}", i) for i in range(6)]
    results = make().run(units, jobs.square, report=events.append, stage="squares")
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


def test_the_unit_of_a_dead_process_is_tried_again(tmp_path: Path, make: Callable[..., Engine]) -> None:
    mark = tmp_path / "mark"
    units = [Unit(f"u{i}", (str(mark), i)) for i in range(4)]
    results = make().run(units, jobs.die_once)
    assert mark.exists(), "the process did die once"
    assert results.done == {"u0": 0, "u1": 1, "u2": 2, "u3": 3}
    assert results.failed == []


@pytest.mark.parametrize(("retries", "tries"), [(0, 1), (2, 3)])
def test_retries_are_how_often_it_is_tried_again(
    retries: int, tries: int, make: Callable[..., Engine]
) -> None:
    engine = make(retries)
    results = engine.run([Unit(f"u{i}", i) for i in range(3)], jobs.die_always)
    assert results.done == {"u0": 0, "u2": 2}
    (failure,) = results.failed
    assert failure.key == "u1"
    why = "exit code 7" if isinstance(engine, Local) else "WorkerCrashedError: "
    times = "ended without" if tries == 1 else f"ended {tries} times without"
    assert failure.message.startswith(f"its process {times} a result ({why}")


def test_what_was_too_much_for_its_process_comes_back_in_parts(make: Callable[..., Engine]) -> None:
    events: list[Event] = []
    units = [Unit("many", [3, 4, 5]), Unit("few", [10, 11])]
    results = make().run(units, jobs.die_together, split=jobs.halves, report=events.append)
    assert sorted(item for part in results.done.values() for item in part) == [3, 4, 10, 11]
    assert [failure.key for failure in results.failed] == ["[5]"]
    assert (events[-1].done, events[-1].total) == (len(results.done) + 1, len(results.done) + 1)


@pytest.mark.parametrize("make", ["here", "processes", "ray"], indirect=True)
def test_what_a_worker_reports_arrives_in_its_order(make: Callable[..., Engine]) -> None:
    events: list[Event] = []
    make().run([Unit("a", 1), Unit("b", 2)], jobs.tell, report=events.append, stage="s")
    for unit in (1, 2):
        told = [event.lines[0] for event in events if event.stage == "telling" and event.done == unit]
        assert [line.share for line in told] == [0, 1 / 3, 2 / 3]
        assert {tuple(line.cells.items()) for line in told} == {(("loss", 0.5),)}


def test_a_worker_that_leaves_is_a_dead_process(make: Callable[..., Engine]) -> None:
    failed = make(0).run([Unit("a", 3), Unit("b", 3)], jobs.leave).failed
    assert [one.message.startswith("its process ended without a result (") for one in failed] == [True, True]


def test_a_worker_is_in_the_folder_of_the_call_and_has_one_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[..., Engine]
) -> None:
    monkeypatch.chdir(tmp_path)
    engine = make()
    units = [Unit("a", "rows"), Unit("b", "rows")]
    results = engine.run(units, jobs.where)
    child = isinstance(engine, Local)  # spawned by us; a cluster's is not, and shares its cores all the same
    assert set(results.done.values()) == {(str(tmp_path / "rows"), True, child)}


def test_no_units_are_no_work(make: Callable[..., Engine]) -> None:
    results = make().run([], jobs.square)
    assert (results.done, results.failed) == ({}, [])
    results.raise_failures("nothing")


def test_a_result_of_any_size_comes_back(make: Callable[..., Engine]) -> None:
    big = b"x" * (1 << 20)
    results = make().run([Unit("a", big), Unit("b", big)], jobs.back)
    assert results.done == {"a": big, "b": big}


def test_an_interrupt_ends_the_tasks(tmp_path: Path, cluster: Any) -> None:
    def press_ctrl_c(event: Event) -> None:
        if event.stage == "waiting":
            raise KeyboardInterrupt

    beat = tmp_path / "beat"
    with pytest.raises(KeyboardInterrupt):
        Ray(cluster.address).run([Unit("a", str(beat))], jobs.wait_long, report=press_ctrl_c)
    end = time.monotonic() + 20
    last = -1.0
    while (now := beat.stat().st_mtime if beat.exists() else 0.0) != last:
        assert time.monotonic() < end, "the task went on"
        last = now
        time.sleep(1)


def test_a_unit_that_no_node_has_room_for_waits_and_says_so(
    cluster: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hubkit.engine.ray.SILENCE_SECONDS", 0.2)
    engine = Ray(cluster.address, gpus=1)
    assert engine.slots == 1, "work is cut for one that may come"

    def give_up(event: Event) -> None:
        if event.note:
            raise RuntimeError(event.note)

    with pytest.raises(RuntimeError, match=r"has the 1 CPU and 1 GPU that a unit needs: waiting for a node"):
        engine.run([Unit("a", 1)], jobs.square, report=give_up)


@pytest.mark.full
def test_the_units_of_a_lost_node_are_done_by_another_and_none_twice(tmp_path: Path, cluster: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Ray 2.40 leaves the logs of a node that it starts open
        lost = cluster.add_node(num_cpus=1, object_store_memory=80 << 20)
    cluster.wait_for_nodes()
    assert Ray(cluster.address).slots == 2
    events: list[Event] = []
    killed: list[bool] = []

    def kill(event: Event) -> None:
        events.append(event)
        if event.stage == "at" and event.text == lost.node_id and not killed:
            killed.append(True)
            cluster.remove_node(lost, allow_graceful=False)

    units = [Unit(f"u{i}", (str(tmp_path), i)) for i in range(5)]
    results = Ray(cluster.address).run(units, jobs.once_on_each_node, report=kill)
    assert killed, "the second node had a unit"
    assert results.failed == []
    assert results.done.keys() == {unit.key for unit in units}
    notes = [event.note for event in events if event.note]
    assert len(notes) == 1
    assert notes[0].endswith("tried again")
    assert "NodeDiedError" in notes[0]
    ended = sorted(path.name for path in tmp_path.iterdir())
    assert [name.split("-")[0] for name in ended] == list("01234"), "each came to an end once"
    assert not any(lost.node_id in name for name in ended)
