"""One request after the other to a Hub and its content store: timeouts, repetition, rate limits, bounded answers. Redirects are the caller's.

A timeout of a socket begins anew with every byte that comes, so a Hub that drips its headers would never meet one: each request has an end of its own,
and the command has one (`repo.deadline`), at which a watch closes the connection under whoever still waits.
"""

from __future__ import annotations

import atexit
import random
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from hubkit.errors import IncompleteError
from hubkit.repo.addresses import origin
from hubkit.repo.deadline import Deadline
from hubkit.repo.ratelimit import RateLimits, retry_after
from hubkit.repo.watch import Line, Watch

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator

    from huggingface_hub.utils import httpx

IN_FLIGHT = 16
"""Requests at a time, of all repositories together: more bring nothing on the Hub."""
CONNECTIONS = 4
"""Of one client, which asks one thing at a time and goes back and forth between two origins."""
CONNECT, SILENCE = 10.0, 20.0
"""Seconds: to connect, and between two pieces of an answer."""
PATIENT = 60.0
"""Seconds within which an answer has to be under way."""
SLOWEST = 50_000.0
"""Bytes a second: a body that comes more slowly than this, after PATIENT seconds, is given up."""
ATTEMPTS = 4
PAUSE, LONGEST_PAUSE = 0.4, 8.0
REPEATED = {408, 425, 429, 500, 502, 503, 504}
MAX_ERROR = 1 << 16
"""Bytes of an answer that is no content."""


class UnreachableError(IncompleteError):
    """No answer, or none but faults of the server, after several attempts."""


@dataclass
class Meter:
    """What reading one repository cost."""

    requests: int = 0
    bytes_read: int = 0
    """Of bodies, as they came over the wire."""
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def add(self, requests: int, size: int) -> None:
        """Note requests and bytes; from any thread."""
        with self._lock:
            self.requests += requests
            self.bytes_read += size


@dataclass(frozen=True)
class Ask:
    """One GET, or with a body a POST that changes nothing."""

    url: str
    route: str
    """Which of the Hub's counters it falls under, by our own name: the Hub's name comes with the answer."""
    headers: Mapping[str, str]
    limit: int
    """Bytes of content that are taken at most."""
    check: Callable[[Answer], None] = lambda _: None
    """Called with a 2xx answer before its body is read; raises IncompleteError to refuse it."""
    body: bytes | None = None


