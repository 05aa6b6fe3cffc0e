"""Starting, stopping, and what is refused before a port opens."""

from __future__ import annotations

import socket
import subprocess
import sys
import urllib.request
from pathlib import Path
from urllib.error import URLError

import pytest

from hubkit.errors import UsageError
from hubkit.localhub import RunningHub, serve, serving


def status(url: str) -> int:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return int(answer.status)


def test_it_answers_under_both_names_and_stops(tmp_path: Path) -> None:
    with serving(tmp_path) as hub:
        assert status(hub.endpoint) == 200
        assert status(hub.endpoint.replace("127.0.0.1", "localhost")) == 200
        assert [request.path for request in hub.requests] == ["/", "/"]
    with pytest.raises(URLError):
        status(hub.endpoint)
    with serving(tmp_path, port=int(hub.endpoint.rpartition(":")[2])) as again:
        assert again.endpoint == hub.endpoint


def test_a_folder_has_one_hub(tmp_path: Path) -> None:
    with serving(tmp_path), pytest.raises(UsageError, match="already serves"), serving(tmp_path):
        pass
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UsageError, match="needs a folder"), serving(tmp_path / "file"):
        pass


def test_a_port_that_is_taken_is_said(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(UsageError, match="cannot listen"), serving(tmp_path, port=taken.getsockname()[1]):
            pass


def test_serve_runs_until_interrupted(tmp_path: Path) -> None:
    endpoints = []

    def interrupt(hub: RunningHub) -> None:
        endpoints.append((hub.endpoint, status(hub.endpoint)))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        serve(tmp_path, port=0, announce=interrupt)
    assert endpoints[0][1] == 200
    with pytest.raises(URLError):
        status(endpoints[0][0])


def test_the_network_needs_a_token(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="without a token"):
        serve(tmp_path, host="0.0.0.0", port=0)


def test_importing_the_room_is_light() -> None:
    program = "import sys, hubkit.localhub; print([m for m in ('starlette', 'uvicorn', 'yaml', 'huggingface_hub') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
