"""The layer that carries faults out, and the connections that it can cut."""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.responses import Response
from uvicorn.protocols.http.h11_impl import H11Protocol

from hubkit.localhub.answers import plain_answer
from hubkit.localhub.entries import Put
from hubkit.localhub.names import repo_id
from hubkit.localhub.refusals import HubRefusalError

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from hubkit.localhub.faults import Fault, Faults
    from hubkit.localhub.store import Store

COMMIT_PATH = re.compile(r"/api/models/([^/]+)/([^/]+)/commit/([^/]+)")
RACER = "somebody-else"


class Connections:
    """The open connections of a server, by the client's address."""

    def __init__(self) -> None:
        self._open: dict[Any, tuple[asyncio.Transport, asyncio.Event]] = {}

    def protocol(self) -> type[asyncio.Protocol]:
        """The server's protocol, which notes its connections here."""
        noted = self._open

        class Noted(H11Protocol):
            def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
                super().connection_made(transport)
                noted[self.client] = (transport, asyncio.Event())

            def connection_lost(self, exc: Exception | None) -> None:
                super().connection_lost(exc)
                noted.pop(self.client)[1].set()

        return Noted

    async def cut(self, scope: Scope) -> None:
        """End the connection that `scope` came over, once what was written is sent."""
        if scope["client"] in self._open:
            transport, lost = self._open[scope["client"]]
            transport.close()
            await lost.wait()

    def has(self, scope: Scope) -> bool:
        """Whether the connection that `scope` came over is still open."""
        return scope["client"] in self._open

    async def drip(self, scope: Scope, head: bytes, seconds: float) -> None:
        """Write `head`, and then a byte every `seconds` for as long as the client stays."""
        if scope["client"] not in self._open:
            return
        transport, lost = self._open[scope["client"]]
        transport.write(head)
        while not lost.is_set():
            transport.write(b"x")
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(lost.wait(), seconds)


class FaultLayer:
    """Does to requests what the faults say."""

    def __init__(self, app: ASGIApp, faults: Faults, store: Store, connections: Connections) -> None:
        self.app = app
        self.faults = faults
        self.store = store
        self.connections = connections

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        taken = []
        if scope["type"] == "http":
            taken = self.faults.take(f"{scope['method']} {scope['raw_path'].decode('latin-1')}")
        app = self.app
        for fault in taken:
            if fault.kind == "delay":
                await asyncio.sleep(fault.seconds)
            else:
                app = await self._faulty(fault, scope)
        await app(scope, receive, send)

    async def _faulty(self, fault: Fault, scope: Scope) -> ASGIApp:
        """What answers instead."""
        if fault.kind == "race":
            await run_in_threadpool(self._win_race, scope)
            return self.app
        if fault.kind == "ignore_range":
            return self._without_range
        if fault.kind in {"drip", "drip_head"}:
            return self._dripped(fault.seconds) if fault.kind == "drip" else self._endless_head(fault.seconds)
        cut = {"truncate": self._truncated, "drop": self._dropped, "hang_up": self._hung_up, "shorten": self._shortened}  # fmt: skip
        if fault.kind in cut:
            return cut[fault.kind](fault.after_bytes)
        return _instead(fault, scope)

    async def _without_range(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(name, value) for name, value in scope["headers"] if name != b"range"]
        await self.app({**scope, "headers": headers}, receive, send)

    def _truncated(self, limit: int) -> ASGIApp:
        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            left = limit

            async def cut(message: Message) -> None:
                nonlocal left
                if message["type"] == "http.response.start":
                    headers = MutableHeaders(raw=message["headers"])
                    left = min(limit, int(headers.get("content-length", limit)))
                    headers["content-length"] = str(left)
                    await send(message)
                    return
                body = message.get("body", b"")[:left] if scope["method"] != "HEAD" else b""
                left -= len(body)
                await send({**message, "body": body})

            await self.app(scope, receive, cut)

        return answer

    def _dripped(self, seconds: float) -> ASGIApp:
        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            async def drip(message: Message) -> None:
                if message["type"] != "http.response.body":
                    await send(message)
                    return
                for byte in message.get("body", b""):
                    await asyncio.sleep(seconds)
                    if not self.connections.has(scope):
                        return
                    await send({**message, "body": bytes([byte]), "more_body": True})
                await send({**message, "body": b""})

            await self.app(scope, receive, drip)

        return answer

    def _endless_head(self, seconds: float) -> ASGIApp:
        async def answer(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001 - nothing is answered
            await self.connections.drip(scope, b"HTTP/1.1 200 OK\r\nX-Drip: ", seconds)

        return answer

    def _dropped(self, limit: int) -> ASGIApp:
        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            left, over = limit, False

            async def drop(message: Message) -> None:
                nonlocal left, over
                if over:
                    return
                if message["type"] == "http.response.start":
                    over = limit < 0
                    if not over:
                        await send(message)
                else:
                    body = message.get("body", b"")[:left]
                    left -= len(body)
                    over = left == 0 or not message.get("more_body", False)
                    await send({**message, "body": body, "more_body": True})
                if over:
                    await self.connections.cut(scope)

            await self.app(scope, receive, drop)

        return answer

    def _hung_up(self, limit: int) -> ASGIApp:
        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            left = limit

            async def part() -> Message:
                nonlocal left
                message = await receive()
                left -= len(message.get("body", b""))
                if left > 0:
                    return message
                await self.connections.cut(scope)
                return {"type": "http.disconnect"}

            await self.app(scope, part, send)

        return answer

    def _shortened(self, limit: int) -> ASGIApp:
        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            left = limit

            async def part() -> Message:
                nonlocal left
                message = await receive()
                body = message.get("body", b"")[:left]
                left -= len(body)
                while left == 0 and message.get("more_body", False):  # the client is to send all of it
                    message = await receive()
                return {**message, "body": body}

            await self.app(scope, part, send)

        return answer

    def _win_race(self, scope: Scope) -> None:
        found = COMMIT_PATH.fullmatch(scope["raw_path"].decode("latin-1"))
        if found is None:
            return
        namespace, name, revision = (unquote(text) for text in found.groups())
        with suppress(
            HubRefusalError
        ):  # where there is no such branch nobody can be first: our commit is told so itself
            repo = repo_id(namespace, name)
            number = len(self.store.line(repo, self.store.commit_at(repo, revision)))
            put = Put(f"race-{number}.txt", self.store.regular(b"somebody else was faster\n"))
            self.store.commit(repo, revision, [put], ("a commit that came first", ""), author=RACER)


def _instead(fault: Fault, scope: Scope) -> Response:
    """The answer of a fault under which nothing is done."""
    if fault.kind == "rate_limit":
        answer = plain_answer(429, "you have reached your 'api' rate limit")
        seconds = max(0, round(fault.seconds))
        told = {"RateLimit": f'"api";r=0;t={seconds}', "RateLimit-Policy": '"fixed window";"api";q=500;w=300'}
        answer.headers.update({"Retry-After": str(seconds), **told})
        return answer
    if fault.kind in {"redirect", "redirect_loop"}:
        query = b"?" + scope["query_string"] if scope["query_string"] else b""
        here = (scope["raw_path"] + query).decode("latin-1")
        return Response(status_code=302, headers={"Location": fault.to or here})
    if fault.kind == "expired":
        return plain_answer(403, "this link has expired: ask the Hub for a new one")
    return plain_answer(fault.status, f"a fault was asked for: status {fault.status}")
