"""What every request passes on its way in: the log, the check of where it comes from, and the raw path."""

from __future__ import annotations

import re
import threading
import uuid
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
LONGEST_LOG = 100_000
REQUEST_ID = re.compile(r"[\w=;:.-]{1,200}", re.ASCII)


@dataclass(frozen=True)
class LoggedRequest:
    """One request as it was answered. Neither tokens nor signatures are kept: no headers, no query."""

    method: str
    path: str
    """As sent, still percent-encoded, without the query."""
    status: int
    """0 when no answer was begun."""
    received: int
    """Bytes of the request's body."""
    sent: int
    """Bytes of the answer's body, 0 for HEAD."""
    host: str
    """The origin asked for: `127.0.0.1:8000` is the Hub, `localhost:8000` its content store."""
    authorized: bool = False
    """Whether a token came along (which one is not kept)."""
    range: str | None = None
    """The Range header."""


@dataclass
class RequestLog:
    """The last requests, oldest first."""

    _entries: deque[LoggedRequest] = field(default_factory=lambda: deque(maxlen=LONGEST_LOG))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, entry: LoggedRequest) -> None:
        """Note one request."""
        with self._lock:
            self._entries.append(entry)

    def entries(self) -> tuple[LoggedRequest, ...]:
        """All that is kept."""
        with self._lock:
            return tuple(self._entries)

    def clear(self) -> None:
        """Begin anew."""
        with self._lock:
            self._entries.clear()


class LogLayer:
    """Counts bytes and notes each request, before its last byte leaves: whoever got an answer finds it in the log."""

    def __init__(self, app: ASGIApp, log: RequestLog) -> None:
        self.app = app
        self.log = log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        counter = _Counter(scope, receive, send, self.log)
        try:
            await self.app(scope, counter.receive, counter.send)
        finally:
            counter.note()


class _Counter:
    def __init__(self, scope: Scope, receive: Receive, send: Send, log: RequestLog) -> None:
        self._scope, self._receive, self._send, self._log = scope, receive, send, log
        self._status = self._received = self._sent = 0
        self._length = -1
        self._start: Message | None = None
        self._noted = False

    async def receive(self) -> Message:
        message = await self._receive()
        self._received += len(message.get("body", b""))
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            # Held back until its body begins: with nothing in the body, the client has its whole answer with the head.
            self._status, self._start = message["status"], message
            self._length = int(Headers(raw=message["headers"]).get("content-length", -1))
            return
        counts = self._scope["method"] != "HEAD"
        self._sent += len(message.get("body", b"")) if counts else 0
        if not message.get("more_body", False) or self._sent == self._length:
            self.note()
        if self._start is not None:
            start, self._start = self._start, None
            await self._send(start)
        await self._send(message)

    def note(self) -> None:
        if self._noted:
            return
        self._noted = True
        raw = self._scope["raw_path"].decode("latin-1")
        headers = Headers(scope=self._scope)
        self._log.add(
            LoggedRequest(
                self._scope["method"],
                raw,
                self._status,
                self._received,
                self._sent,
                headers.get("host", ""),
                "authorization" in headers,
                headers.get("range"),
            )
        )


class DoorLayer:
    """Turns away what a web page could send here behind its reader's back.

    A `Host` that is not ours is a foreign name pointed at this machine (DNS rebinding); an `Origin` that is not ours on a
    request that changes something is a foreign page's form or script.
    """

    def __init__(self, app: ASGIApp, names: frozenset[str] | None) -> None:
        self.app = app
        self.names = names
        """Accepted host names; None for any."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http":
            headers = Headers(scope=scope)
            host = headers.get("host", "")
            if not _well_formed(host) or (
                self.names is not None and urlsplit(f"//{host}").hostname not in self.names
            ):
                await PlainTextResponse("this Hub has another name", 421)(scope, receive, send)
                return
            foreign = headers.get("origin", f"http://{host}") != f"http://{host}"
            if foreign and scope["method"] not in {"GET", "HEAD", "OPTIONS"}:
                await PlainTextResponse("another site may not write here", 403)(scope, receive, send)
                return
        await self.app(scope, receive, send)


def _well_formed(host: str) -> bool:
    try:
        parsed = urlsplit(f"//{host}")
        return bool(parsed.hostname) and parsed.netloc == host and "@" not in host and (parsed.port or 1) > 0
    except ValueError:
        return False


class RequestIdLayer:
    """Gives every answer the number that the client sent along, or one of its own: by it a request is found again in two logs."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        sent = headers.get("x-request-id") or headers.get("x-amzn-trace-id") or ""
        number = sent if REQUEST_ID.fullmatch(sent) else str(uuid.uuid4())

        async def tell(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(raw=message["headers"])["X-Request-Id"] = number
            await send(message)

        await self.app(scope, receive, tell)


class RawPathLayer:
    """Routes by the path as it was sent: `refs%2Fpr%2F1` is one segment, and `%2e%2e` is decoded once, where it is checked."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http":
            scope = {**scope, "path": scope["raw_path"].decode("latin-1")}
        await self.app(scope, receive, send)