@dataclass(frozen=True)
class Answer:
    """Status and headers (lower case), and the content; nothing of it is kept where it is longer than the limit."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""
    too_long: bool = False


class Transport:
    """A pool of connections and the rate limits of one process."""

    def __init__(
        self, limits: RateLimits | None = None, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self.limits = limits or RateLimits()
        self._sleep = sleep
        self._slots = threading.BoundedSemaphore(IN_FLIGHT)
        self._lock = threading.Lock()
        self._watch = Watch()
        self._clients: dict[bool, list[tuple[httpx.Client, Line]]] = {True: [], False: []}
        """Those that nobody asks at the moment. Each thread has one to itself: a client's pool locks out all others while it looks
        over its connections, which at sixteen in flight cost more than the requests. By whether they speak TLS, whose
        certificates take longer to load than a request to a Hub of this machine takes."""
        self._trust: dict[bool, ssl.SSLContext] = {}
        self.direct_routes: dict[str, bool] = {}
        """Origin to whether it serves `/api/resolve-cache/`, once that is known."""
        self.probing = threading.Lock()

    def get(self, ask: Ask, meter: Meter, deadline: Deadline | None = None) -> Answer:
        """The answer, whatever its status; 5xx, 429 and broken connections are repeated first.

        Raises IncompleteError when nothing comes, OverdueError when the `deadline` passes before it has come.
        """
        from huggingface_hub.utils import httpx

        host = origin(ask.url)
        deadline = deadline or Deadline()
        for attempt in range(1, ATTEMPTS + 1):
            self.limits.take(host, ask.route, deadline)
            deadline.check(host)
            try:
                answer = self._once(ask, meter, deadline)
            except httpx.InvalidURL as error:
                raise IncompleteError(f"{host}: the Hub named an address that is none") from error
            except (httpx.HTTPError, OSError) as error:
                deadline.check(host)
                if attempt == ATTEMPTS or isinstance(error, httpx.UnsupportedProtocol):
                    text = str(error) or type(error).__name__
                    raise UnreachableError(
                        f"{host} did not answer: {text}", hint="try again; HF_ENDPOINT names another Hub"
                    ) from error
                self._sleep(min(deadline.left, _pause(attempt)))
                continue
            self.limits.learn(host, ask.route, answer.headers)
            if answer.status not in REPEATED or attempt == ATTEMPTS:
                return answer
            self._wait(host, ask.route, answer, min(deadline.left, _pause(attempt)), deadline)
        raise AssertionError

    def close(self) -> None:
        """Close every connection; the next request opens new ones."""
        with self._lock:
            clients = [client for idle in self._clients.values() for client, _ in idle]
            self._clients = {True: [], False: []}
        for client in clients:
            client.close()

    def _wait(self, host: str, route: str, answer: Answer, unnamed: float, deadline: Deadline) -> None:
        """As long as the answer asks for; `unnamed` seconds where it does not say."""
        named = (
            self.limits.refused(host, route, answer.headers)
            if answer.status == 429
            else retry_after(answer.headers)
        )
        if named is None:
            self._sleep(unnamed)
        else:
            self.limits.pause(named + random.uniform(0, 0.5), host, deadline)  # noqa: S311 - not a secret

    def _once(self, ask: Ask, meter: Meter, deadline: Deadline) -> Answer:
        with (
            self._slots,
            self._one(ask.url.startswith("https:")) as (client, line),
            self._watch.over(line, min(deadline.left, PATIENT + ask.limit / SLOWEST)),
            client.stream(
                "GET" if ask.body is None else "POST",
                ask.url,
                headers=dict(ask.headers),
                content=ask.body,
                extensions={"trace": line.note},
            ) as response,
        ):
            answer = Answer(
                response.status_code, {key.lower(): value for key, value in response.headers.items()}
            )
            content = 200 <= answer.status < 300
            try:
                if content:
                    ask.check(answer)
                body = _read(response, ask.limit if content else MAX_ERROR)
            finally:
                meter.add(1, response.num_bytes_downloaded)
        return Answer(answer.status, answer.headers, body or b"", too_long=body is None)

    @contextmanager
    def _one(self, secure: bool) -> Iterator[tuple[httpx.Client, Line]]:
        """A client of one's own for one request; the last that was given back, whose connections are warm."""
        with self._lock:
            idle = self._clients[secure]
            one = idle.pop() if idle else (self._new_client(secure), Line())
        try:
            yield one
        finally:
            with self._lock:
                self._clients[secure].append(one)

    def _new_client(self, secure: bool) -> httpx.Client:
        import ssl

        from huggingface_hub.utils import httpx

        if not self._trust:
            atexit.register(self.close)
        if secure not in self._trust:
            # where no TLS is spoken, a context that trusts nobody
            self._trust[secure] = (
                httpx.create_ssl_context() if secure else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            )
        return httpx.Client(
            verify=self._trust[secure],
            follow_redirects=False,
            timeout=httpx.Timeout(SILENCE, connect=CONNECT, pool=60.0),
            limits=httpx.Limits(
                max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS, keepalive_expiry=30.0
            ),
        )


def _read(response: Any, limit: int) -> bytes | None:
    """The body; None for one that is longer than `limit`. What is left is not waited for: the connection is closed instead."""
    from huggingface_hub.utils import httpx

    data = bytearray()
    begun = time.monotonic()
    for chunk in response.iter_bytes():
        if len(data) + len(chunk) > limit:
            return None
        data += chunk
        if (
            spent := time.monotonic() - begun - PATIENT
        ) > 0 and response.num_bytes_downloaded < spent * SLOWEST:
            raise httpx.ReadTimeout("the answer comes too slowly")
    return bytes(data)


def _pause(attempt: int) -> float:
    """Seconds before the next attempt: doubled each time, and shaken, so that many clients do not come back together."""
    return min(LONGEST_PAUSE, PAUSE * 2.0 ** (attempt - 1)) * random.uniform(0.5, 1.0)  # noqa: S311 - not a secret


@cache
def shared() -> Transport:
    """The one of this process: every repository draws on the same connections and the same quota."""
    return Transport()
