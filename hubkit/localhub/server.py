"""Running a local Hub: in a thread beside other work, or in a terminal until Ctrl-C.

    with serving(folder) as hub:
        api = HfApi(endpoint=hub.endpoint, token="any")

The Hub listens on 127.0.0.1 and, where there is one, on ::1 under the same port, because clients are sent to `localhost`
for content (another origin, where they leave their token behind) and some systems try ::1 for that name first.
"""

from __future__ import annotations

import ipaddress
import secrets
import socket
import sys
import threading
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hubkit.errors import UsageError
from hubkit.localhub.disk import keeping

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import uvicorn

    from hubkit.localhub.layers import LoggedRequest, RequestLog

CHUNK_SIZE = 64 * 1024 * 1024
LINK_SECONDS = 3600
START_SECONDS = 30.0
STOP_SECONDS = 15.0


@dataclass(frozen=True)
class RunningHub:
    """A Hub that answers now."""

    endpoint: str
    """`http://127.0.0.1:PORT`: what HF_ENDPOINT and `HfApi(endpoint=)` want."""
    folder: Path
    _log: RequestLog

    @property
    def requests(self) -> tuple[LoggedRequest, ...]:
        """What was asked and answered so far, oldest first: method, path, status, bytes both ways, host."""
        return self._log.entries()

    def clear_requests(self) -> None:
        """Forget the requests so far."""
        self._log.clear()


@contextmanager
def serving(
    folder: str | Path,
    token: str | None = None,
    port: int = 0,
    *,
    user: str = "local",
    chunk_size: int = CHUNK_SIZE,
    link_seconds: int = LINK_SECONDS,
) -> Iterator[RunningHub]:
    """Serve `folder` (made when missing) in a thread while the block runs; port 0 takes a free one.

    With `token`, writing and private repositories need it. LFS objects above `chunk_size` bytes are uploaded in parts of that
    size; signed links live `link_seconds`. Raises UsageError when the port is taken or another Hub serves the folder.
    """
    settings = _Settings("127.0.0.1", port, token, user, chunk_size, link_seconds)
    with _running(Path(folder), settings) as (hub, _):
        yield hub


def serve(
    folder: str | Path,
    host: str = "127.0.0.1",
    port: int = 8000,
    *,
    token: str | None = None,
    announce: Callable[[RunningHub], None] | None = None,
) -> None:
    """Serve `folder` until Ctrl-C, which leaves as KeyboardInterrupt once the Hub has stopped.

    `announce` is called when the Hub answers. Raises UsageError as `serving`, and for a `host` that others on the network
    can reach without a token.
    """
    if not _is_loopback(host) and not token:
        raise UsageError(
            f"{host} can be reached from the network, and without a token everybody there could write",
            hint="give a token, or leave the host at 127.0.0.1",
        )
    settings = _Settings(host, port, token, "local", CHUNK_SIZE, LINK_SECONDS)
    with _running(Path(folder), settings) as (hub, thread):
        if announce is not None:
            announce(hub)
        while thread.is_alive():
            thread.join(0.5)  # in slices: on Windows a plain join cannot be interrupted


@dataclass(frozen=True)
class _Settings:
    host: str
    port: int
    token: str | None
    user: str
    chunk_size: int
    link_seconds: int


@contextmanager
def _running(folder: Path, settings: _Settings) -> Iterator[tuple[RunningHub, threading.Thread]]:
    from hubkit.localhub.layers import RequestLog

    if settings.chunk_size < 1:
        raise UsageError(f"chunk_size must be at least 1 byte, it is {settings.chunk_size}")
    with ExitStack() as stack:
        stack.enter_context(keeping(folder))
        sockets = _listen(settings.host, settings.port)
        for listener in sockets:
            stack.callback(listener.close)
        log = RequestLog()
        server = _server(folder, settings, log)
        thread = threading.Thread(target=server.run, args=(sockets,), name="hubkit-localhub", daemon=True)
        thread.start()
        stack.callback(_stop, server, thread)
        _wait_until_started(server, thread)
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        yield RunningHub(f"http://{host}:{sockets[0].getsockname()[1]}", folder, log), thread


def _server(folder: Path, settings: _Settings, log: RequestLog) -> uvicorn.Server:
    import uvicorn

    from hubkit.localhub.app import build_app
    from hubkit.localhub.hub import Hub
    from hubkit.localhub.layers import LOOPBACK
    from hubkit.localhub.signing import Signer
    from hubkit.localhub.store import Store

    # The secret lives as long as the server: nothing to keep, and no link outlives a restart.
    signer = Signer(secrets.token_bytes(32), settings.link_seconds)
    hub = Hub(Store(folder), signer, settings.token, settings.user, settings.chunk_size)
    # A Hub for the network is known by names that it cannot know; it has a token.
    names = LOOPBACK if _is_loopback(settings.host) else None
    config = uvicorn.Config(
        build_app(hub, log, names),
        loop="asyncio",
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="error",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=75,  # longer than a client's pool keeps a connection: the client closes first, no lost request
        timeout_graceful_shutdown=5,
    )
    return uvicorn.Server(config)


def _wait_until_started(server: uvicorn.Server, thread: threading.Thread) -> None:
    waited = threading.Event()
    for _ in range(int(START_SECONDS / 0.01)):
        if server.started:
            return
        if not thread.is_alive():
            break
        waited.wait(0.01)
    raise UsageError(f"the local Hub did not start within {START_SECONDS:g} s")


def _stop(server: uvicorn.Server, thread: threading.Thread) -> None:
    server.should_exit = True
    thread.join(STOP_SECONDS)


def _listen(host: str, port: int) -> list[socket.socket]:
    """Listening sockets, all on one port; the first is the one asked for. Raises UsageError."""
    for _ in range(20):
        first = _bind(host, port)
        if host != "127.0.0.1" or not socket.has_ipv6:
            return [first]
        try:
            return [first, _bind("::1", first.getsockname()[1])]
        except _NoAddressError:
            return [first]  # this machine has no ::1
        except UsageError:
            first.close()
            if port:
                raise
    raise UsageError("no port is free on both 127.0.0.1 and ::1", hint="give a port")


class _NoAddressError(UsageError):
    pass


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        # Named TCP, or asyncio leaves Nagle's delay on: 40 ms for every answer whose head and body go out apart.
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    except OSError as error:
        raise _NoAddressError(f"{host}: {error}") from error
    try:
        if sys.platform == "win32":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind((host, port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise _refused(host, port, error) from error
    return listener


def _refused(host: str, port: int, error: OSError) -> UsageError:
    import errno

    missing = {
        errno.EADDRNOTAVAIL,
        errno.EAFNOSUPPORT,
        getattr(errno, "WSAEADDRNOTAVAIL", errno.EADDRNOTAVAIL),
    }
    if error.errno in missing:
        return _NoAddressError(f"{host} is not an address of this machine")
    return UsageError(
        f"cannot listen on {host}:{port}: {error.strerror}", hint="give another port; 0 takes a free one"
    )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
