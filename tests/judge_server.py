"""A chat endpoint on loopback that answers as a test tells it: with verdicts, with faults, with nothing."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Asked:
    """One request."""

    body: dict[str, Any]
    headers: dict[str, str]

    @property
    def document(self) -> dict[str, Any]:
        """The data that was to be judged, between its two marks."""
        content = self.body["messages"][-1]["content"]
        mark = content.partition("\n")[0]
        found: dict[str, Any] = json.loads(content.removeprefix(mark).removesuffix(mark))
        return found

    @property
    def texts(self) -> list[str]:
        return [one["text"] for one in self.document["completions"]]

    def verdicts(self, label_of: Callable[[str], str]) -> list[dict[str, str]]:
        """One for each completion, by its text."""
        return [
            {
                "id": one["id"],
                "label": label_of(one["text"]),
                "quote": one["text"].split()[0] if one["text"].split() else "",
                "reason": "r",
            }
            for one in self.document["completions"]
        ]


@dataclass
class Reply:
    """What the server sends."""

    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    raw: bytes | None = None
    endless: bytes | None = None
    """Sent again and again, until nobody listens."""
    pause: float = 0.0
    """Seconds between two of those."""


def chat(
    content: str | None,
    *,
    finish: str = "stop",
    tokens: int = 100,
    refusal: str | None = None,
    model: str = "m-2026-01",
) -> Reply:
    """A well-formed answer."""
    message = {"role": "assistant", "content": content} | ({"refusal": refusal} if refusal else {})
    return Reply(
        {
            "id": "x", "object": "chat.completion", "created": 1, "model": model, "system_fingerprint": "fp1",
            "choices": [{"index": 0, "finish_reason": finish, "message": message}],
            "usage": {"prompt_tokens": tokens - 10, "completion_tokens": 10, "total_tokens": tokens},
        }
    )  # fmt: skip


Script = Callable[[Asked, int], Reply]


@dataclass
class Server:
    """Where it is, and what it was asked."""

    url: str
    asked: list[Asked] = field(default_factory=list)
    sent: int = 0
    """Bytes of answers without an end."""


@contextmanager
def serving(script: Script) -> Iterator[Server]:
    """A server that sends what `script` returns for a request and its number, counted from 0."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            asked = Asked(body, {key.lower(): value for key, value in self.headers.items()})
            number = len(server.asked)
            server.asked.append(asked)
            reply = script(asked, number)
            time.sleep(reply.delay)
            data = reply.raw if reply.raw is not None else json.dumps(reply.body).encode()
            try:
                self.send_response(reply.status)
                for name, value in {"content-type": "application/json", **reply.headers}.items():
                    self.send_header(name, value)
                if reply.endless is None:
                    self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)
                while reply.endless is not None:
                    self.wfile.write(reply.endless)
                    server.sent += len(reply.endless)
                    time.sleep(reply.pause)
            except OSError:  # whoever asked has given up
                self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    httpd.daemon_threads = True
    server = Server(f"http://127.0.0.1:{httpd.server_address[1]}/v1")
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        httpd.shutdown()
        httpd.server_close()
        thread.join()


def by_words(text: str) -> str:
    """The label that the texts of these tests say aloud."""
    found = re.match(r"\s*(yes|no)\b", text)
    return found.group(1) if found else "ambiguous"
