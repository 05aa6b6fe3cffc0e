"""Running a study file as a user does, in a process of its own, and what is left of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import yaml

from hubkit.localhub.server import RunningHub
from hubkit.publish.rehearse import TOKEN
from hubkit.release.digests import sha256_of_file

STUDIES = Path(__file__).parents[2] / "studies"
WHEN = {"README.md", "provenance.json"}
"""They say when, and in how many seconds."""
TIMES = {"created", "training", "hardware"}
LONGEST = 7200
"""Seconds."""


def small_file(folder: Path) -> Path:
    """studies/smollm2-135m.yaml with one of its layers, two of its conditions and two folds: 2 x 2 SAEs, three times."""
    raw = yaml.safe_load((STUDIES / "smollm2-135m.yaml").read_text(encoding="utf-8"))
    raw["collect"] |= {"layers": [21], "folds": 2}
    raw["grid"]["conditions"] = ["mixed", "honest_only"]
    path = folder / "study.yaml"
    path.write_text(yaml.safe_dump(raw), encoding="utf-8")
    return path


def command(study: Path, folder: Path, *more: str) -> list[str]:
    """`hubkit run --scale tiny`, without what doubles the training."""
    begun = [sys.executable, "-m", "hubkit", "run", str(study), "--scale", "tiny", "--folder", str(folder)]
    return [*begun, "--rows-only", "--workers", "1", *more]


def environment(hub: RunningHub | None = None) -> dict[str, str]:
    """Of a user whose Hub is `hub`; without one nothing may be asked of any."""
    to = (
        {"HF_ENDPOINT": hub.endpoint, "HF_TOKEN": TOKEN, "HF_HUB_DISABLE_XET": "1"}
        if hub
        else {"HF_HUB_OFFLINE": "1"}
    )
    return {**os.environ, **to, "HF_HUB_DISABLE_TELEMETRY": "1"}


def run(line: list[str], hub: RunningHub | None = None) -> subprocess.CompletedProcess[str]:
    """To its end."""
    return subprocess.run(
        line, env=environment(hub), capture_output=True, text=True, encoding="utf-8", check=False, timeout=LONGEST
    )  # fmt: skip


def kill_in(line: list[str], log: Path, words: str, hub: RunningHub | None = None) -> bool:
    """Begin a run and SIGKILL it as soon as its log says `words`; False where it was over before."""
    told = len(log.read_text(encoding="utf-8")) if log.exists() else 0
    with subprocess.Popen(
        line, env=environment(hub), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as running:
        while running.poll() is None:
            if log.exists() and words in log.read_text(encoding="utf-8")[told:]:
                running.send_signal(signal.SIGKILL)
                break
            time.sleep(0.05)
        return running.wait() == -signal.SIGKILL


def digests(release: Path) -> dict[str, str]:
    """Every file of a release to its sha256; of the record what is no time."""
    files = {path.relative_to(release).as_posix(): path for path in release.rglob("*") if path.is_file()}
    found = {name: sha256_of_file(path) for name, path in files.items() if name not in WHEN}
    record: dict[str, Any] = json.loads((release / "provenance.json").read_text(encoding="utf-8"))
    return found | {name: json.dumps(value) for name, value in record.items() if name not in TIMES}
