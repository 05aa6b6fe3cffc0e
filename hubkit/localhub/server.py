"""Running a local Hub: in a thread beside other work, or in a terminal until Ctrl-C.

    with serving(folder) as hub:
        api = HfApi(endpoint=hub.endpoint, token="any")

The Hub listens on 127.0.0.1 and, where there is one, on ::1 under the same port, because clients are sent to `localhost`
for content (another origin, where they leave their token behind) and some systems try ::1 for that name first.
"""

from __future__ import annotations

import secrets
import threading
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hubkit.errors import UsageError
from hubkit.localhub.disk import keeping
from hubkit.localhub.listening import is_loopback, listen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import uvicorn

    from hubkit.localhub.app import Around
    from hubkit.localhub.faults import Faults
    from hubkit.localhub.layers import LoggedRequest, RequestLog
    from hubkit.localhub.limits import Limits, Quotas
    from hubkit.localhub.users import User

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
    faults: Faults
    """Faults to switch on: `hub.faults.add(Fault("drop", match="resolve", after_bytes=100))`."""
    limits: Limits
    """Rate limits: `hub.limits.quotas = Quotas(api=10)`."""
    _log: RequestLog

    @property
    def requests(self) -> tuple[LoggedRequest, ...]:
        """What was asked and answered so far, oldest first: method, path, status, bytes both ways, host."""
        return self._log.entries()

    def clear_requests(self) -> None:
        """Forget the requests so far."""
        self._log.clear()


@contextmanager
def serving(  # noqa: PLR0913 - one keyword per thing that a test may want otherwise
    folder: str | Path,
    token: str | None = None,
    port: int = 0,
    *,
    user: str = "local",
    users: Sequence[User] = (),
    quotas: Quotas | None = None,
    chunk_size: int = CHUNK_SIZE,
    link_seconds: int = LINK_SECONDS,
    xet: bool = False,
) -> Iterator[RunningHub]:
    """Serve `folder` (made when missing) in a thread while the block runs; port 0 takes a free one.

    With `token`, writing and private repositories need it, and `user`, whose token it is, is at home in every namespace;
    `users` are at home in their own. LFS objects above `chunk_size` bytes are uploaded in parts of that size; signed links
    live `link_seconds`. With `xet` content goes by hf_xet's local store (for smoke tests: `xet.py`). Raises UsageError when the port is taken or another Hub serves the folder.
    """
    settings = _Settings("127.0.0.1", port, token, user, tuple(users), quotas, chunk_size, link_seconds, xet)
    with _running(Path(folder), settings) as (hub, _):
        yield hub


def serve(
    folder: str | Path,
    host: str = "127.0.0.1",
    port: int = 8000,
    *,
    token: str | None = None,
    user: str = "local",
    announce: Callable[[RunningHub], None] | None = None,
) -> None:
    """Serve `folder` until Ctrl-C, which leaves as KeyboardInterrupt once the Hub has stopped.

    `announce` is called when the Hub answers. Raises UsageError as `serving`, and for a `host` that others on the network
    can reach without a token.
    """
    if not is_loopback(host) and not token:
        raise UsageError(
            f"{host} can be reached from the network, and without a token everybody there could write",
            hint="give a token, or leave the host at 127.0.0.1",
        )
    settings = _Settings(host, port, token, user)
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
    users: tuple[User, ...] = ()
    quotas: Quotas | None = None
    chunk_size: int = CHUNK_SIZE
    link_seconds: int = LINK_SECONDS
    xet: bool = False


@contextmanager
def _running(folder: Path, settings: _Settings) -> Iterator[tuple[RunningHub, threading.Thread]]:
    from hubkit.localhub.app import Around
    from hubkit.localhub.fault_layer import Connections
    from hubkit.localhub.faults import Faults
    from hubkit.localhub.layers import LOOPBACK, RequestLog
    from hubkit.localhub.limits import Limits, Quotas

    if settings.chunk_size < 1:
        raise UsageError(f"chunk_size must be at least 1 byte, it is {settings.chunk_size}")
    with ExitStack() as stack:
        stack.enter_context(keeping(folder))
        sockets = listen(settings.host, settings.port)
        for listener in sockets:
            stack.callback(listener.close)
        limits = Limits(settings.quotas or Quotas())
        # A Hub for the network is known by names that it cannot know; it has a token.
        names = LOOPBACK if is_loopback(settings.host) else None
        around = Around(RequestLog(), limits, Faults(), Connections(), names)
        server = _server(folder, settings, around)
        thread = threading.Thread(target=server.run, args=(sockets,), name="hubkit-localhub", daemon=True)
        thread.start()
        stack.callback(_stop, server, thread)
        _wait_until_started(server, thread)
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        endpoint = f"http://{host}:{sockets[0].getsockname()[1]}"
        yield RunningHub(endpoint, folder, around.faults, limits, around.log), thread


def _server(folder: Path, settings: _Settings, around: Around) -> uvicorn.Server:
    import uvicorn

    from hubkit.localhub.app import build_app
    from hubkit.localhub.collection_store import Collections
    from hubkit.localhub.discussions import Discussions
    from hubkit.localhub.hub import Hub
    from hubkit.localhub.signing import Signer
    from hubkit.localhub.store import Store
    from hubkit.localhub.users import accounts
    from hubkit.localhub.xet import Xet

    # The secret lives as long as the server: nothing to keep, and no link outlives a restart.
    signer = Signer(secrets.token_bytes(32), settings.link_seconds)
    known = accounts(settings.user, settings.token, settings.users)
    store = Store(folder)
    xet = Xet(folder, store.objects) if settings.xet else None
    hub = Hub(store, Discussions(store), Collections(folder), signer, known, settings.chunk_size, xet)
    config = uvicorn.Config(
        build_app(hub, around),
        loop="asyncio",
        http=around.connections.protocol(),
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
