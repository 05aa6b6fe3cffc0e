"""A Hub in this process, the real client pointed at it, and a bare HTTP client for what the real one never sends."""

from __future__ import annotations

import http.client
import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import huggingface_hub
import pytest
from huggingface_hub import HfApi, constants

from hubkit.localhub import RunningHub, serving

TOKEN = "local-token"  # a name, not a secret
README = "---\nlicense: mit\nlibrary_name: saelens\nbase_model: gpt2\ntags: [sae]\n---\n# A card\n"


@pytest.fixture
def plain_client(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """LFS mode, no telemetry; the client's connections are closed afterwards."""
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_TELEMETRY", True)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_PROGRESS_BARS", True)
    yield
    huggingface_hub.close_session()


@pytest.fixture
def hub(tmp_path: Path, plain_client: None) -> Iterator[RunningHub]:
    with serving(tmp_path / "hub", token=TOKEN) as running:
        yield running


@pytest.fixture
def api(hub: RunningHub) -> HfApi:
    return HfApi(endpoint=hub.endpoint, token=TOKEN)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A release in small: JSON, a README, and 12 MB that go by LFS."""
    folder = tmp_path / "source"
    (folder / "layer 3").mkdir(parents=True)
    (folder / "README.md").write_bytes(README.encode())
    (folder / "config.json").write_bytes(b'{"d_in": 576}\n')
    (folder / "layer 3" / "cfg.json").write_bytes(b'{"d_sae": 2304}\n')
    (folder / "layer 3" / "sae_weights.safetensors").write_bytes(random.Random(3).randbytes(12_000_000))
    return folder


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> dict[str, object]:
        return json.loads(self.body)


Ask = Callable[..., Answer]


@pytest.fixture
def ask(hub: RunningHub) -> Ask:
    """Send exactly this path and these headers, follow nothing."""

    def send(
        method: str, url: str, body: bytes | None = None, token: str | None = TOKEN, **headers: str
    ) -> Answer:
        where = urlsplit(url if url.startswith("http") else hub.endpoint + url)
        path = url.removeprefix(f"{where.scheme}://{where.netloc}") if url.startswith("http") else url
        connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=30)
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        try:
            connection.request(method, path, body, sent)
            answer = connection.getresponse()
            names = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, names, answer.read())
        finally:
            connection.close()

    return send


def commit_body(*lines: tuple[str, dict[str, object]]) -> bytes:
    """The lines of a commit, after a header."""
    header = ("header", {"summary": "a commit", "description": ""})
    return b"".join(
        json.dumps({"key": key, "value": value}).encode() + b"\n" for key, value in (header, *lines)
    )


@pytest.fixture
def commit_lines() -> Callable[..., bytes]:
    return commit_body
