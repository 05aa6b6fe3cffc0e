"""What units do in the tests of engines: importable, as an engine's workers are."""

from __future__ import annotations

import multiprocessing
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from hubkit.engine.events import Event, Line
from hubkit.engine.threads import shares_cores
from hubkit.engine.work import Unit
from hubkit.errors import HubkitError

if TYPE_CHECKING:
    from hubkit.engine.events import Progress


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


def die_together(payload: list[int], report: Progress) -> list[int]:
    """More than two at once are too much for this process, and 5 always is."""
    if len(payload) > 2 or 5 in payload:
        os._exit(9)
    return payload


def halves(unit: Unit) -> list[Unit]:
    middle = len(unit.payload) // 2
    parts = [unit.payload[:middle], unit.payload[middle:]]
    return [Unit(f"{part}", part) for part in parts if part]


def tell(payload: int, report: Progress) -> int:
    for share in range(3):
        report(Event("telling", payload, 9, "half", lines=(Line("x", {"loss": 0.5}, share=share / 3),)))
    return payload


def leave(payload: int, report: Progress) -> int:
    raise SystemExit(payload)


def where(payload: str, report: Progress) -> tuple[str, bool, bool]:
    """The folder that a relative name is in, whether the process shares its cores, and whether it is somebody's child."""
    return str(Path(payload).absolute()), shares_cores(), multiprocessing.parent_process() is not None


def once_on_each_node(payload: tuple[str, int], report: Progress) -> str:
    """Leaves a file for each time that it ends, and says on which node it is; takes a second."""
    import ray

    node = str(ray.get_runtime_context().get_node_id())
    report(Event("at", payload[1], 0, node))
    time.sleep(1)
    (Path(payload[0]) / f"{payload[1]}-{node}").touch(exist_ok=False)
    return node


def wait_long(payload: str, report: Progress) -> None:
    report(Event("waiting", 0, 0))
    for _ in range(600):
        time.sleep(0.1)
        Path(payload).touch()


def back(payload: bytes, report: Progress) -> bytes:
    return payload
