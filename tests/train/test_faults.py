"""What goes wrong: every finished SAE is kept, every failure is named, and nothing is half-written."""

from __future__ import annotations

import errno
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from train.specs import grid

from hubkit.errors import HubkitError
from hubkit.release.digests import sha256_of_file
from hubkit.release.pool import PoolManifest
from hubkit.train.plan import CrossFit
from hubkit.train.run import Options, train
from hubkit.train.spec import SaeSpec, Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.train

PLAIN = CrossFit(scenarios=False, control=False)


def specs(steps: int = 5) -> list[SaeSpec]:
    settings = Settings(d_sae=16, k=4, steps=steps)
    return grid([2], ["topk", "jumprelu"], ["mixed", "honest_only"], prefix="lab", settings=settings)


@pytest.fixture
def pool(tmp_path: Path, make_pool: Callable[..., PoolManifest]) -> Path:
    make_pool(tmp_path / "pool", 40, 8)
    return tmp_path / "pool"


def spoil(pool: Path, row: int) -> None:
    """NaN in one row of the pool."""
    path = pool / "layer_2.safetensors"
    x = load_file(path)["activations"]
    x[row, 3] = np.nan
    save_file({"activations": x}, path)
    raw = json.loads((pool / "manifest.json").read_text(encoding="utf-8"))
    raw["layers"][0]["sha256"] = sha256_of_file(path)
    (pool / "manifest.json").write_text(json.dumps(raw), encoding="utf-8")


