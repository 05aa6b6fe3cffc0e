"""A Hub of a few lines that misbehaves on request. The local Hub is too correct for that."""

from __future__ import annotations

import hashlib
import json
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from huggingface_hub import HfApi

from hubkit.repo.hub import HubView, open_repo
from hubkit.repo.ratelimit import RateLimits
from hubkit.repo.transport import Transport

SHA = "a" * 40
TOKEN = "hf_secret"


@dataclass
class Asked:
    """One request."""

    host: str
    path: str
    headers: dict[str, str]
    client: tuple[str, int] = ("", 0)
    body: bytes = b""

    @property
    def is_batch(self) -> bool:
        return self.path == "/o/r.git/info/lfs/objects/batch"

    @property
    def is_content(self) -> bool:
        return self.path.startswith("/content/")


@dataclass
class Reply:
    """One answer; `length` announces another length than the body has, `drop` closes the connection after the body. `drip` is how long each byte of
    the head (`drip_head`) or of the body takes; `endless` sends the body again and again.
    """

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    length: int | None = None
    drop: bool = False
    drip: float = 0.0
    drip_head: bool = False
    endless: bool = False


@dataclass
class Double:
    """Files of one repository `o/r`; `fault` may answer a request in place of the Hub."""

    files: dict[str, bytes] = field(default_factory=dict)
    lfs: set[str] = field(default_factory=set)
    fault: Callable[[Asked], Reply | None] = lambda _: None
    direct: bool = True
    batch: bool = False
    """Whether it says in one answer where many LFS files lie."""
    extra: dict[str, Any] = field(default_factory=dict)
    log: list[Asked] = field(default_factory=list)
    port: int = 0
    other_port: int = 0
    slept: list[float] = field(default_factory=list)
    signed: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def view(self, revision: str | None = None, *, wait: bool = False, **options: Any) -> HubView:
        """Fresh connections; pauses are noted and not made, unless `wait`."""
        sleep = time.sleep if wait else self.slept.append
        limits = RateLimits(sleep=sleep)
        transport = options.pop("transport", None) or Transport(limits, sleep=sleep)
        api = HfApi(endpoint=self.endpoint, token=options.pop("token", TOKEN))
        return open_repo("o/r", revision, api, transport=transport, **options)

    def paths(self) -> list[str]:
        return [asked.path for asked in self.log]

    def answer(self, asked: Asked) -> Reply:
        with self.lock:
            self.log.append(asked)
        return self.fault(asked) or self._plain(asked)

    def _plain(self, asked: Asked) -> Reply:  # noqa: PLR0911 - one for each kind of request
        path = asked.path.partition("?")[0]
        if asked.is_batch and self.batch:
            return self.places(asked)
        if path.startswith("/api/models/o/r"):
            return Reply(body=self.listing(), headers={"Content-Type": "application/json"})
        if found := re.fullmatch(rf"/o/r/resolve/{SHA}/(.+)|/api/resolve-cache/models/o/r/{SHA}/(.+)", path):
            name = found[1] or found[2]
            if name not in self.files or (found[2] and not self.direct):
                return Reply(404, headers={"X-Error-Code": "EntryNotFound"} if found[1] else {})
            if name not in self.lfs:
                return ranged(self.files[name], asked)
            self.signed += 1
            return Reply(
                302,
                headers={"Location": f"http://localhost:{self.other_port}/content/{name}?n={self.signed}"},
            )
        if found := re.fullmatch("/content/(.+)", path):
            return ranged(self.files[found[1]], asked)
        return Reply(404)

    def places(self, asked: Asked, base: str | None = None) -> Reply:
        """The answer to a batch question."""
        names = {hashlib.sha256(self.files[name]).hexdigest(): name for name in self.lfs}
        self.signed += 1
        base = base or f"http://localhost:{self.other_port}"
        objects = [
            item | {"actions": {"download": {"href": f"{base}/content/{names[item['oid']]}?n={self.signed}"}}}
            for item in json.loads(asked.body)["objects"]
        ]
        return Reply(body=json.dumps({"transfer": "basic", "objects": objects}).encode())

    def listing(self) -> bytes:
        siblings = []
        for path, data in self.files.items():
            lfs = {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
            siblings.append(
                {"rfilename": path, "size": len(data), **({"lfs": lfs} if path in self.lfs else {})}
            )
        return json.dumps({"id": "o/r", "sha": SHA, "siblings": siblings, **self.extra}).encode()


def ranged(data: bytes, asked: Asked) -> Reply:
    """As a good server does it."""
    found = re.fullmatch(r"bytes=(\d+)-(\d+)", asked.headers.get("range", ""))
    if not found:
        return Reply(body=data)
    start, stop = int(found[1]), min(int(found[2]) + 1, len(data))
    return Reply(206, data[start:stop], {"Content-Range": f"bytes {start}-{stop - 1}/{len(data)}"})


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Any

    def do_POST(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        asked = Asked(
            self.headers["Host"],
            self.path,
            {key.lower(): value for key, value in self.headers.items()},
            self.client_address,
            self.rfile.read(int(self.headers.get("Content-Length", 0))),
        )
        reply = self.server.double.answer(asked)
        length = len(reply.body) if reply.length is None else reply.length
        lines = [
            f"HTTP/1.1 {reply.status} x",
            f"Content-Length: {length}",
            *(f"{k}: {v}" for k, v in reply.headers.items()),
        ]
        head = "\r\n".join([*lines, "", ""]).encode()
        try:
            if reply.drip:
                self.drip(head, reply)
            elif reply.endless:
                self.wfile.write(head)
                while True:
                    self.wfile.write(reply.body)
            else:
                self.wfile.write(head + reply.body)
        except OSError:
            reply.drop = True
        self.close_connection = reply.drop

    def drip(self, head: bytes, reply: Reply) -> None:
        quick, slow = (head[:20], head[20:] + reply.body) if reply.drip_head else (head, reply.body)
        self.wfile.write(quick)
        for byte in slow:
            time.sleep(reply.drip)
            self.wfile.write(bytes([byte]))

    def log_message(self, *args: Any) -> None:
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    double: Double

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # a client that stopped reading is what some tests are about
