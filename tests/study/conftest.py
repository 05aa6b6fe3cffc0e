"""The demo, once for all tests that look at what it left, in whichever process they run."""

from __future__ import annotations

import json
import os
from dataclasses import asdict

import pytest
from demo_run import DemoRun, run_demo
from filelock import FileLock


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> DemoRun:
    return _once(tmp_path_factory, "demo")


@pytest.fixture(scope="session")
def null_demo(tmp_path_factory: pytest.TempPathFactory) -> DemoRun:
    return _once(tmp_path_factory, "null", "--null")


def _once(factory: pytest.TempPathFactory, name: str, *more: str) -> DemoRun:
    """Workers of pytest-xdist have folders of their own in one that they share: whoever comes first runs it there."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        return run_demo(factory.mktemp(name) / "out", *more)
    shared = factory.getbasetemp().parent / f"{name}-of-all"
    with FileLock(f"{shared}.lock"):
        kept = shared / "run.json"
        if kept.exists():
            said = json.loads(kept.read_text(encoding="utf-8"))
            return DemoRun(**said | {"folder": shared / "out"})
        shared.mkdir()
        run = run_demo(shared / "out", *more)
        kept.write_text(json.dumps(asdict(run) | {"folder": ""}), encoding="utf-8")
        return run
