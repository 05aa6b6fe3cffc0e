"""The Hub's rate limits: so many requests of a kind in a fixed window, told in every answer's `RateLimit` headers.

https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/09/ and https://huggingface.co/docs/hub/rate-limits
"""

from __future__ import annotations

import hashlib
import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from starlette.datastructures import Headers, MutableHeaders

from hubkit.localhub.answers import plain_answer

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

Bucket = Literal["api", "resolvers", "pages"]


@dataclass(frozen=True)
class Quotas:
    """Requests of each kind that one caller may send in a window."""

    api: int = 1_000_000
    resolvers: int = 1_000_000
    pages: int = 1_000_000
    window: int = 300
    """Seconds."""

    def of(self, bucket: Bucket) -> int:
        """The quota of one kind."""
        return {"api": self.api, "resolvers": self.resolvers, "pages": self.pages}[bucket]


FREE_USER = Quotas(1_000, 5_000, 200)


def bucket_of(path: str) -> Bucket | None:
    """Which quota a request counts against; None for content, whose servers count nothing."""
    if path.startswith("/-/"):
        return None
    if path.startswith("/api/resolve-cache/") or path.split("/")[3:4] == ["resolve"]:
        return "resolvers"
    return "api" if path.startswith("/api/") or ".git/info/lfs/" in path else "pages"


@dataclass
class Limits:
    """Who has sent how much. `quotas` may be replaced at any time; what is counted stays until `reset`."""

    quotas: Quotas = field(default_factory=Quotas)
    clock: Callable[[], float] = time.monotonic
    _windows: dict[tuple[str, Bucket], tuple[float, int]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def reset(self) -> None:
        """Begin all windows anew."""
        with self._lock:
            self._windows.clear()

    def count(self, who: str, bucket: Bucket) -> tuple[bool, dict[str, str]]:
        """Count one request: whether it is within the quota, and the headers that tell what is left."""
        with self._lock:
            quotas, now = self.quotas, self.clock()
            began, sent = self._windows.get((who, bucket), (now, 0))
            if now - began >= quotas.window:
                began, sent = now, 0
            within = sent < quotas.of(bucket)
            self._windows[who, bucket] = (began, sent + 1 if within else sent)
        left = max(0, quotas.of(bucket) - sent - 1)
        seconds = math.ceil(quotas.window - (now - began))
        return within, {
            "RateLimit": f'"{bucket}";r={left};t={seconds}',
            "RateLimit-Policy": f'"fixed window";"{bucket}";q={quotas.of(bucket)};w={quotas.window}',
        }


class LimitLayer:
    """Counts, adds the headers, and answers 429 where a quota is spent."""

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self.app = app
        self.limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        bucket = bucket_of(scope["raw_path"].decode("latin-1")) if scope["type"] == "http" else None
        if bucket is None:
            await self.app(scope, receive, send)
            return
        within, told = self.limits.count(_caller(scope), bucket)

        async def tell(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(raw=message["headers"]).update(told)
            await send(message)

        app = self.app if within else plain_answer(429, f"you have reached your '{bucket}' rate limit")
        await app(scope, receive, tell)


def _caller(scope: Scope) -> str:
    """A token, as its digest, or an address."""
    token = Headers(scope=scope).get("authorization")
    if token is not None:
        return hashlib.sha256(token.encode()).hexdigest()
    return scope["client"][0] if scope["client"] else ""
