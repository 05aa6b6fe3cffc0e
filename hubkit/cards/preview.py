"""A card as the Hub would show it: served from its folder with the local Hub's page, shown anew when it changes; or written as one HTML file."""

from __future__ import annotations

import base64
import mimetypes
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from hubkit.cards.preview_subject import LONGEST_EMBEDDED, MOST_EMBEDDED, Subject, opened
from hubkit.errors import UsageError
from hubkit.localhub.pages import PAGE_HEADERS, CardPage, page_policy
from hubkit.repo.local import open_folder

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

START_SECONDS = 30.0
RELOAD = Path(__file__).parents[1] / "localhub" / "reload.js"


def write_page(target: str | Path, out: Path) -> list[str]:
    """One HTML file that needs no other: pictures of the folder are inside, at most 5 MB each; the names of those that were left out.

    Raises UsageError.
    """
    from hubkit.release.writing import answering

    with opened(target) as subject:
        page = CardPage(subject.name, "", subject.files(), subject.text, crumb="A card, as it was when this page was written",
                        head=f'<meta http-equiv="Content-Security-Policy" content="{page_policy()}">')  # fmt: skip
        html, left_out = _with_pictures(page, subject.folder)
        with answering(out) as temporary:
            temporary.write_bytes(html.encode("utf-8"))
        return left_out


@contextmanager
def previewing(target: str | Path, port: int = 0) -> Iterator[str]:
    """Serve the page of `target` on this machine while the block runs; gives its address. Raises HubkitError."""
    with opened(target) as subject, _serving(subject, port) as address:
        yield address


@contextmanager
def _serving(subject: Subject, port: int) -> Iterator[str]:
    import uvicorn

    from hubkit.localhub.layers import LOOPBACK, DoorLayer
    from hubkit.localhub.listening import listen

    sockets = listen("127.0.0.1", port)
    app = DoorLayer(_app(subject), LOOPBACK)
    server = uvicorn.Server(uvicorn.Config(app, ws="none", lifespan="off", log_config=None, log_level="error", access_log=False, server_header=False, timeout_graceful_shutdown=1))  # fmt: skip
    thread = threading.Thread(target=server.run, args=(sockets,), name="hubkit-preview", daemon=True)
    thread.start()
    try:
        until = time.monotonic() + START_SECONDS
        while not server.started:
            if not thread.is_alive() or time.monotonic() > until:
                raise UsageError(f"the preview did not start within {START_SECONDS:g} s")
            time.sleep(0.01)
        yield f"http://127.0.0.1:{sockets[0].getsockname()[1]}/"
    finally:
        server.should_exit = True
        thread.join(10)
        for listener in sockets:
            listener.close()


def preview(target: str | Path, port: int = 0, announce: Callable[[str], None] = lambda _: None) -> None:
    """Serve until Ctrl-C, which leaves as KeyboardInterrupt; `announce` hears the address. Raises HubkitError."""
    with previewing(target, port) as address:
        announce(address)
        while True:
            time.sleep(0.5)


def _app(subject: Subject) -> Starlette:
    from starlette.applications import Starlette
    from starlette.routing import Route

    routes = [
        Route("/", partial(_show, subject)),
        Route("/-/page", partial(_show, subject)),
        Route("/-/state", partial(_state, subject)),
        Route("/-/reload.js", _reload),
        Route("/files/{path:path}", partial(_file, subject)),
    ]
    return Starlette(routes=routes)


def _show(subject: Subject, request: Request) -> Response:
    from starlette.responses import HTMLResponse

    page = CardPage(subject.name, "/files/", subject.files(), subject.text, crumb=subject.crumb, head='<script src="/-/reload.js" defer></script>')  # fmt: skip
    origin = f"http://{request.headers['host']}"
    # The page's own script asks for two addresses and no other; a card has no scripts.
    policy = page_policy(
        f"{origin}/files/",
        scripts=f"{origin}/-/reload.js",
        connections=f"{origin}/-/state {origin}/-/page",
    )
    headers = {**PAGE_HEADERS, "Content-Security-Policy": policy, "Cache-Control": "no-store"}
    return HTMLResponse(page.html(), headers=headers)


def _state(subject: Subject, _: Request) -> Response:
    from starlette.responses import PlainTextResponse

    return PlainTextResponse(subject.state(), headers={"Cache-Control": "no-store"})


def _reload(_: Request) -> Response:
    from starlette.responses import Response

    return Response(RELOAD.read_bytes(), media_type="text/javascript")


def _file(subject: Subject, request: Request) -> Response:
    from starlette.responses import FileResponse, PlainTextResponse

    from hubkit.localhub.routes_files import IMAGES, SAFE_HEADERS

    entry = open_folder(subject.folder).entry(unquote(request.path_params["path"]))
    if entry is None:
        return PlainTextResponse("there is no such file", 404)
    media = IMAGES.get(entry.name.rpartition(".")[2].lower(), "text/plain; charset=utf-8")
    return FileResponse(
        subject.folder / entry.path, media_type=media, headers={**SAFE_HEADERS, "Cache-Control": "no-store"}
    )


def _with_pictures(page: CardPage, folder: Path) -> tuple[str, list[str]]:
    """The page with the folder's pictures in it, and the names of those that are left out: larger than one may be, or than all may be together."""
    html, room, left_out = page.html(), MOST_EMBEDDED, []
    for entry in open_folder(folder).list():
        source = f'src="{entry.path}"'
        kind = mimetypes.guess_type(entry.path)[0] or ""
        if not kind.startswith("image/") or not (times := html.count(source)):
            continue
        room -= entry.size * times  # a card may show one picture a hundred thousand times
        if entry.size > LONGEST_EMBEDDED or room < 0:
            left_out.append(entry.path)
            continue
        data = base64.b64encode((folder / entry.path).read_bytes()).decode("ascii")
        html = html.replace(source, f'src="data:{kind};base64,{data}"')
    return html, left_out
