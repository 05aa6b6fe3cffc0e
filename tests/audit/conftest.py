"""One local Hub with three repositories, the real client, and the program in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
from huggingface_hub import HfApi, constants

from hubkit.localhub import RunningHub, serving

TOKEN = "local-token"  # a name, not a secret


@dataclass(frozen=True)
class Place:
    """A Hub, its client, and the environment of a process that knows both."""

    hub: RunningHub
    api: HfApi
    home: Path

    def start(self, cwd: Path, *arguments: str) -> subprocess.Popen[str]:
        """`hubkit audit ...` as a process."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
        env = kept | {
            "HF_ENDPOINT": self.hub.endpoint,
            "HF_HOME": str(self.home),
            "HF_TOKEN": TOKEN,
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HUBKIT_CACHE": str(self.home / "cache"),
            "PYTHONUTF8": "1",
        }
        command = [sys.executable, "-m", "hubkit", "audit", *arguments]
        return subprocess.Popen(
            command,
            cwd=cwd,
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )

    def rows(self, cwd: Path, *arguments: str) -> tuple[int, list[dict[str, Any]]]:
        """The exit code and the table of a run that comes to its end."""
        with self.start(cwd, *arguments, "--format", "json") as process:
            out, err = process.communicate(timeout=120)
        assert "Traceback" not in err, err
        return process.returncode, json.loads(out) if out else []

    def read_of(self, repo_id: str) -> int:
        """Requests for files of a repository, or for its own listing."""
        return sum(
            request.method == "GET" and f"/{repo_id}/" in f"{request.path}/" for request in self.hub.requests
        )


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    for name in ("HF_HUB_DISABLE_XET", "HF_HUB_DISABLE_TELEMETRY", "HF_HUB_DISABLE_PROGRESS_BARS"):
        monkeypatch.setattr(constants, name, True)
    monkeypatch.setenv("HUBKIT_CACHE", str(tmp_path / "cache"))
    with serving(tmp_path / "hub", token=TOKEN) as hub:
        yield Place(hub, HfApi(endpoint=hub.endpoint, token=TOKEN), tmp_path / "home")
    huggingface_hub.close_session()