def failed_of(work: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((work / "failed.json").read_text(encoding="utf-8"))
    return found


def finished(home: Path) -> set[str]:
    """The SAE folders below `home`, each of which must be whole."""
    folders = {path.parent for path in home.rglob("sae_weights.safetensors")}
    assert folders == {path.parent for path in home.rglob("cfg.json")}
    assert not list(home.rglob("*.tmp"))
    return {folder.relative_to(home).as_posix() for folder in folders}


def test_nan_in_one_row_fails_the_saes_that_see_it_and_no_others(tmp_path: Path, pool: Path) -> None:
    manifest = PoolManifest.load(pool / "manifest.json")
    row = next(
        number
        for number, row in enumerate(manifest.rows)
        if row.label == "deceptive" and row.split == "fold1"
    )
    spoil(pool, row)
    with pytest.raises(HubkitError, match=r"4 of 12 SAEs failed"):
        train(specs(), pool, tmp_path / "release", tmp_path / "work", options=Options(PLAIN))
    sees = {(one["sae_id"], one["draw"]) for one in failed_of(tmp_path / "work")["failed"]}
    mixed = ("lab_topk_L2_mixed", "lab_jumprelu_L2_mixed")
    assert sees == {(name, draw) for name in mixed for draw in ("all", "fold0")}
    whole = {path.name for path in (tmp_path / "work" / "folds" / "fold1").iterdir()}
    assert whole == {spec.sae_id for spec in specs()}, "the fold that holds the bad row out is whole"


def test_failed_json_says_what_to_type_and_that_trains_just_those(
    tmp_path: Path, pool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hubkit.train import finishing

    saved = finishing.save

    def refuse(trained: Any, origin: Any, folder: Path, device: str) -> list[str]:
        if folder.name == "lab_topk_L2_mixed" and origin.draw == "fold1":
            raise HubkitError("no luck today", hint="try tomorrow")
        return saved(trained, origin, folder, device)

    monkeypatch.setattr(finishing, "save", refuse)
    options = Options(PLAIN, command=("hubkit", "train", "my study.yaml"))
    with pytest.raises(
        HubkitError, match="1 of 12 SAEs failed:\n  lab_topk_L2_mixed without fold1: no luck today"
    ) as raised:
        train(specs(), pool, tmp_path / "release", tmp_path / "work", options=options)
    record = failed_of(tmp_path / "work")
    assert raised.value.hint == f"try tomorrow; then: {record['command']}"
    (one,) = record["failed"]
    assert (one["sae_id"], one["draw"], one["message"], one["hint"]) == (
        "lab_topk_L2_mixed",
        "fold1",
        "no luck today",
        "try tomorrow",
    )
    path = tmp_path / "work" / "failed.json"
    if sys.platform != "win32":
        assert shlex.split(record["command"]) == ["hubkit", "train", "my study.yaml", "--only", str(path)]
    monkeypatch.undo()
    again = train(specs(), pool, tmp_path / "release", tmp_path / "work", options=Options(PLAIN, only=path))
    assert (again.trained, again.skipped) == (1, 0)
    assert not path.exists(), "nothing is left to try again"
    assert train(specs(), pool, tmp_path / "release", tmp_path / "work", options=Options(PLAIN)).trained == 0


def test_out_of_memory_on_a_chunk_is_tried_in_halves(
    tmp_path: Path, pool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hubkit.train import stack

    asked: list[int] = []
    whole = stack.train_stack

    def small(members: Any, **more: Any) -> Any:
        asked.append(len(members))
        if len(members) > 1:
            raise RuntimeError(
                "[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 99 bytes"
            )
        return whole(members, **more)

    expected = train(specs()[:2], pool, tmp_path / "r1", tmp_path / "w1", options=Options(PLAIN))
    monkeypatch.setattr(stack, "train_stack", small)
    events = []
    found = train(
        specs()[:2], pool, tmp_path / "r2", tmp_path / "w2", options=Options(PLAIN), report=events.append
    )
    assert max(asked) > 1
    assert any("out of memory with" in event.note for event in events)
    assert {name: done.files for name, done in found.published.items()} == {
        name: done.files for name, done in expected.published.items()
    }


def test_out_of_memory_even_alone_is_a_failure_of_that_one(
    tmp_path: Path, pool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hubkit.train import stack

    whole = stack.train_stack

    def small(members: Any, **more: Any) -> Any:
        if any("honest" in member.key for member in members):
            raise MemoryError
        return whole(members, **more)

    monkeypatch.setattr(stack, "train_stack", small)
    with pytest.raises(
        HubkitError, match="2 of 4 SAEs failed:\n  lab_topk_L2_honest_only: out of memory, even alone"
    ):
        train(specs(), pool, tmp_path / "release", tmp_path / "work", options=Options(CrossFit(folds=0)))
    assert finished(tmp_path / "release") == {"lab_topk_L2_mixed", "lab_jumprelu_L2_mixed"}


def test_a_full_disk_is_said_and_leaves_nothing_half_written(
    tmp_path: Path, pool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hubkit.train import save

    written = save.save_file
    left = iter([True, True, False, True])

    def full(tensors: Any, path: Path) -> None:
        if not next(left):
            path.write_bytes(b"the first bytes still fitted")
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        written(tensors, path)

    monkeypatch.setattr(save, "save_file", full)
    with pytest.raises(HubkitError, match="1 of 4 SAEs failed") as raised:
        train(specs(), pool, tmp_path / "release", tmp_path / "work", options=Options(CrossFit(folds=0)))
    assert "is full" in raised.value.message
    assert "free some space" in str(raised.value.hint)
    assert len(finished(tmp_path / "release")) == 3


def test_too_small_a_disk_is_said_before_any_work(
    tmp_path: Path, pool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import shutil

    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**6, 10**6, 1000))
    with pytest.raises(HubkitError, match=r"12 SAEs need 799 kB, 1 kB are free"):
        train(specs(), pool, tmp_path / "release", tmp_path / "work", options=Options(PLAIN))
    assert not (tmp_path / "release").exists()


DRIVER = """
import sys, warnings
from pathlib import Path
warnings.simplefilter("ignore")
from hubkit.train.plan import CrossFit
from hubkit.train.run import Options, train
from hubkit.train.grid import GridPlan
from hubkit.train.spec import Settings

if __name__ == "__main__":
    home, workers = Path(sys.argv[1]), int(sys.argv[2])
    settings = Settings(d_sae=16, k=4, steps=int(sys.argv[3]))
    each = {"topk": settings, "jumprelu": settings}
    specs = GridPlan(prefix="lab", architectures=each, conditions=("mixed", "honest_only")).on([2]).expand()
    options = Options(CrossFit(scenarios=False, control=False), workers=workers)
    train(specs, home / "pool", home / "release", home / "work", options=options)
"""


@pytest.fixture
def driver(tmp_path: Path) -> Iterator[Callable[[int, int], subprocess.Popen[bytes]]]:
    """Starts `train` in a process of its own: workers, steps."""
    script = tmp_path / "driver.py"
    script.write_text(DRIVER, encoding="utf-8")
    started: list[subprocess.Popen[bytes]] = []

    def start(workers: int, steps: int) -> subprocess.Popen[bytes]:
        command = [sys.executable, str(script), str(tmp_path), str(workers), str(steps)]
        started.append(subprocess.Popen(command, stderr=subprocess.PIPE))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def wait_for(condition: Callable[[], object], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)


def done_in(work: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in work.glob("units/*/done.json")}


@pytest.mark.skipif(sys.platform == "win32", reason="kills as POSIX does")
def test_a_killed_driver_keeps_what_was_finished_and_the_next_goes_on(
    tmp_path: Path, pool: Path, driver: Callable[[int, int], subprocess.Popen[bytes]]
) -> None:
    work = tmp_path / "work"
    killed = driver(1, 500)
    wait_for(lambda: done_in(work))
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    kept = done_in(work)
    assert 1 <= len(kept) < 12
    summary = train(specs(500), pool, tmp_path / "release", work, options=Options(PLAIN))
    assert summary.skipped == len(kept)
    assert summary.trained == 12 - len(kept)
    assert {path: time for path, time in done_in(work).items() if path in kept} == kept
    whole = train(specs(500), pool, tmp_path / "r2", tmp_path / "w2", options=Options(PLAIN))
    for name, done in whole.published.items():
        assert done.files == summary.published[name].files


def children(pid: int) -> list[int]:
    """Spawned workers of a process; multiprocessing's own resource tracker is none."""
    found = subprocess.run(
        ["ps", "-o", "pid=,args=", "--ppid", str(pid)], capture_output=True, text=True, check=False
    )
    return [int(line.split()[0]) for line in found.stdout.splitlines() if "spawn_main" in line]


@pytest.mark.full
@pytest.mark.skipif(sys.platform != "linux", reason="asks ps for a process's children")
def test_a_killed_worker_is_replaced_and_every_sae_comes_out(
    tmp_path: Path, pool: Path, driver: Callable[[int, int], subprocess.Popen[bytes]]
) -> None:
    running = driver(2, 500)
    wait_for(lambda: done_in(tmp_path / "work"))
    os.kill(children(running.pid)[0], signal.SIGKILL)
    assert running.wait(timeout=180) == 0
    assert len(done_in(tmp_path / "work")) == 12
    assert len(finished(tmp_path / "release")) == 4
