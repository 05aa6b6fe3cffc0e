"""The misbehaving Hub as a fixture."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from repo.double import Double, Handler, Server

from hubkit.repo.transport import Transport


@pytest.fixture
def double(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Double]:
    """One Hub, and content under another port."""
    monkeypatch.setenv("HUBKIT_CACHE", str(tmp_path / "cache"))
    found = Double()
    servers = [Server(("127.0.0.1", 0), Handler) for _ in range(2)]
    found.port, found.other_port = (server.server_address[1] for server in servers)
    opened: list[Transport] = []
    begin = Transport.__init__

    def noted(self: Transport, *args: Any, **options: Any) -> None:
        begin(self, *args, **options)
        opened.append(self)

    monkeypatch.setattr(Transport, "__init__", noted)
    for server in servers:
        server.double = found
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield found
    for transport in opened:
        transport.close()
    for server in servers:
        server.shutdown()
        server.server_close()
