"""One run of `hubkit demo` in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class DemoRun:
    """One run of `hubkit demo`."""

    folder: Path
    code: int
    answer: dict[str, Any]
    errors: str


def run_demo(folder: Path, *more: str) -> DemoRun:
    command = [sys.executable, "-m", "hubkit", "demo", "--folder", str(folder), "--format", "json", *more]
    done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False, timeout=800)
    assert done.stdout, done.stderr
    return DemoRun(folder, done.returncode, json.loads(done.stdout), done.stderr)
