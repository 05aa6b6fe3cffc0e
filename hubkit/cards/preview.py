"""A card as the Hub would show it: served from its folder with the local Hub's page, shown anew when it changes; or written as one HTML file."""

from __future__ import annotations

import base64
import hashlib
import mimetypes
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from hubkit.cards.settings import NAME as SETTINGS
from hubkit.cards.settings import stated_name
from hubkit.errors import UsageError
from hubkit.localhub.pages import PAGE_HEADERS, CardPage, FileRow, page_policy
from hubkit.release.layout import README
from hubkit.repo.local import open_folder
from hubkit.small_files import instead_of_file, read_regular
from hubkit.texts import printable

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

LONGEST_README = 10_000_000
MARKDOWN = {".md", ".markdown", ".txt", ""}
"""Endings of what is shown as a card."""
LONGEST_EMBEDDED = 5_000_000
"""Bytes of a picture that goes into a page of its own."""
MOST_EMBEDDED = 30_000_000
"""Bytes of all of them, each counted as often as it is shown."""
START_SECONDS = 30.0
RELOAD = Path(__file__).parents[1] / "localhub" / "reload.js"


@dataclass(frozen=True)
class Subject:
    """A README and the folder that it belongs to."""

    folder: Path
    readme: Path

    @property
    def name(self) -> str:
        """The repository's name where a card.yaml gives one, else the folder's."""
        return printable(stated_name(self.folder) or self.folder.resolve().name)

    @property
    def text(self) -> str | None:
        """The card as it is now; None while there is none."""
        try:
            return read_regular(self.readme, LONGEST_README).decode("utf-8", "replace")
        except OSError as error:
            # also a pipe, and what is larger than any card: it is said in place of the card
            return None if isinstance(error, FileNotFoundError) else f"{self.readme.name}: {error.strerror}"

    def files(self) -> list[FileRow]:
        """What the folder holds now and would be published."""
        entries = open_folder(self.folder).list()
        return [FileRow(entry.path, entry.size) for entry in entries if entry.path != SETTINGS]

    def state(self) -> str:
        """Changes with the card and with the name, size and time of every file."""
        listed = (f"{file.path} {file.size} {_changed(self.folder / file.path)}" for file in self.files())
        parts = [self.text or "", *listed]
        return hashlib.sha256("\n".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _changed(file: Path) -> int:
    """When a file was written last; 0 for one that is just gone."""
    try:
        return file.stat().st_mtime_ns
    except OSError:
        return 0


def open_subject(target: Path) -> Subject:
    """The card of a release folder, or a README file. Raises UsageError where there is none."""
    if target.is_dir():
        if what := instead_of_file(target / README):
            raise UsageError(f"{target / README}: {what}, expected a file", hint="move it away or rename it")
        if not (target / README).is_file():
            raise UsageError(f"{target}: there is no README.md to show", hint=f"hubkit build-cards {target}")
        return Subject(target, target / README)
    if not target.is_file():
        raise UsageError(
            f"{target}: there is no such folder or file", hint="name a release folder or a README.md"
        )
    if target.suffix.lower() not in MARKDOWN:
        raise UsageError(f"{target}: not a card", hint="name a release folder or a README.md")
    return Subject(target.parent, target)


def write_page(target: Path, out: Path) -> list[str]:
    """One HTML file that needs no other: pictures of the folder are inside, at most 5 MB each; the names of those that were left out.

    Raises UsageError.
    """
    from hubkit.release.writing import answering

    subject = open_subject(target)
    page = CardPage(subject.name, "", subject.files(), subject.text, crumb="A card, as it was when this page was written",
                    head=f'<meta http-equiv="Content-Security-Policy" content="{page_policy()}">')  # fmt: skip
    html, left_out = _with_pictures(page, subject.folder)
    with answering(out) as temporary:
        temporary.write_bytes(html.encode("utf-8"))
    return left_out


@contextmanager
def previewing(target: Path, port: int = 0) -> Iterator[str]:
    """Serve the page of `target` on this machine while the block runs; gives its address. Raises UsageError."""
    import uvicorn

    from hubkit.localhub.layers import LOOPBACK, DoorLayer
    from hubkit.localhub.listening import listen

    subject = open_subject(target)
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


def preview(target: Path, port: int = 0, announce: Callable[[str], None] = lambda _: None) -> None:
    """Serve until Ctrl-C, which leaves as KeyboardInterrupt; `announce` hears the address. Raises UsageError."""
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

    crumb = f"Preview of {quote(subject.readme.name, errors='surrogateescape')}; it follows the file"
    page = CardPage(subject.name, "/files/", subject.files(), subject.text, crumb=crumb, head='<script src="/-/reload.js" defer></script>')  # fmt: skip
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
