"""The client's listings: their pages come from the Hub that was asked, whatever its answers say."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from huggingface_hub import HfApi, close_session

from hubkit.audit.listing import candidates
from hubkit.audit.targets import Query
from hubkit.errors import IncompleteError
from hubkit.repo.paging import pages_of


class Server:
    """Answers every request with one model, and the next page of `following` as often as there is one."""

    def __init__(self) -> None:
        self.following: list[str] = []
        self.tokens: list[str | None] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.tokens.append(self.headers.get("authorization"))
                body = json.dumps([{"id": f"a/m{len(server.tokens)}", "_id": "1"}]).encode()
                self.send_response(200)
                if server.following:
                    self.send_header("Link", f'<{server.following.pop(0)}>; rel="next"')
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_HEAD(self) -> None:
                self.send_response(200)
                self.end_headers()

            def log_message(self, *said: Any) -> None:
                del said

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"


@contextmanager
def serving() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.http.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.http.shutdown()
        server.http.server_close()
        close_session()


def listed(hub: Server) -> list[str]:
    api = HfApi(endpoint=hub.url, token="hf_secret")
    return [model.id for model in pages_of(api.list_models())]


def test_pages_of_the_same_hub_are_followed_with_the_token() -> None:
    with serving() as hub:
        hub.following = [f"{hub.url}/api/models?cursor=1"]
        assert listed(hub) == ["a/m1", "a/m2"]
        assert set(hub.tokens) == {"Bearer hf_secret"}


def test_a_page_on_another_host_is_not_asked_for() -> None:
    with serving() as hub, serving() as other:
        hub.following = [f"{other.url}/api/models?cursor=1"]
        with pytest.raises(IncompleteError, match="another host: not followed"):
            listed(hub)
        assert other.tokens == []


@pytest.mark.parametrize("place", ["file:///etc/passwd", "https://", "//127.0.0.1:1/x"])
def test_nor_one_that_is_no_page(place: str) -> None:
    with serving() as hub:
        hub.following = [place]
        with pytest.raises(IncompleteError):
            listed(hub)
        assert len(hub.tokens) == 1


def test_an_audit_says_so() -> None:
    with serving() as hub, serving() as other:
        hub.following = [f"{other.url}/api/models?cursor=1"]
        api = HfApi(endpoint=hub.url, token="hf_secret")
        (candidate,) = candidates([Query(author="a")], api)
        assert candidate.kind == "failed"
        assert "another host" in candidate.failure
        assert other.tokens == []
