"""What is saved and proven beside the training: nothing is lost, nobody is told early, and no more than two stacks wait."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from hubkit.engine.work import Failure

pytestmark = pytest.mark.train


def finishing_on(device: str, cores: int, tell: Any) -> Any:
    from hubkit.train.finishing import Finishing

    return Finishing(device, cores, tell)


def train_on(beside: Any, names: str) -> None:
    """Adds them, and comes to an error."""
    with beside:
        beside.add([outcome(name) for name in names])
        raise ValueError("lost")


def outcome(name: str) -> Any:
    return SimpleNamespace(job=SimpleNamespace(unit=name))


class Finisher:
    """Stands for `finish`: waits for the gate, and fails what is asked to."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.begun: list[str] = []
        self.threads: set[int] = set()

    def __call__(self, one: Any, device: str) -> Any:
        del device
        name = one.job.unit
        self.begun.append(name)
        self.threads.add(threading.get_ident())
        assert self.gate.wait(20)
        if name.startswith("bad"):
            return Failure(name, "no")
        if name.startswith("worse"):
            raise RuntimeError(name)
        return name.upper()


@pytest.fixture
def finisher(monkeypatch: pytest.MonkeyPatch) -> Finisher:
    made = Finisher()
    from hubkit.train import finishing

    monkeypatch.setattr(finishing, "finish", made)
    return made


@pytest.fixture
def told() -> list[tuple[str, Any]]:
    return []


@pytest.fixture
def tell(told: list[tuple[str, Any]]) -> Callable[[Any, Any], None]:
    here = threading.get_ident()

    def hear(unit: Any, found: Any) -> None:
        assert threading.get_ident() == here
        told.append((unit, found))

    return hear


def test_on_a_cpu_it_is_over_before_the_next_stack_trains(
    finisher: Finisher, told: list[Any], tell: Any
) -> None:
    finisher.gate.set()
    with finishing_on("cpu", 2, tell) as beside:
        beside.add([outcome("a"), outcome("b"), outcome("bad")])
        assert told == [("a", "A"), ("b", "B"), ("bad", Failure("bad", "no"))]


def test_beside_a_gpu_training_goes_on_and_all_are_told_of_in_order(
    finisher: Finisher, told: list[Any], tell: Any
) -> None:
    with finishing_on("cuda", 2, tell) as beside:
        beside.add([outcome("a"), outcome("b")])
        assert told == []
        threading.Timer(0.2, finisher.gate.set).start()
        beside.add([outcome("c")])  # not before the two are on the disk
        assert told == [("a", "A"), ("b", "B")]
    assert told[-1] == ("c", "C")
    assert len(finisher.threads) <= 2
    assert threading.get_ident() not in finisher.threads


def test_an_error_in_training_leaves_what_has_not_begun(
    finisher: Finisher, told: list[Any], tell: Any
) -> None:
    threading.Timer(0.3, finisher.gate.set).start()
    with pytest.raises(ValueError, match="lost"):
        train_on(finishing_on("cuda", 1, tell), "abcdef")
    assert told == []
    assert len(finisher.begun) < 6


def test_an_error_nobody_foresaw_is_raised_where_it_trains(finisher: Finisher, tell: Any) -> None:
    finisher.gate.set()
    beside = finishing_on("cuda", 2, tell)
    beside.add([outcome("worse")])
    with pytest.raises(RuntimeError, match="worse"):
        beside.wait()
