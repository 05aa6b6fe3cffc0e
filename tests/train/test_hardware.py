"""What a training is recorded to have run on. There is no GPU here: torch.cuda and NVIDIA's tool are stood in for."""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cards.reading import section
from cards.shapes import write
from cards.variants import MEMBERS, _record, computed_release

from hubkit.cards.build import build_card
from hubkit.engine import machine as module
from hubkit.engine.machine import gpu, hardware, machine
from hubkit.release.provenance import TrainedSae

pytestmark = pytest.mark.train
SYSTEM = f"{platform.system()} {platform.release()}"
LAPTOP = SimpleNamespace(name="NVIDIA GeForce GTX 1650 Ti with Max-Q Design", total_memory=4 << 30, major=7, minor=5)  # fmt: skip
LARGE = SimpleNamespace(name="NVIDIA H100 80GB HBM3", total_memory=80 << 30, major=9, minor=0)
SAID = "NVIDIA GeForce GTX 1650 Ti with Max-Q Design, 4 GiB, compute capability 7.5, driver 581.57"


@pytest.fixture
def gpus(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[SimpleNamespace]]:
    """GPUs of this machine: what is in the list."""
    import torch

    there: list[SimpleNamespace] = []

    def properties(device: Any) -> SimpleNamespace:
        return there[int(str(device).partition(":")[2] or 0)]

    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        assert command[0] == "nvidia-smi"
        return subprocess.CompletedProcess(command, 0, "581.57\n581.57\n", "")

    monkeypatch.setattr(torch.cuda, "is_available", lambda: bool(there))
    monkeypatch.setattr(torch.cuda, "device_count", lambda: len(there))
    monkeypatch.setattr(torch.cuda, "get_device_properties", properties)
    monkeypatch.setattr(module.subprocess, "run", run)
    forget()
    yield there
    forget()


def forget() -> None:
    hardware.cache_clear()
    module._driver.cache_clear()


def test_a_gpu_with_memory_compute_capability_driver_and_system(gpus: list[SimpleNamespace]) -> None:
    gpus.append(LAPTOP)
    assert gpu("cuda") == SAID
    assert hardware("cuda") == f"{SAID}, {SYSTEM}"


def test_the_second_of_two(gpus: list[SimpleNamespace]) -> None:
    gpus += [LAPTOP, LARGE]
    assert hardware("cuda:1").startswith(
        "NVIDIA H100 80GB HBM3, 80 GiB, compute capability 9.0, driver 581.57"
    )
    assert machine().count("; ") == 2


def test_a_machine_names_each_kind_of_gpu_once(gpus: list[SimpleNamespace]) -> None:
    assert machine().startswith(f"{SYSTEM} {platform.machine()}, ")
    assert "NVIDIA" not in machine()
    gpus += [LAPTOP, LAPTOP]
    assert machine().count(SAID) == 1


def test_without_nvidia_s_tool_the_driver_is_left_out(
    gpus: list[SimpleNamespace], monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: Any, **__: Any) -> None:
        raise FileNotFoundError

    gpus.append(LAPTOP)
    monkeypatch.setattr(module.subprocess, "run", gone)
    assert gpu("cuda") == SAID.removesuffix(", driver 581.57")


def test_a_processor_with_its_cores_and_the_system() -> None:
    assert hardware("cpu").endswith(f" cores, {SYSTEM}")


def test_the_card_shows_it(gpus: list[SimpleNamespace], tmp_path: Path) -> None:
    gpus.append(LAPTOP)
    took = TrainedSae(seconds=1, hardware=hardware("cuda"), device="cuda", threads=1, stack=1)
    record = _record(5, training={one.sae_id: took for one in MEMBERS})
    card = build_card(write(computed_release(provenance=record), tmp_path / "release", small=True)).text
    assert f"- Hardware: {SAID}, {SYSTEM}\n" in section(card, "Training configuration")
