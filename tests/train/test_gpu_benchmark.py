"""benchmarks/gpu.py in its small form on a CPU: the way is whole, and what it checks holds. Nothing here is about a GPU."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.train
ROOT = Path(__file__).parents[2]


def test_the_small_form_goes_through_and_its_checks_hold() -> None:
    command = [sys.executable, "benchmarks/gpu.py", "--device", "cpu", "--quick", "--rounds", "1"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        timeout=280,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    alone = [float(found) for found in re.findall(r"against alone \| (\S+) \|", done.stdout)]
    assert len(alone) == 2
    assert max(alone) < 1e-5
    assert re.search(r"\| published \| 12 \|", done.stdout)
    assert re.search(r"\| cross-fitted \| 60 \|", done.stdout)
    assert re.search(r"\| stack of 3 \| [\d.]+ \| [\d.]+ \|", done.stdout)
